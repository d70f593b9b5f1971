"""What cannot be recorded is not passed on, and what a recording holds is whole."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_place import APP, Database, Place, database, relay, run

from access.postgres.judging import Elsewhere
from access.postgres.kinds import StatementKind as Kind
from access.postgres.recording import Recording
from access.postgres.refusals import Refused

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, db: Database) -> Iterator[Place]:
    with relay(tmp_path / "relay") as found:
        found.open(db)
        yield found


def test_a_statement_whose_record_has_no_place_is_not_passed_on(place: Place, db: Database) -> None:
    place.open(db, "looking")
    with place.connect("looking") as looking:
        looking.execute("DROP SEQUENCE IF EXISTS taken; CREATE SEQUENCE taken")
        client = place.connect()
        client.execute("SELECT nextval('taken')")
        shutil.rmtree(place.recordings / APP / "g1")
        with pytest.raises(psycopg.OperationalError, match="cannot be recorded any more"):
            client.execute("SELECT nextval('taken')")
        assert [ended.reason for ended in place.ended()] == ["recording"]
        assert looking.execute("SELECT last_value FROM taken").fetchone() == (1,)
        with place.connect() as again:
            assert again.execute("SELECT nextval('taken')").fetchone() == (2,)


def test_nobody_is_let_in_where_nothing_can_be_recorded(place: Place, db: Database) -> None:
    (place.recordings / APP).write_text("a file where a folder has to be")
    with pytest.raises(psycopg.OperationalError, match="cannot be recorded"):
        place.connect()
    assert db.backends() == 0
    (place.recordings / APP).unlink()
    place.connect().close()
    assert [each["reason"] for each in place.refusals()] == ["recording"]


def test_a_full_disk_ends_the_session_before_the_statement(tmp_path: Path, db: Database) -> None:
    with relay(tmp_path / "limited", "recording_bytes=2_000") as place:
        place.open(db)
        client = place.connect()
        client.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="cannot be recorded any more"):
            client.execute("SELECT 2 -- " + "x" * 2_000)
        assert place.texts() == ["SELECT 1"]
        place.connect().close()


def test_a_device_that_is_full_is_noticed(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "new.jsonl", 1000)
    recording.write([{"kind": "query"}])
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), recording._file)
    with pytest.raises(Refused, match="cannot be recorded"):
        recording.write([{"kind": "query"}])
    recording.close()


def test_what_follows_an_outcome_in_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "new.jsonl", 1000)
    recording.write([{"kind": "query"}])
    recording.write_outcomes([{"kind": "outcome"}])
    (tmp_path / "new.jsonl").unlink()
    recording.write_outcomes([{"kind": "outcome"}])
    for write in (lambda: recording.write([{"kind": "query"}]), lambda: recording.write_last({"kind": "session_end"})):
        with pytest.raises(Refused, match="cannot be recorded"):
            write()
    recording.close()


def test_a_recording_never_takes_a_file_that_is_there(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("somebody's")
    (tmp_path / "link.jsonl").symlink_to(target)
    for name in ("target", "link.jsonl"):
        with pytest.raises(Refused):
            Recording(tmp_path / name, 1000)
    assert target.read_text() == "somebody's"
    recording = Recording(tmp_path / "new.jsonl", 1000)
    recording.write([{"kind": "query", "text": "ü\n"}])
    assert recording.digest == hashlib.sha256((tmp_path / "new.jsonl").read_bytes()).hexdigest()
    recording.close()


def test_the_end_of_a_session_tells_the_digest_of_its_recording(place: Place) -> None:
    with place.connect() as client:
        client.execute("SELECT 1")
    (ended,) = place.ended()
    assert hashlib.sha256((place.recordings / ended.recording).read_bytes()).hexdigest() == ended.digest


def test_records_are_on_the_disk_before_statements_are_passed_on_where_that_is_asked_for(
    tmp_path: Path, db: Database
) -> None:
    with relay(tmp_path / "synced", synced=True) as place:
        place.open(db)
        with place.connect() as client, client.pipeline():
            for number in range(20):
                client.execute("SELECT %s", (number,))
        assert [record["kind"] for record in place.records()].count("execute") == 20


def test_secrets_in_statements_are_not_in_the_recording(place: Place) -> None:
    with place.connect() as client:
        client.execute("CREATE TEMP TABLE users (name text, password text)")
        client.execute("INSERT INTO users VALUES (%s, 'plain')", ("shown",))
        client.execute("INSERT INTO users (name, password) VALUES (%s, 'hidden-1')", ("hidden-2",))
    text = next((place.recordings / APP / "g1").iterdir()).read_text()
    assert "hidden-" not in text
    assert "shown" in text


def test_a_text_that_ends_its_parser_ends_nothing_else(place: Place) -> None:
    long = "SELECT " + "1+" * 300_000 + "1"
    with place.connect() as client:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="too long or too deeply nested"):
            client.execute(long)
        flat = "VALUES " + ", ".join(f"({number})" for number in range(20_000))
        assert len(client.execute(flat).fetchall()) == 20_000
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute(flat + "; SELEC")
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT '" + "x" * (2 << 20) + "'")


def test_the_parsers_own_process_answers_as_the_relay_would(tmp_path: Path) -> None:
    async def ask() -> None:
        elsewhere = Elsewhere(20)
        found = await elsewhere.judge("SELECT 'x', iban FROM t; DELETE FROM t", ("^iban$",))
        assert (sorted(found.kinds), found.hides) == ([Kind.READ, Kind.WRITE], True)
        assert found.text == "SELECT ?, iban FROM t; DELETE FROM t"
        process = elsewhere._process
        elsewhere.close()
        assert process is not None
        await process.wait()

    run(ask())
