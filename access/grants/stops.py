"""Emergency stops: told by one event before any row moves, so that who is in is out however many rows there are.

Whoever stops moves the rows then; where they do not come to it (they were killed, say), the broker does.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from access.grants.model import Grant, stamp
from factory import events
from factory.events import Event

STOPPED: Final = "access.stopped"
# Whoever stops is given so long to move the rows.
MOVED_SECONDS: Final = 10.0
# By then no row is left that it means.
KEPT_SECONDS: Final = 120.0
# Events of which each look goes over those that were there before: one with a lower number may be committed later.
OVERLAP: Final = 1000
# What a broker that begins looks through for those that another one has not carried out.
BEFORE: Final = 50_000


def tell(connection: Connection, app: str | None, why: str, person: str, now: datetime) -> None:
    """Have all that was asked for until `now` end: of an app, or (None) of all."""
    event = events.new_event(STOPPED, actor=person, app=app, why=why, until=stamp(now))
    events.append(connection, event)


class Stops:
    """One reader's. Its looks are of one thread; what it says may be asked by others."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._first: dict[str, float] = {}
        self._seen: list[Event] = []

    def look(self, connection: Connection, ticks: float, now: datetime) -> None:
        """See which there are. `ticks`: seconds by a clock that nobody sets; `now`: by the wall clock."""
        newest = events.newest(connection)
        since = newest - BEFORE if self._newest is None else self._newest - OVERLAP
        self._newest = newest
        known = {event.id: event for event in (*self._seen, *events.since(connection, since, STOPPED))}
        self._first = {id: self._first.get(id, ticks) for id in known}
        fresh = stamp(now - timedelta(seconds=KEPT_SECONDS))
        meant = (event for event in known.values() if event.properties["until"] >= fresh)
        self._seen = [event for event in meant if ticks - self._first[event.id] < KEPT_SECONDS]

    def of(self, grant: Grant) -> Event | None:
        """The stop that means it: of its app or of all, and no older than it."""
        for event in self._seen:
            if grant.requested_at <= event.properties["until"] and event.app in (None, grant.app):
                return event
        return None

    def left(self, grants: list[Grant], ticks: float) -> dict[str, tuple[Event, list[Grant]]]:
        """Those that nobody has moved in time, by the event of the stop that means them."""
        first, found = self._first, dict[str, tuple[Event, list[Grant]]]()
        for grant in grants if self._seen else ():
            event = self.of(grant)
            if event is not None and ticks - first.get(event.id, ticks) >= MOVED_SECONDS:
                found.setdefault(event.id, (event, []))[1].append(grant)
        return found
