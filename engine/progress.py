"""Progress of long work, as typed events: whoever shows them (terminal, JSON, log) decides how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["wait", "notice", "install", "toolchain", "download", "compile", "link", "ready"]


@dataclass(frozen=True)
class Progress:
    """One step of getting an engine. `fraction` (0 to 1) is given where the size of the work is known."""

    phase: Phase
    detail: str
    fraction: float | None = None

    def __str__(self) -> str:
        share = "" if self.fraction is None else f" {self.fraction:.0%}"
        return f"{self.phase}{share}: {self.detail}"


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A Report that shows nothing."""
    del progress
