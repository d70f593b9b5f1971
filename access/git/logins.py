"""Logins that are refused at the git door: of each grant, and of none, some are told, then how many more there were."""

import asyncio

from access.git.limits import Limits
from access.git.orders import Happened
from access.git.refusals import Reason
from access.git.session import Tell
from access.postgres.budget import Few


class RefusedLogins:
    """Those of one door."""

    def __init__(self, limits: Limits, tell: Tell) -> None:
        self._tell, self._seconds = tell, limits.summed_up_seconds
        self._few = Few(limits.logins_told)
        self._summing: asyncio.TimerHandle | None = None

    def refuse(self, grant: str, client: str, detail: str) -> None:
        """Somebody showed a token that opens nothing; `grant` is the one that it once opened."""
        if self._few.tells(grant):
            reason = Reason.CREDENTIALS.value
            self._tell(Happened(happened="login_refused", grant=grant, client=client, reason=reason, detail=detail))
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
            self._tell(Happened(happened="login_refused", grant=grant, reason=Reason.LIMIT.value, detail=detail))
