"""Logins under way, and what is told of those that are refused: each is recorded, only some are told one by one."""

import asyncio
import contextlib
from typing import Final

from access.few import Few
from access.postgres import wire
from access.postgres.ends import End
from access.postgres.orders import Happened
from access.postgres.refusals import Reason, Refused
from access.postgres.session import Around

# Whoever is not logged in yet writes a part of what is recorded of the attempt.
TOLD_CHARACTERS: Final = 500


class Attempt:
    """A login under way: who tries, as far as it is known."""

    def __init__(self) -> None:
        self.address = self.name = self.grant = ""
        self.end: End | None = None

    def drop(self, last: bytes = b"") -> None:
        """It is over."""
        if self.end:
            with contextlib.suppress(OSError):
                self.end.end(last)


class RefusedLogins:
    """Those of one relay. Of each grant, and of those that are of none, so many are told; then how many there were."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._few = Few(around.limits.logins_told)
        self._summing: asyncio.TimerHandle | None = None

    def refuse(self, login: Attempt, why: Refused) -> None:
        """Record it, tell it, and tell the client."""
        detail = f"{login.name}: {why.detail}" if login.name else why.detail
        refused = Happened(
            happened="login_refused",
            grant=login.grant,
            client=login.address,
            reason=why.reason.value,
            detail=detail[:TOLD_CHARACTERS],
        )
        self._around.record(refused)
        if self._few.tells(login.grant):
            self._around.watch(refused)
        if self._summing is None:
            seconds = self._around.limits.summed_up_seconds
            self._summing = asyncio.get_running_loop().call_later(seconds, self._sum_up)
        login.drop(wire.fatal(why))

    def close(self) -> None:
        """No more comes."""
        if self._summing:
            self._summing.cancel()
            self._sum_up()

    def _sum_up(self) -> None:
        self._summing = None
        for grant, count in self._few.untold().items():
            detail = f"{count} more logins were refused"
            self._around.watch(
                Happened(happened="login_refused", grant=grant, reason=Reason.LIMIT.value, detail=detail, refused=count)
            )
