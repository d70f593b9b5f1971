"""The database server itself is killed: who is in by a grant is out and told why, and nothing is left of what ends."""

import contextlib
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from database_place import DatabasePlace, database_place, let_in
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for
from pg8000.exceptions import DatabaseError, InterfaceError

from access.broker import Broker
from access.grants import Given, State
from access.providers.postgres import Postgres
from access.relays import postgres_relay
from factory import events

pytestmark = pytest.mark.engine
LOST = (DatabaseError, InterfaceError, OSError)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DatabasePlace]:
    folder = tmp_path / "postgres"
    folder.mkdir()
    with database_place(folder) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    folder = tmp_path / "factory"
    folder.mkdir()
    place = grant_place(folder)
    place.wall = datetime.now(UTC)
    return place


@pytest.fixture
def broker(place: GrantPlace, server: DatabasePlace) -> Iterator[Broker]:
    provider = Postgres(
        lambda: postgres_relay(place.root, place.database, place.wall),
        lambda _: server.url,
        place.desk.verdicts.statement_kinds,
        "disable",
    )
    broker = Broker(place.desk, place.database, {"postgres": provider})
    place.broker = broker
    yield broker
    broker.close()


def killed(server: DatabasePlace) -> None:
    """The postmaster, with SIGKILL: it writes nothing down, and says goodbye to nobody."""
    sandboxed = psutil.Process(server.server.served.pid)
    (postmaster,) = [each for each in sandboxed.children(recursive=True) if _is_postmaster(each)]
    os.kill(postmaster.pid, signal.SIGKILL)
    wait_for(lambda: not server.server.alive())
    # What watches over its sandbox goes as well, as where the local cloud finds it dead.
    server.server.stop()


def _is_postmaster(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return "-D" in process.cmdline() and process.cmdline()[0].endswith("/postgres")
    return False


def opened(place: GrantPlace) -> Given:
    given = place.ask()
    place.look()
    assert place.state(given.grant) is State.ACTIVE
    return Given(place.read(given.grant), given.token)


def test_what_is_held_goes_on_after_its_next_start_and_what_ended_meanwhile_is_gone(
    place: GrantPlace, server: DatabasePlace, broker: Broker
) -> None:
    ending, held = opened(place), opened(place)
    sessions = [let_in(place, each) for each in (ending, held)]
    killed(server)
    for session in sessions:
        with pytest.raises(LOST):
            session.run("SELECT 1")
    ended = wait_for(lambda: len(found := told(place, "session.ended")) == 2 and found)
    assert {(each.properties["reason"], each.properties["detail"]) for each in ended} == {
        ("upstream", "the database has closed the connection")
    }
    # While it is down: nobody is let in, what ends is tried again, and what is asked for is not given.
    with pytest.raises(LOST):
        let_in(place, held)
    place.desk.end(place.read(ending.grant), "over", actor="ada")
    place.look()
    assert place.state(ending.grant) is State.REVOKE_FAILED
    assert "does not do it" in place.read(ending.grant).last_error
    late = place.ask().grant
    place.look()
    assert "could not be issued" in place.read(late).ended_reason
    server.server = server.again()
    place.pass_by(both=timedelta(minutes=2))
    place.look()
    place.look()
    assert [place.state(each) for each in (ending.grant, late)] == [State.ENDED, State.ENDED]
    assert place.kinds(ending.grant)[-2:] == ["grant.revoke_failed", "grant.ended"]
    assert server.roles() == {held.grant.provider_ref}
    assert broker.sweep("postgres") == []
    with let_in(place, held) as again:
        assert again.run("SELECT 1") == [[1]]
    place.desk.end(place.read(held.grant), "over", actor="ada")
    place.look()
    assert server.roles() == set()


def told(place: GrantPlace, kind: str) -> list[events.Event]:
    with place.database.connect() as connection:
        return events.of_kinds(connection, [kind])
