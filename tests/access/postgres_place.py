"""A real PostgreSQL server (the embedded one has no TLS), and a real relay in front of it."""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from egress_place import certificate
from pg8000.native import Connection

from access.postgres.kinds import StatementKind as Kind
from access.postgres.orders import Begin, Happened, Open, Upstream
from access.postgres.process import Relay
from access.postgres.scram import stored
from localcloud.postgres.declared import Declared
from localcloud.postgres.front import Fronts
from localcloud.postgres.server import Server, start

TOKEN = "token-of-a-grant"
DATABASE = "links"
APP = "links"
PRINCIPAL = "agent:links/coder/1"
OWNER = "clerk"
PASSWORD = "password-of-the-role"
NAME = "db.example.com"
EVERYTHING = tuple(kind for kind in Kind if kind is not Kind.OTHER)
SECONDS = 20.0


@dataclass
class Database:
    """`upstream` is what a grant's order says of it; `admin` is a connection beside the relay."""

    server: Server
    upstream: Upstream

    def admin(self) -> Connection:
        return self.server.connection()

    def backends(self, user: str = OWNER) -> int:
        """How many server processes work for a role."""
        with self.admin() as admin:
            found = admin.run("SELECT count(*) FROM pg_stat_activity WHERE usename = :user", user=user)
        return int(found[0][0])


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Database]:
    """It runs until the block ends."""
    declared = Declared(
        account="1",
        region="eu-central-1",
        key="db",
        identifier="db",
        address="127.0.0.1",
        port=0,
        database=DATABASE,
        owner=OWNER,
        password=PASSWORD,
        storage_mib=2048,
    )
    server = start(declared, folder / "server", folder / "door")
    fronts = Fronts()
    try:
        listening = fronts.open("127.0.0.1", 0, server.served.socket)
        port = listening.sockets[0].getsockname()[1]
        upstream = Upstream(
            host="127.0.0.1", port=port, database=DATABASE, user=OWNER, password=PASSWORD, tls="disable"
        )
        yield Database(server, upstream)
    finally:
        server.stop()
        fronts.end()


@dataclass
class Place:
    """A relay and its recordings; `happened` is what it told."""

    relay: Relay
    recordings: Path
    pem: Path
    happened: list[Happened] = field(default_factory=list)

    def open(self, database: Database, grant: str = "g1", allowed: Sequence[Kind] = EVERYTHING, **more: Any) -> Open:
        """A grant whose login is `agent-<grant>` and whose token is TOKEN."""
        facts = {"server": database.upstream, "verifier": stored(TOKEN), "app": APP, "principal": PRINCIPAL} | more
        order = Open(grant=grant, login=f"agent-{grant}", allowed=list(allowed), **facts)
        self.relay.open(order)
        return order

    def parameters(self, grant: str = "g1", **more: Any) -> dict[str, Any]:
        """How a client of libpq connects."""
        return {
            "host": "127.0.0.1",
            "port": self.relay.port,
            "user": f"agent-{grant}",
            "password": TOKEN,
            "dbname": DATABASE,
            "sslmode": "verify-ca",
            "sslrootcert": str(self.pem),
            "gssencmode": "disable",
            "connect_timeout": 20,
        } | more

    def connect(self, grant: str = "g1", **more: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A client that commits each statement."""
        return psycopg.connect(**self.parameters(grant, **more), autocommit=True)

    def context(self) -> ssl.SSLContext:
        """A client's TLS that knows the relay by its certificate, not by its name."""
        context = ssl.create_default_context(cafile=str(self.pem))
        context.check_hostname = False
        return context

    def records(self, grant: str = "g1") -> list[dict[str, Any]]:
        """Everything that is recorded of a grant, session by session."""
        files = sorted((self.recordings / APP / grant).glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def texts(self, grant: str = "g1") -> list[str]:
        """The statements that were recorded, in order."""
        return [record["text"] for record in self.records(grant) if "text" in record]

    def refusals(self) -> list[dict[str, Any]]:
        """Of logins."""
        files = sorted((self.recordings / "refusals").glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def ended(self, count: int = 1) -> list[Happened]:
        """The ends of sessions, once there are so many."""
        wait_for(lambda: len(self.told("session_ended")) >= count)
        return self.told("session_ended")

    def told(self, kind: str) -> list[Happened]:
        """What happened, of one kind."""
        return [each for each in self.happened if each.happened == kind]


@contextlib.contextmanager
def relay(folder: Path, limits: str = "", **begin: Any) -> Iterator[Place]:
    """It runs until the block ends. `limits`: those that differ, as arguments of Limits."""
    folder.mkdir(parents=True, exist_ok=True)
    pem, key = certificate(folder, NAME)
    happened: list[Happened] = []
    running = Relay(folder / "relay.log", happened.append, _with(limits) if limits else ())
    recordings = folder / "recordings"
    running.start(Begin(recordings=recordings, certificate=pem, key=key, **begin))
    try:
        yield Place(running, recordings, pem, happened)
    finally:
        running.stop()
        print((folder / "relay.log").read_text(errors="replace")[-4000:])


def _with(limits: str) -> tuple[str, ...]:
    program = (
        "import asyncio; from access.postgres.serve import serve; from access.postgres.limits import Limits; "
        f"asyncio.run(serve(Limits({limits})))"
    )
    return (sys.executable, "-P", "-c", program)


def wait_for(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)


def run(work: Any) -> Any:
    """A coroutine to its end."""
    # In a thread of its own: it leaves its thread without an event loop, which others count on.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(asyncio.wait_for(work, SECONDS))).result()
