"""Logins under way, and what is told of those that are refused: each is recorded, only some are told one by one."""

import contextlib

from access.few import Refusals
from access.postgres import wire
from access.postgres.ends import End
from access.postgres.orders import Happened
from access.postgres.refusals import Refused
from access.postgres.session import Around


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
    """Those of one relay. All are recorded; of each grant, and of those that are of none, so many are told."""

    def __init__(self, around: Around) -> None:
        self._around, limits = around, around.limits
        self._logins = Refusals(limits.logins_told, limits.summed_up_seconds, Happened, around.watch)

    def refuse(self, login: Attempt, why: Refused) -> None:
        """Record it, tell it, and tell the client."""
        # Whoever is not logged in yet writes a part of this.
        detail = f"{login.name}: {why.detail}" if login.name else why.detail
        self._around.record(self._logins.refuse(login.grant, login.address, why.reason.value, detail))
        login.drop(wire.fatal(why))

    def close(self) -> None:
        """No more comes."""
        self._logins.close()
