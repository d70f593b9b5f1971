"""The relay gives the database's password to the database, and to nothing that only says that it is one."""

import asyncio
import contextlib
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from egress_place import certificate
from postgres_place import PASSWORD, Database, Place, database, relay
from postgres_standin import message

from access.postgres.orders import Upstream

pytestmark = pytest.mark.engine
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with relay(tmp_path / "relay") as found:
        yield found


@contextlib.contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """A port at which every connection is served by `serve`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, "127.0.0.1", 0), loop).result(20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def behind_tls(db: Database, pem: Path, key: Path) -> Serve:
    """The database with TLS in front of it, as PostgreSQL itself would begin it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != struct.pack("!II", 8, 80877103):
            writer.close()
            return
        writer.write(b"S")
        with contextlib.suppress(OSError):
            await writer.start_tls(context)
            there = await asyncio.open_unix_connection(str(db.server.served.socket))
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    return serve


def answering(said: bytes, heard: list[bytes]) -> Serve:
    """Something that lets a start-up come, says this, and remembers what it gets for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(said)
        if said:
            heard.append(await reader.read(65_536))
        writer.close()

    return serve


def at(db: Database, port: int, **more: object) -> Upstream:
    return db.upstream.model_copy(update={"host": "localhost", "port": port, **more})


def test_a_database_with_tls_is_known_by_its_certificate(place: Place, db: Database, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    pem, key = certificate(tmp_path, "localhost")
    another, its_key = certificate(tmp_path / "other", "db.example.com")
    with listening(behind_tls(db, pem, key)) as port, listening(behind_tls(db, another, its_key)) as other:
        for grant, upstream in {
            "right": at(db, port, tls="verify-full", ca=pem),
            "any": at(db, other, tls="require"),
            "wrong-ca": at(db, port, tls="verify-full", ca=another),
            "wrong-name": at(db, other, tls="verify-full", ca=another),
            "no-tls": at(db, db.upstream.port, tls="require"),
            "nowhere": at(db, 1, tls="require"),
        }.items():
            place.open(db, grant, server=upstream)
        for grant in ("right", "any"):
            with place.connect(grant) as client:
                assert client.execute("SELECT repeat('x', 300000)").fetchone() == ("x" * 300_000,)
        for grant in ("wrong-ca", "wrong-name", "no-tls", "nowhere"):
            with pytest.raises(psycopg.OperationalError, match="cannot log in at the database"):
                place.connect(grant)
    assert [each["reason"] for each in place.refusals()] == ["upstream"] * 4
    assert db.backends() == 0


@pytest.mark.parametrize(
    "said",
    [
        message(b"R", struct.pack("!I", 3)),
        message(b"R", struct.pack("!I", 5) + b"salt"),
        message(b"R", struct.pack("!I", 0)) + message(b"Z", b"I"),
        message(b"R", struct.pack("!I", 10) + b"PLAIN\0\0"),
        message(b"R", b""),
        message(b"E", b"SFATAL\0C28000\0Mthe database's own words\0\0"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
    ],
)
def test_what_asks_for_the_password_itself_does_not_get_it(said: bytes, place: Place, db: Database) -> None:
    heard: list[bytes] = []
    with listening(answering(said, heard)) as port:
        place.open(db, server=at(db, port))
        with pytest.raises(psycopg.OperationalError, match="cannot log in at the database") as told:
            place.connect()
    assert PASSWORD.encode() not in b"".join(heard)
    assert "own words" not in str(told.value)
    place.open(db, "g2")
    place.connect("g2").close()


def test_a_wrong_password_of_the_relays_is_not_the_clients_to_see(place: Place, db: Database) -> None:
    place.open(db, server=db.upstream.model_copy(update={"password": "wrong"}))
    with pytest.raises(psycopg.OperationalError, match="its log says why") as told:
        place.connect()
    assert db.upstream.user not in str(told.value)
    assert "password authentication failed" in (place.recordings.parent / "relay.log").read_text()
