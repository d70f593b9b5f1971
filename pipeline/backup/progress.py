"""Progress of a backup or a restore, for whoever shows it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What is under way. `fraction` (0 to 1) is given where the size of the work is known."""

    what: str
    fraction: float | None = None


Report = Callable[[Step], None]


def silent(step: Step) -> None:
    """A Report that shows nothing."""
    del step


class Counter:
    """Reports how much of `total` bytes is done, each hundredth once."""

    def __init__(self, what: str, total: int, report: Report) -> None:
        self._what = what
        self._total = total
        self._report = report
        self._done = 0
        self._told = -1

    def add(self, count: int) -> None:
        """So many bytes more are done."""
        self._done += count
        part = 100 * self._done // self._total if self._total else 100
        if part != self._told:
            self._told = part
            self._report(Step(self._what, part / 100))
