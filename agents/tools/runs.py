"""Run: a program on the worktree, in a sandbox of its own; without network, or with the task's one way out."""

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from agents.brief import EgressWay
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
    `secrets` are variables of what runs, whose values are in no file of the task, and in no answer of a tool.
    """

    worktree: Path
    nothing: Path
    quiet: Path
    egress: EgressWay | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    sandbox: Callable[[Confined], Ran] = run

    def run(self, asked: Run, seconds: float) -> Result:
        """Carry out the call, for at most `seconds`. Raises SandboxUnavailable: nothing runs unconfined."""
        allowed = min(float(asked.seconds), seconds)
        confined = Confined(
            argv=tuple(asked.argv),
            binds=(*python_binds(), *self._binds()),
            env={**self.secrets, **QUIET},
            cwd=INSIDE,
            limits=Limits(seconds=allowed),
        )
        if self.egress:
            confined = _let_out(confined, self.egress)
        with beside_others(self.quiet):
            ran = self.sandbox(confined)
        ended = f"timed out after {allowed:g} s" if ran.timed_out else f"exit code {ran.code} after {ran.seconds:.1f} s"
        cut = " (its output was cut)" if ran.truncated else ""
        # Each by itself: what is cut off may be the rest of a secret.
        output = "\n".join(self.redactor.text(text, cut=ran.truncated) for text in (ran.out, ran.err) if text)
        return Result(said=ended + cut, data=output, source="run", error=ran.timed_out or ran.code != 0)

    @cached_property
    def redactor(self) -> Redactor:
        """Takes the values of `secrets` out of what a tool answers."""
        return Redactor(self.secrets)

    def _binds(self) -> tuple[Bind, ...]:
        worktree = Bind(host=self.worktree, inside=INSIDE, writable=True)
        if not os.path.lexists(self.worktree / ".git"):
            return (worktree,)
        return (worktree, Bind(host=self.nothing, inside=f"{INSIDE}/.git"))


def _let_out(confined: Confined, egress: EgressWay) -> Confined:
    """The command behind the task's gate, told of the proxy, with the authorities that this host trusts."""
    told = dict(egress.doors)
    if egress.hosts:
        # Clients read one or the other.
        told |= {"HTTPS_PROXY": egress.proxy, "https_proxy": egress.proxy, "SSL_CERT_FILE": TRUST}
    trusted = ssl.get_default_verify_paths().cafile or TRUST
    binds = (Bind(Path(trusted), TRUST),) if Path(trusted).is_file() else ()
    return through(replace(confined, env={**confined.env, **told}, binds=(*confined.binds, *binds)), egress.socket)
