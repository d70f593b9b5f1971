"""What clients have sent and nobody has taken yet: how much memory that may be, and for how long half a message is one.

Clients that say half of something, and those whose database does not listen, hold what they have sent in the relay.
"""

import asyncio
from collections.abc import Callable

from access.postgres.limits import Limits
from access.postgres.refusals import Reason, Refused


class Memory:
    """Bytes that may wait; of one grant, `within` those of all."""

    def __init__(self, most: int, within: "Memory | None" = None) -> None:
        self._most, self._within = most, within
        self._used = 0

    def change(self, by: int) -> None:
        """So many more, or fewer. Raises Refused: there is no place; then nothing has changed."""
        if by > 0 and self._used + by > self._most:
            raise Refused(Reason.LIMIT, "53200", "too much that is not finished, or not taken, waits at the relay")
        if self._within:
            self._within.change(by)
        self._used += by


class Waiting:
    """What of one session waits. `stopped`: it is not the client who lets it wait; `over` is called when it has been
    half a message for too long."""

    def __init__(
        self, memory: Memory, limits: Limits, stopped: Callable[[], bool], over: Callable[[Refused], None]
    ) -> None:
        self._memory, self._seconds, self._stopped, self._over = memory, limits.message_seconds, stopped, over
        self._held = 0
        self._moved = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def now(self, held: int, *, moved: bool) -> None:
        """So many bytes wait; `moved`: a message has come to its end. Raises Refused."""
        before = self._held
        if held != before:
            self._memory.change(held - before)
            self._held = held
        if held and (moved or not before):
            self._moved = asyncio.get_running_loop().time()
        if held and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def end(self) -> None:
        """Nothing waits any more."""
        self._memory.change(-self._held)
        self._held = 0
        if self._timer:
            self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if not self._held:
            return
        left = self._moved + self._seconds - loop.time()
        if self._stopped():
            left = self._seconds
        if left <= 0:
            self._over(Refused(Reason.LIMIT, "57P05", f"a message was not whole after {self._seconds:g} seconds"))
            return
        self._timer = loop.call_later(left, self._look)
