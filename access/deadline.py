"""The end of a grant by the clock of the process that lets its holder in, whatever becomes of the broker."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

TIME_OVER: Final = "its time is over"


class Deadline:
    """Calls `ended` after so many seconds. Made where an event loop runs."""

    def __init__(self, seconds: float, ended: Callable[[], object]) -> None:
        self._until = time.monotonic() + seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, ended)

    @property
    def passed(self) -> bool:
        """Whether it is over, `ended` called or not. Whoever is about to do something for the holder asks: a process
        that was stopped (SIGSTOP) and goes on reads what has waited for it before its timers have their turn.
        """
        # Not by the loop's clock, which stands still until the loop has been through everything that is there.
        return self._until <= time.monotonic()

    def cancel(self) -> None:
        """It has ended otherwise."""
        self._timer.cancel()
