"""Uses of grants that are refused, told of each grant: some one by one, of more only how many, and none is lost.

Whoever holds a token can be refused over and over, also when its grant has ended; and who holds none as well.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Engine

from access.few import Summed, by_thread
from access.grants import store
from access.grants.model import Grant
from access.persisting import persistently
from factory import db, events

# Of one grant, until they are summed up.
MOST_TOLD: Final = 100
SUMMED_UP_SECONDS: Final = 3600.0
NOBODY: Final = ""


class RefusedUses:
    """Those that one process refuses. Safe to use from many threads."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._summed = Summed(MOST_TOLD, SUMMED_UP_SECONDS, self._tell_more, by_thread)

    def refuse(self, grant: Grant | None, why: str) -> None:
        """Its holder tried what they may not; None: who shows a token of none tried something.

        Raises SQLAlchemy's errors.
        """
        if self._summed.tells(grant.id if grant else NOBODY):
            with db.transaction(self._database) as connection:
                _tell(connection, grant, why)

    def close(self) -> None:
        """Tell what is not told yet."""
        self._summed.close()

    def _tell_more(self, untold: Mapping[str, int]) -> None:
        def write(connection: Connection) -> None:
            known: dict[str, Grant | None] = {grant.id: grant for grant in store.by_ids(connection, untold)}
            for id, more in untold.items():
                _tell(connection, known.get(id), f"{more} more were refused", more=more)

        persistently(self._database, write, f"refused uses, by grant: {dict(untold)}")


def _tell(connection: Connection, grant: Grant | None, why: str, **told: int) -> None:
    if grant is None:
        about: dict[str, Any] = {"grant": NOBODY, "reason": "credentials", "detail": why, **told}
        events.append(connection, events.new_event("login.refused", actor="access", **about))
    else:
        store.refused(connection, grant, grant.principal, why, **told)
