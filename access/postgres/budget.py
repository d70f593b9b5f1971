"""What one grant may use in sum, and how much of what is refused is told one by one. Pure.

What is told goes into the audit log, for ever; a client that is refused a thousand times a second must not fill it.
"""

from collections import Counter
from typing import Final

from access.postgres.limits import Limits
from access.postgres.refusals import Reason, Refused

SQLSTATE: Final = "53400"


class Budget:
    """One grant's. `recorded` (bytes) and `sessions`: what it had used before this relay began."""

    def __init__(self, limits: Limits, recorded: int = 0, sessions: int = 0) -> None:
        self._limits, self._recorded, self._sessions = limits, recorded, sessions
        self._refusals = 0

    def begin(self) -> None:
        """One more session. Raises Refused."""
        self._sessions += 1
        if self._sessions > (most := self._limits.grant_sessions):
            raise _spent(f"the grant has had its {most} sessions")

    def record(self, count: int) -> None:
        """So many bytes more of recordings. Raises Refused: they may not be written, nor what they tell happen."""
        self._recorded += count
        if self._recorded > (most := self._limits.grant_recording_bytes):
            raise _spent(f"the grant's recordings have reached {most} bytes")

    def refuse(self) -> None:
        """One more statement that is refused. Raises Refused."""
        self._refusals += 1
        if self._refusals >= (most := self._limits.grant_refusals):
            raise _spent(f"{most} statements of the grant were refused")


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


def _spent(detail: str) -> Refused:
    return Refused(Reason.BUDGET, SQLSTATE, detail)
