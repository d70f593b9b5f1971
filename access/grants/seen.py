"""Grants as one reader last saw them: the row of one that has not moved since is not read again.

Whoever looks at all of them several times a second reads three columns of each, and the rest only of what is new.
"""

from collections.abc import Collection

from sqlalchemy import Connection, select

from access.grants import store
from access.grants.model import Grant
from access.grants.states import State
from access.grants.tables import GRANTS


class Seen:
    """One reader's. Not for several threads."""

    def __init__(self) -> None:
        self._known: dict[str, Grant] = {}

    def in_states(self, connection: Connection, states: Collection[State]) -> dict[State, list[Grant]]:
        """Those in each of these states, oldest first."""
        query = select(GRANTS.c.id, GRANTS.c.fence, GRANTS.c.state).order_by(GRANTS.c.id)
        rows = connection.execute(query.where(GRANTS.c.state.in_([state.value for state in states]))).all()
        moved = [id for id, fence, state in rows if not self._is(id, fence, state)]
        known = {id: self._known[id] for id, _, _ in rows if id in self._known}
        for at in range(0, len(moved), store.TOGETHER):
            known |= {grant.id: grant for grant in store.by_ids(connection, moved[at : at + store.TOGETHER])}
        self._known = known
        found: dict[State, list[Grant]] = {state: [] for state in states}
        for id, _, _ in rows:
            # Between two queries it may have moved once more, or gone.
            if (grant := known.get(id)) is not None and grant.state in found:
                found[grant.state].append(grant)
        return found

    def _is(self, id: str, fence: int, state: str) -> bool:
        known = self._known.get(id)
        return known is not None and known.fence == fence and known.state.value == state
