"""Run: a program on the worktree, in a sandbox of its own without network."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.tools.inputs import Run
from agents.tools.results import Result
from factory.quiet import beside_others
from sandbox import Bind, Confined, Limits, Ran, python_binds, run

INSIDE = "/work"
# What a run leaves behind would be committed with the step.
QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider", "HOME": "/tmp"}  # noqa: S108 -- inside


@dataclass(frozen=True)
class Runner:
    """Runs programs for one task. `nothing` is an empty file, which stands where the worktree names its repository.

    `quiet` is the lock of what runs the app's code (`factory.quiet`).
    """

    worktree: Path
    nothing: Path
    quiet: Path
    sandbox: Callable[[Confined], Ran] = run

    def run(self, asked: Run, seconds: float) -> Result:
        """Carry out the call, for at most `seconds`. Raises SandboxUnavailable: nothing runs unconfined."""
        allowed = min(float(asked.seconds), seconds)
        confined = Confined(
            argv=tuple(asked.argv),
            binds=(*python_binds(), *self._binds()),
            env=QUIET,
            cwd=INSIDE,
            limits=Limits(seconds=allowed),
        )
        with beside_others(self.quiet):
            ran = self.sandbox(confined)
        ended = f"timed out after {allowed:g} s" if ran.timed_out else f"exit code {ran.code} after {ran.seconds:.1f} s"
        cut = " (its output was cut)" if ran.truncated else ""
        output = "\n".join(text for text in (ran.out, ran.err) if text)
        return Result(said=ended + cut, data=output, source="run", error=ran.timed_out or ran.code != 0)

    def _binds(self) -> tuple[Bind, ...]:
        worktree = Bind(host=self.worktree, inside=INSIDE, writable=True)
        if not os.path.lexists(self.worktree / ".git"):
            return (worktree,)
        return (worktree, Bind(host=self.nothing, inside=f"{INSIDE}/.git"))
