"""Run: a program on the worktree, in a sandbox of its own; without network, but for what the task is let into."""

import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.brief import EgressWay
from agents.door import Reach
from agents.tools.inputs import Run
from agents.tools.results import Result
from factory.quiet import beside_others
from factory.redactor import Redactor
from sandbox import Bind, Confined, Limits, Ran, python_binds, run, through

INSIDE = "/work"
# What a run leaves behind would be committed with the step.
QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider", "HOME": "/tmp"}  # noqa: S108 -- inside

# Where Debian's programs look for the authorities they trust; Python is told by the variable.
TRUST = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Runner:
    """Runs programs for one task. `nothing` is an empty file, which stands where the worktree names its repository.

    `quiet` is the lock of what runs the app's code (`factory.quiet`); `egress` is the task's way out, if it has one.
    `secrets` are variables of what runs, whose values are in no file of the task, and in no answer of a tool. `reach`
    says, for each program anew, what the task's grants open; their tokens are in no answer either.
    """

    worktree: Path
    nothing: Path
    quiet: Path
    egress: EgressWay | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    reach: Callable[[], Reach] = Reach
    sandbox: Callable[[Confined], Ran] = run
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def run(self, asked: Run, seconds: float) -> Result:
        """Carry out the call, for at most `seconds`.

        Raises SandboxUnavailable: nothing runs unconfined; DoorClosed: nobody says what is in reach.
        """
        allowed, reach = min(float(asked.seconds), seconds), self.reach()
        self._tokens.update(reach.secrets)
        confined = Confined(
            argv=tuple(asked.argv),
            binds=(*python_binds(), *self._binds()),
            env={**self.secrets, **QUIET, **reach.environment},
            cwd=INSIDE,
            limits=Limits(seconds=allowed),
        )
        confined = _let_out(confined, self.egress, reach.ways)
        with beside_others(self.quiet):
            ran = self.sandbox(confined)
        ended = f"timed out after {allowed:g} s" if ran.timed_out else f"exit code {ran.code} after {ran.seconds:.1f} s"
        cut = " (its output was cut)" if ran.truncated else ""
        # Asked again: a program that was cut off in the middle cannot say why.
        over = self.reach().over if reach.ways or reach.secrets else ()
        redactor = self.redactor
        # Each by itself: what is cut off may be the rest of a secret.
        told = [redactor.text(text, cut=ran.truncated) for text in (ran.out, ran.err) if text]
        output = "\n".join((*told, *over))
        return Result(said=ended + cut, data=output, source="run", error=ran.timed_out or ran.code != 0)

    @property
    def redactor(self) -> Redactor:
        """Takes the values of `secrets`, and the tokens that any program was told, out of what a tool answers."""
        # This process may be another one than that whose programs were told.
        self._tokens.update(self.reach().secrets)
        return Redactor({**self.secrets, **self._tokens})

    def _binds(self) -> tuple[Bind, ...]:
        worktree = Bind(host=self.worktree, inside=INSIDE, writable=True)
        if not os.path.lexists(self.worktree / ".git"):
            return (worktree,)
        return (worktree, Bind(host=self.nothing, inside=f"{INSIDE}/.git"))


def _let_out(confined: Confined, egress: EgressWay | None, ways: Sequence[Path]) -> Confined:
    """The command behind the task's gates; told of the proxy, with the authorities that this host trusts, where it has
    one.
    """
    if egress is None:
        return through(confined, *ways) if ways else confined
    # Clients read one or the other.
    told = {"HTTPS_PROXY": egress.proxy, "https_proxy": egress.proxy, "SSL_CERT_FILE": TRUST}
    trusted = ssl.get_default_verify_paths().cafile or TRUST
    binds = (Bind(Path(trusted), TRUST),) if Path(trusted).is_file() else ()
    confined = replace(confined, env={**confined.env, **told}, binds=(*confined.binds, *binds))
    return through(confined, egress.socket, *ways)
