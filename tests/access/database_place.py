"""An embedded PostgreSQL as the local cloud runs them, at a port of loopback, with a table of its owner's."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grant_place import GrantPlace
from pg8000.native import Connection
from sqlalchemy.engine import URL

from access.certificates import files
from access.grants import Given
from localcloud.postgres.declared import Declared
from localcloud.postgres.front import Fronts
from localcloud.postgres.server import Server, start

OWNER, PASSWORD, NAME = "tally", "owners-password", "tally"


@dataclass
class DatabasePlace:
    """One server. `url` is its owner's; `again` starts it anew on the same data, behind the same port."""

    server: Server
    url: URL
    again: Callable[[], Server]

    def owner(self) -> Connection:
        return self.connected(OWNER, PASSWORD)

    def connected(self, user: str, password: str) -> Connection:
        return Connection(user, password=password, host=self.url.host, port=self.url.port, database=NAME, timeout=20)

    def backends(self, role: str) -> int:
        with self.owner() as owns:
            return int(owns.run("SELECT count(*) FROM pg_stat_activity WHERE usename = :role", role=role)[0][0])

    def roles(self) -> set[str]:
        """The roles of grants."""
        with self.owner() as owns:
            return {name for (name,) in owns.run("SELECT rolname FROM pg_roles WHERE rolname LIKE 'mw\\_%'")}


def let_in(place: GrantPlace, given: Given, *, token: str = "", seconds: float = 30, door: str = "") -> Connection:
    """A client that comes in by a grant at its relay, by its own token or by another one; or at another `door`."""
    grant = place.read(given.grant)
    host, _, port = (door or grant.door).partition("/")[0].rpartition(":")
    return Connection(
        grant.provider_ref,
        password=token or given.token,
        host=host,
        port=int(port),
        database=NAME,
        ssl_context=ssl.create_default_context(cafile=str(files(place.root.access).certificate)),
        timeout=seconds,
    )


@contextlib.contextmanager
def database_place(folder: Path) -> Iterator[DatabasePlace]:
    port = _free_port()
    declared = Declared(
        account="1",
        region="eu-central-1",
        key="db-TEST",
        identifier="tally",
        address="127.0.0.1",
        port=port,
        database=NAME,
        owner=OWNER,
        password=PASSWORD,
        storage_mib=512,
    )

    def again() -> Server:
        return start(declared, folder, folder / "door")

    place = DatabasePlace(again(), URL.create("postgresql", OWNER, PASSWORD, "127.0.0.1", port, NAME), again)
    fronts = Fronts()
    try:
        fronts.open("127.0.0.1", port, place.server.served.socket)
        with place.owner() as owns:
            owns.run("CREATE TABLE sums (name text PRIMARY KEY, total bigint NOT NULL)")
            owns.run("INSERT INTO sums VALUES ('a', 1), ('b', 2)")
        yield place
    finally:
        place.server.stop()
        fronts.end()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
