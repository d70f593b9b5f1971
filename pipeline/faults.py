"""Named points around every external effect, at which a test kills the worker: each once, as a power cut would.

`POINTS` is every point there is; the worker's `--die-at NAME ...` arms some. Without it, nothing happens.
"""

import os
import signal
from collections.abc import Collection
from pathlib import Path

POINTS = (
    "intake.repository-seeded",
    "intake.build-made",
    "generate.worktree-made",
    "generate.process-made",
    "generate.task-started",
    "generate.step-committed",
    "generate.outcome-written",
    "generate.task-ended",
    "test.suites-ran",
    "security.scanned",
    "review.task-ended",
    "merge.asked",
    "merge.decided",
    "merge.retested",
    "main.intended",
    "merge.artefact-unrecorded",
    "merge.artefact-stored",
    "merge.main-moved",
    "revert.main-moved",
    "staging.release-begun",
    "staging.stack-updated",
    "staging.watched",
    "production.previewed",
    "production.asked",
    "production.release-begun",
    "production.stack-updated",
    "production.watched",
    "rollback.release-failed",
    "rollback.stack-updated",
)


class Faults:
    """The armed points. `folder` remembers which went off, so that the next process goes on."""

    def __init__(self, folder: Path, armed: Collection[str] = ()) -> None:
        if unknown := set(armed) - set(POINTS):
            raise ValueError(f"no such fault points: {unknown}; there are: {', '.join(POINTS)}")
        self._folder = folder
        self._armed = frozenset(armed)

    def reach(self, point: str) -> None:
        """Called where the effect has happened and nothing has been recorded yet."""
        if point not in POINTS:
            raise ValueError(f"no fault point {point!r}")
        if point not in self._armed:
            return
        mark = self._folder / f"died-at-{point}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
