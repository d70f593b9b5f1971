"""What one grant may use in sum. Pure."""

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


def _spent(detail: str) -> Refused:
    return Refused(Reason.BUDGET, SQLSTATE, detail)
