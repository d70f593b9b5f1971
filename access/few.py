"""How much of what happens over and over is told one by one.

What is told goes into the audit log, for ever; a client that is refused a thousand times a second must not fill it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from access.orders import Happened

LIMIT: Final = "limit"
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


class RefusedLogins(Generic[Event]):
    """Logins that are refused at one door: of each grant, and of none, some are told, then how many more there were.

    `most` are told one by one until they are summed up, `seconds` later; `event` makes what `tell` is given.
    """

    def __init__(self, most: int, seconds: float, event: type[Event], tell: Callable[[Event], None]) -> None:
        self._seconds, self._event, self._tell = seconds, event, tell
        self._few = Few(most)
        self._summing: asyncio.TimerHandle | None = None

    def refuse(self, grant: str, client: str, reason: str, detail: str) -> None:
        """Somebody was not let in; `grant` is the one that they are, or once were, let in by."""
        if self._few.tells(grant):
            said = {"grant": grant, "client": client, "reason": reason, "detail": detail}
            self._tell(self._event(happened="login_refused", **said))
        if self._summing is None:
            self._summing = asyncio.get_running_loop().call_later(self._seconds, self._sum_up)

    def close(self) -> None:
        """No more comes."""
        if self._summing:
            self._summing.cancel()
            self._sum_up()

    def _sum_up(self) -> None:
        self._summing = None
        for grant, count in self._few.untold().items():
            detail = f"{count} more logins were refused"
            self._tell(self._event(happened="login_refused", grant=grant, reason=LIMIT, detail=detail))
