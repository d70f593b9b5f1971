"""How much of what happens over and over is told one by one.

What is told goes into the audit log, for ever; a client that is refused a thousand times a second must not fill it.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from access.orders import Happened

LIMIT: Final = "limit"
DETAIL_CHARACTERS: Final = 500
Event = TypeVar("Event", bound=Happened)


class Few:
    """Of what happens over and over, for each name, the first `most` are told; of the others only how many they are."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: Counter[str] = Counter()

    def tells(self, name: str) -> bool:
        """Whether this one is told."""
        self._seen[name] += 1
        return self._seen[name] <= self._most

    def untold(self) -> dict[str, int]:
        """How many were not, by name; everything begins anew."""
        found = {name: count - self._most for name, count in self._seen.items() if count > self._most}
        self._seen.clear()
        return found


class _Waits(Protocol):
    def cancel(self) -> None:
        """It is not done any more."""


Later = Callable[[float, Callable[[], None]], _Waits]


def in_loop(seconds: float, do: Callable[[], None]) -> _Waits:
    """Have it done after so many seconds by the loop that runs."""
    return asyncio.get_running_loop().call_later(seconds, do)


def by_thread(seconds: float, do: Callable[[], None]) -> _Waits:
    """Have it done after so many seconds by a thread of its own."""
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    return timer


class Summed:
    """A few for each name, and `more` is given how many more there were, by name: `seconds` after the first, and at the
    end. Safe to use from many threads.
    """

    def __init__(
        self, most: int, seconds: float, more: Callable[[Mapping[str, int]], None], later: Later = in_loop
    ) -> None:
        self._few, self._seconds, self._more, self._later = Few(most), seconds, more, later
        self._lock = threading.Lock()
        self._summing: _Waits | None = None

    def tells(self, name: str) -> bool:
        """Whether this one is told by itself."""
        with self._lock:
            if self._summing is None:
                self._summing = self._later(self._seconds, self._sum_up)
            return self._few.tells(name)

    def close(self) -> None:
        """No more comes."""
        if self._summing:
            self._summing.cancel()
            self._sum_up()

    def _sum_up(self) -> None:
        with self._lock:
            self._summing = None
            untold = self._few.untold()
        if untold:
            self._more(untold)


class Refusals(Generic[Event]):
    """What is refused at one door: of each grant, and of none, `most` are told until they are summed up, `seconds`
    later; then how many `more` there were. `event` makes what `tell` is given; `happened` is its name for `things`.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        event: type[Event],
        tell: Callable[[Event], None],
        happened: str = "login_refused",
        things: str = "logins",
    ) -> None:
        self._summed = Summed(most, seconds, self._tell_more)
        self._event, self._tell, self._happened, self._things = event, tell, happened, things

    def refuse(self, grant: str, client: str, reason: str, detail: str) -> Event:
        """Somebody was refused; `grant` is the one that they are, or once were, let in by. The event, told or not."""
        said = {"grant": grant, "client": client, "reason": reason, "detail": detail[:DETAIL_CHARACTERS]}
        refused = self._made(**said)
        if self._summed.tells(grant):
            self._tell(refused)
        return refused

    def close(self) -> None:
        """No more comes."""
        self._summed.close()

    def _tell_more(self, untold: Mapping[str, int]) -> None:
        for grant, count in untold.items():
            detail = f"{count} more {self._things} were refused"
            self._tell(self._made(grant=grant, reason=LIMIT, detail=detail, more=count))

    def _made(self, **facts: Any) -> Event:
        return self._event(happened=self._happened, **facts)
