"""Through the PostgreSQL relay a grant's client reaches its database, recorded; with the grant everything ends."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_place import (
    APP,
    DATABASE,
    EVERYTHING,
    OWNER,
    PASSWORD,
    TOKEN,
    Database,
    Place,
    database,
    relay,
    wait_for,
)

from access.postgres.kinds import StatementKind as Kind
from access.postgres.scram import stored
from factory.errors import MillwrightError

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with relay(tmp_path / "relay") as found:
        yield found


@contextlib.contextmanager
def sleeping(place: Place, db: Database) -> Iterator[list[psycopg.Error]]:
    """A client whose query runs for ten minutes; the list is of what became of it, once the block ends."""
    failed: list[psycopg.Error] = []

    def sleep(client: psycopg.Connection[Any]) -> None:
        try:
            client.execute("SELECT pg_sleep(600)")
        except psycopg.Error as error:
            failed.append(error)

    with place.connect() as client, db.admin() as admin:
        thread = threading.Thread(target=sleep, args=(client,))
        thread.start()
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        wait_for(lambda: admin.run(running) == [[1]])
        yield failed
        thread.join(20)
        assert not thread.is_alive()


def test_a_client_works_as_the_grants_role_and_never_has_its_password(place: Place, db: Database) -> None:
    place.open(db)
    with place.connect() as client:
        asked = "SELECT current_user, current_database(), current_setting('application_name'), 7 * %s"
        assert client.execute(asked, (6,)).fetchone() == (OWNER, DATABASE, "millwright:g1", 42)
    (ended,) = place.ended()
    records = place.records()
    assert [record["kind"] for record in records] == [
        "session_start",
        "parse",
        "bind",
        "execute",
        "outcome",
        "session_end",
    ]
    start, parse, bind, execute, outcome, _ = records
    assert (start["app"], start["grant"], start["principal"]) == (APP, "g1", "agent:links/coder/1")
    assert (parse["text"], parse["does"]) == (asked.replace("%s", "$1"), ["read"])
    assert bind["values"] == [6]
    assert (outcome["of"], outcome["tags"], outcome["rows"], outcome["sqlstate"]) == (
        execute["n"],
        ["SELECT 1"],
        1,
        "",
    )
    assert outcome["ms"] > 0
    recording = place.recordings / ended.recording
    assert (ended.grant, ended.statements, recording.stat().st_mode & 0o777) == ("g1", 1, 0o600)
    everything = "".join(path.read_text() for path in place.recordings.rglob("*.jsonl"))
    assert TOKEN not in everything
    assert PASSWORD not in everything


@pytest.mark.parametrize("wrong", [{"password": "another-token"}, {"user": "agent-g2"}, {"user": OWNER}])
def test_who_does_not_know_the_token_is_told_the_same_whatever_is_wrong(
    wrong: dict[str, str], place: Place, db: Database
) -> None:
    place.open(db)
    user = wrong.get("user", "agent-g1")
    with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
        place.connect(**wrong)
    (refusal,) = place.refusals()
    assert refusal["reason"] == "credentials"
    assert refusal.get("grant", "") == ("g1" if user == "agent-g1" else "")
    assert place.records() == []
    assert db.backends() == 0
    place.connect().close()


def test_an_ended_grant_lets_nobody_in_and_another_one_still_does(place: Place, db: Database) -> None:
    for grant in ("g1", "g2"):
        place.open(db, grant)
        place.connect(grant).close()
    place.relay.close("g1", "the task is over")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        place.connect("g1")
    assert [(refusal["grant"], refusal["reason"]) for refusal in place.refusals()] == [("g1", "credentials")]
    place.connect("g2").close()
    # Again, and one that never was: nothing is left to be closed.
    place.relay.close("g1", "the task is over")
    place.relay.close("g9", "the task is over")
    # The same login may come back with another token.
    place.open(db, "g1", verifier=stored("a-new-token"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        place.connect("g1")
    place.connect("g1", password="a-new-token").close()


def test_the_end_of_a_grant_ends_an_open_session_whatever_role_it_has_taken(place: Place, db: Database) -> None:
    place.open(db)
    place.open(db, "g2")
    with db.admin() as admin:
        admin.run("CREATE ROLE helper NOLOGIN")
        admin.run(f"GRANT helper TO {OWNER}")
    other = place.connect("g2")
    client = place.connect()
    client.execute("SET ROLE helper")
    assert client.execute("SELECT current_user").fetchone() == ("helper",)
    place.relay.close("g1", "the task is over")
    with pytest.raises(psycopg.OperationalError, match="the grant has ended: the task is over"):
        client.execute("SELECT 1")
    wait_for(lambda: db.backends() == 1)
    assert other.execute("SELECT 1").fetchone() == (1,)
    assert place.records()[-1]["detail"] == "the grant has ended: the task is over"
    other.close()


def test_a_running_query_dies_with_its_grant(place: Place, db: Database) -> None:
    place.open(db)
    with sleeping(place, db) as failed:
        place.relay.close("g1", "the lease is over")
        wait_for(lambda: db.backends() == 0)
    assert "the grant has ended: the lease is over" in str(failed[0])


def test_a_killed_relay_leaves_no_backend(place: Place, db: Database) -> None:
    place.open(db)
    with place.connect(), sleeping(place, db):
        os.kill(place.relay.pid, signal.SIGKILL)
        wait_for(lambda: db.backends() == 0)
    assert not place.relay.alive()
    with pytest.raises(MillwrightError, match="does not run"):
        place.open(db, "g2")


def test_what_the_relay_is_asked_wrongly_opens_nothing(place: Place, db: Database) -> None:
    place.open(db)
    with pytest.raises(MillwrightError, match="there is such a grant already"):
        place.open(db)
    upstream = db.upstream.model_copy(update={"tls": "verify-full", "ca": Path("/nowhere.pem")})
    with pytest.raises(MillwrightError, match="FileNotFoundError"):
        place.open(db, "g2", server=upstream)
    assert place.relay.sessions() == []
    with place.connect() as client:
        client.execute("SELECT 1")
        (session,) = place.relay.sessions()
        assert (session.grant, session.statements) == ("g1", 1)


def test_a_grant_allows_what_it_names_and_the_session_goes_on_after_a_refusal(place: Place, db: Database) -> None:
    place.open(db)
    place.open(db, "g2", allowed=[Kind.READ])
    with place.connect() as owner:
        owner.execute("CREATE TABLE notes (what text)")
    with place.connect("g2") as client:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="this grant allows no write"):
            client.execute("INSERT INTO notes VALUES ('x')")
        assert client.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    refused = next(record for record in place.records("g2") if "refused" in record)
    assert (refused["text"], refused["does"]) == ("INSERT INTO notes VALUES ('x')", ["write"])
    (told,) = place.told("statement_refused")
    assert (told.reason, told.detail) == ("statement", "this grant allows no write")
    with place.connect() as owner:
        owner.execute("INSERT INTO notes VALUES ('x')")
        owner.execute("DROP TABLE notes")
    assert set(EVERYTHING) == set(Kind) - {Kind.OTHER}
