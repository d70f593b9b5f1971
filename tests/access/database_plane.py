"""A broker with the real provider for databases: its relay, and the embedded PostgreSQL behind it."""

import contextlib
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from database_place import DatabasePlace, let_in
from grant_place import GrantPlace, grant_place
from pg8000.native import Connection

from access.broker import Broker
from access.certificates import files
from access.grants import Given, Grant, State
from access.postgres.process import Relay
from access.providers.postgres import Postgres
from access.relays import postgres_relay
from factory import events
from factory.spec import Scope


class Plane:
    """One factory and one database. `relays`: those that were started, the newest last."""

    def __init__(self, place: GrantPlace, server: DatabasePlace) -> None:
        self.place, self.server = place, server
        self.relays: list[Relay] = []
        self.begin()

    def begin(self) -> None:
        provider = Postgres(self._relay, lambda _: self.server.url, self.place.desk.verdicts.statement_kinds, "disable")
        self.broker = Broker(self.place.desk, self.place.database, {"postgres": provider})

    def _relay(self) -> Relay:
        self.relays.append(postgres_relay(self.place.root, self.place.database, self.place.wall))
        return self.relays[-1]

    @property
    def relay(self) -> Relay:
        """The one that runs."""
        return self.relays[-1]

    def context(self) -> ssl.SSLContext:
        """A client's TLS that knows the relay by its certificate, not by its name."""
        context = ssl.create_default_context(cafile=str(files(self.place.root.access).certificate))
        context.check_hostname = False
        return context

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def given(self, scope: Scope = Scope.WRITE) -> Given:
        given = self.place.ask(scope=scope)
        self.look()
        assert self.place.state(given.grant) is State.ACTIVE
        return Given(self.place.read(given.grant), given.token)

    def client(self, given: Given, token: str = "") -> Connection:
        return let_in(self.place, given, token=token)

    def recorded(self, grant: Grant) -> list[dict[str, object]]:
        folder = self.place.root.recordings / grant.app / grant.id
        return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]

    def told(self, kind: str) -> list[events.Event]:
        with self.place.database.connect() as connection:
            return events.of_kinds(connection, [kind])

    def end(self, given: Given, why: str = "enough") -> None:
        """Its end, and everything that the broker does then."""
        self.place.desk.end(self.place.read(given.grant), why, actor="ada")
        self.look()
        assert self.place.state(given.grant) is State.ENDED


@contextlib.contextmanager
def database_plane(folder: Path, server: DatabasePlace) -> Iterator[Plane]:
    """It runs until the block ends, and leaves no role behind."""
    place = grant_place(folder)
    # The database has its own clock.
    place.wall = datetime.now(UTC)
    plane = Plane(place, server)
    yield plane
    plane.broker.close()
    plane.begin()
    plane.broker.sweep("postgres")
    with plane.place.database.begin() as connection:
        connection.exec_driver_sql("UPDATE access_grant SET state = 'ended'")
    plane.broker.sweep("postgres")
    plane.broker.close()
