"""What one grant may use in sum: who goes beyond it is out, and told why. Few refusals are told one by one."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from grant_place import grant_place
from postgres_place import DATABASE, Database, Place, database, relay, wait_for

from access.few import Few
from access.grants import State
from access.postgres.kinds import StatementKind as Kind
from access.postgres.orders import Happened
from access.recorder import recorded_before
from access.telling import told
from factory import db as factory_db

READER = (Kind.READ, Kind.SESSION)
REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


def refused(client: psycopg.Connection[tuple[object, ...]], times: int) -> None:
    for _ in range(times):
        with pytest.raises(REFUSED):
            client.execute("DELETE FROM notes")


def spent(place: Place, why: str) -> None:
    """The grant `g1` is over and says why; another one goes on."""
    wait_for(lambda: bool(place.told("grant_spent")))
    (one,) = place.told("grant_spent")
    assert (one.grant, one.reason, one.detail) == ("g1", "budget", why)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        place.connect()
    with place.connect("other") as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.engine
def test_refused_statements_are_told_up_to_a_bound_counted_at_the_end_and_all_recorded(
    tmp_path: Path, db: Database
) -> None:
    with relay(tmp_path / "relay", "refusals_told=3, grant_refusals=8") as place:
        place.open(db, allowed=READER)
        place.open(db, "other", allowed=READER)
        with place.connect() as client:
            refused(client, 5)
            assert client.execute("SELECT 1").fetchone() == (1,)
        (ended,) = place.ended()
        assert (ended.refused, ended.statements) == (5, 1)
        assert len(place.told("statement_refused")) == 3
        assert len([each for each in place.records() if "refused" in each]) == 5
        # They count for the grant, whichever session they are of.
        client = place.connect()
        refused(client, 2)
        idle = place.connect()
        with pytest.raises(psycopg.OperationalError, match="8 statements of the grant were refused") as last:
            client.execute("DELETE FROM notes")
        assert last.value.sqlstate in (None, "53400")
        assert place.texts()[-1] == "DELETE FROM notes"
        spent(place, "8 statements of the grant were refused")
        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")


@pytest.mark.engine
def test_recordings_of_a_grant_are_bounded_in_sum_and_so_are_its_sessions(tmp_path: Path, db: Database) -> None:
    with relay(tmp_path / "bytes", "grant_recording_bytes=6_000") as place:
        place.open(db)
        place.open(db, "other")
        place.connect().close()
        client = place.connect()
        client.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="recordings have reached 6000 bytes"):
            client.execute("SELECT 2 -- " + "x" * 6_000)
        assert place.texts() == ["SELECT 1"]
        spent(place, "the grant's recordings have reached 6000 bytes")
        # How it ended has its place.
        assert place.records()[-1]["kind"] == "session_end"
        assert place.records()[-1]["reason"] == "budget"
        assert recorded_before(place.recordings / "links" / "g1")[1] == 2
    with relay(tmp_path / "sessions", "grant_sessions=2") as place:
        place.open(db)
        place.open(db, "other")
        for _ in range(2):
            place.connect().close()
        with pytest.raises(psycopg.OperationalError, match="has had its 2 sessions"):
            place.connect()
        spent(place, "the grant has had its 2 sessions")


@pytest.mark.engine
def test_what_a_grant_had_used_counts_for_the_next_relay_too(tmp_path: Path, db: Database) -> None:
    for _ in range(2):
        with relay(tmp_path / "relay", "grant_sessions=2") as place:
            place.open(db)
            place.connect().close()
    with relay(tmp_path / "relay", "grant_sessions=2") as place:
        place.open(db)
        with pytest.raises(psycopg.OperationalError, match="has had its 2 sessions"):
            place.connect()


@pytest.mark.engine
def test_refused_logins_are_told_up_to_a_bound_and_summed_up(tmp_path: Path, db: Database) -> None:
    with relay(tmp_path / "relay", "logins_told=2") as place:
        place.open(db)
        for password in ("a", "b", "c", "d"):
            with pytest.raises(psycopg.OperationalError):
                place.connect(password=password)
        with pytest.raises(psycopg.OperationalError):
            place.connect("nobody")
        # Whoever has no token ends nobody's grant.
        place.connect(dbname=DATABASE).close()
        assert len(place.refusals()) == 5
    found = [(each.grant, each.more) for each in place.told("login_refused")]
    assert found == [("g1", 0), ("g1", 0), ("", 0), ("g1", 2)]


def test_few_are_told_by_name_and_begin_anew() -> None:
    few = Few(2)
    assert [few.tells(name) for name in "aaabaa"] == [True, True, False, True, False, False]
    assert few.untold() == {"a": 3}
    assert few.tells("a")
    assert few.untold() == {}


def test_a_grant_whose_budget_is_used_up_ends_and_the_log_says_why(tmp_path: Path) -> None:
    place = grant_place(tmp_path)
    one, other = place.ask().grant, place.ask().grant
    place.look()
    for _ in range(2):
        with factory_db.transaction(place.database) as connection:
            told(connection, Happened(happened="grant_spent", grant=one.id, reason="budget", detail="too much"))
    place.look()
    found = place.read(one)
    assert (found.state, found.ended_reason) == (State.ENDED, "too much")
    assert not place.provider.inside - {other.id}
    assert place.kinds(one)[-2:] == ["grant.revoking", "grant.ended"]
    assert place.told(one)[-2].properties["why"] == "too much"
    assert place.state(other) is State.ACTIVE
