"""What is told of refusals: the first ones of a grant by themselves, of more only how many. What is told goes into the
audit log, for ever.
"""

import asyncio
import contextlib
from collections import Counter

from access.aws.limits import Limits
from access.aws.orders import Happened
from access.aws.refusals import Reason, Refused
from access.aws.session import TOLD_CHARACTERS, Watch
from access.few import Few


class Refusals:
    """Those of all grants of a proxy; it sums up every hour, and when it is closed."""

    def __init__(self, limits: Limits, watch: Watch) -> None:
        self._limits, self._watch = limits, watch
        self._few = Few(limits.refusals_told)
        self._of_holders: Counter[str] = Counter()
        self._summing = asyncio.ensure_future(self._sum_up())

    def tell(self, grant: str, client: str, why: Refused) -> None:
        """One more; `grant` is whose key was named, whoever did."""
        if self._few.tells(grant):
            told = f"{why.code}: {why.detail}"[:TOLD_CHARACTERS]
            self._watch(
                Happened(happened="call_refused", grant=grant, client=client, reason=why.reason.value, detail=told)
            )

    def spends(self, grant: str) -> bool:
        """Whether one more, of the grant's own holder, is more than a grant may have: once."""
        self._of_holders[grant] += 1
        if self._of_holders[grant] != self._limits.grant_refusals:
            return False
        why = f"{self._limits.grant_refusals} calls of the grant were refused"
        self._watch(Happened(happened="grant_spent", grant=grant, reason=Reason.LIMIT.value, detail=why))
        return True

    def forget(self, grant: str) -> None:
        """It is over."""
        del self._of_holders[grant]

    async def close(self) -> None:
        """Tell what was not told yet."""
        self._summing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._summing
        self._tell_more()

    async def _sum_up(self) -> None:
        while True:
            await asyncio.sleep(self._limits.summed_up_seconds)
            self._tell_more()

    def _tell_more(self) -> None:
        for grant, count in self._few.untold().items():
            detail = f"{count} more calls were refused"
            self._watch(
                Happened(happened="call_refused", grant=grant, reason=Reason.LIMIT.value, detail=detail, calls=count)
            )
