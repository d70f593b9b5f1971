"""What was read of moto's records, for as long as nothing has changed them."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Found = TypeVar("Found")
# A few of moto's records change by being read, which is no change that anybody is told of: seen so late at most.
LONGEST_SECONDS: Final = 1.0


class Seen(Generic[Found]):
    """Reads again when the version is another one, or after a second; in between it costs next to nothing.

    So what follows the records may look as often as it likes, and still sees each change at its next look.
    """

    def __init__(
        self,
        version: Callable[[], object],
        read: Callable[[], Found],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version, self._read, self._clock = version, read, clock
        self._last: tuple[object, float, Found] | None = None

    def __call__(self) -> Found:
        """What stands there now."""
        # Before it is read: what changes meanwhile is another version, and read the next time.
        version, now = self._version(), self._clock()
        if self._last is None or self._last[0] != version or now >= self._last[1]:
            self._last = version, now + LONGEST_SECONDS, self._read()
        return self._last[2]
