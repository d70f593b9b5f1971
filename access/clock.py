"""The clocks that access goes by: the wall clock, which people and machines set, and one that nobody sets."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

Now = Callable[[], datetime]
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def boot_seconds() -> float:
    """Seconds since the machine was started, also those that it slept; the same in all of its processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@functools.cache
def boot_id() -> str:
    """Which start of the machine this is."""
    return BOOT_ID.read_text().strip()


class Moment(BaseModel):
    """A moment by both clocks: `ticks` are seconds since `boot`, a start of the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wall: datetime
    ticks: float
    boot: str


@dataclass(frozen=True)
class Clock:
    """Both of them, and which start of the machine the second one counts from."""

    now: Now = utc_now
    ticks: Callable[[], float] = boot_seconds
    boot: Callable[[], str] = boot_id

    def moment(self) -> Moment:
        """The present one."""
        return Moment(wall=self.now(), ticks=self.ticks(), boot=self.boot())


MACHINE: Final = Clock()


def elapsed(since: Moment, now: Moment) -> float:
    """How many seconds lie between two moments: of one start of the machine by the clock that nobody sets.

    Otherwise by the wall clock; a negative number says that it was set back.
    """
    return now.ticks - since.ticks if since.boot == now.boot else wall_seconds(since, now)


def wall_seconds(since: Moment, now: Moment) -> float:
    """The same by the wall clock alone."""
    return (now.wall - since.wall).total_seconds()
