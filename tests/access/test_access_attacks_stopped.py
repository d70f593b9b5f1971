"""A relay, a broker, or a holder that is stopped (SIGSTOP) past its time and goes on: what waited is refused."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from database_place import NAME, DatabasePlace, database_place
from database_place import let_in as enter
from database_plane import Plane, database_plane
from grant_place import grant_place
from grant_waits import wait_for
from pg8000.exceptions import DatabaseError, InterfaceError
from postgres_raw import Raw, fields, startup
from postgres_standin import message
from process_stopped import stopped

from access.grants import Desk, Given, State
from factory.errors import AccessDenied
from factory.spec import Scope

pytestmark = [pytest.mark.engine, pytest.mark.long]
PROGRAM = Path(__file__).with_name("broker_process.py")
INSERT = "INSERT INTO marks DEFAULT VALUES"
WRITE = message(b"Q", INSERT.encode() + b"\0")
EVER = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        with made.owner() as owns:
            owns.run("CREATE TABLE marks (at timestamptz DEFAULT clock_timestamp())")
        yield made


@pytest.fixture
def plane(tmp_path: Path, server: DatabasePlace) -> Iterator[Plane]:
    with database_plane(tmp_path, server) as made:
        yield made


def let_in(plane: Plane, given: Given) -> Raw:
    raw = Raw(plane).secure()
    raw.send(startup({"user": given.grant.provider_ref, "database": NAME}))
    raw.prove(given.token)
    raw.until(b"Z")
    return raw


def marks(server: DatabasePlace, since: datetime = EVER) -> int:
    """How many rows were written: by whomever, or since a moment."""
    with server.owner() as owns:
        return int(owns.run("SELECT count(*) FROM marks WHERE at > :since", since=since)[0][0])


def writes_on(raw: Raw) -> None:
    """Statement after statement, until it is cut off."""
    with contextlib.suppress(OSError):
        while raw.until(b"Z")[-1][0]:
            raw.send(WRITE)


def over(given: Given) -> bool:
    # The relay counts from when it was told.
    return datetime.now(UTC) > datetime.fromisoformat(str(given.grant.hard_until)) + timedelta(seconds=5)


def test_nothing_is_run_of_what_clients_sent_while_the_relay_was_stopped_past_its_end(plane: Plane) -> None:
    # Nobody looks any more, and the database knows the sessions: the relay's own clock is all that there is.
    plane.place.wall -= timedelta(minutes=60) - timedelta(seconds=45)
    given = plane.given()
    busy, idle = [let_in(plane, given) for _ in range(6)], let_in(plane, given)
    threads = [threading.Thread(target=writes_on, args=(raw,)) for raw in busy]
    for raw, thread in zip(busy, threads, strict=True):
        raw.send(WRITE)
        thread.start()
    wait_for(lambda: marks(plane.server) > 20)
    with stopped(plane.relay.pid):
        idle.send(WRITE)
        wait_for(lambda: over(given), seconds=90)
        resumed = datetime.now(UTC)
    (error,) = [fields(body) for kind, body in idle.everything() if kind == b"E"]
    assert (error["C"], "its time is over" in error["M"]) == ("57P01", True)
    for thread in threads:
        thread.join(20)
    assert marks(plane.server, resumed) == 0
    plane.place.logged("session.ended", reason="ended", detail="the grant has ended: its time is over")
    plane.place.wall = datetime.now(UTC)
    with plane.client(plane.given()) as session:
        session.run(INSERT)
    assert marks(plane.server, resumed) == 1


def test_a_relay_that_is_stopped_keeps_nobody_in_whose_grant_ends(plane: Plane) -> None:
    given, other = plane.given(), plane.given()
    before = plane.relay.pid
    with let_in(plane, given) as raw:
        with stopped(before):
            ended = datetime.now(UTC)
            raw.send(WRITE)
            plane.place.desk.end(plane.place.read(given.grant), "enough", actor="ada")
            plane.broker.cut()
            plane.broker.work()
            wait_for(lambda: plane.server.backends(given.grant.provider_ref) == 0)
        assert [kind for kind, _ in raw.everything()] in ([], [b"E"])
    assert marks(plane.server, ended) == 0
    assert plane.place.state(given.grant) is State.REVOKE_FAILED
    # Its pause is over.
    plane.broker._again.clear()
    plane.look()
    assert plane.relay.pid != before
    assert plane.place.state(given.grant) is State.ENDED
    plane.place.logged("grant.ended", grant=given.grant.id)
    with plane.client(other) as session:
        assert session.run("SELECT 1") == [[1]]


def test_a_broker_that_was_stopped_past_a_lease_ends_it_when_it_goes_on(tmp_path: Path, server: DatabasePlace) -> None:
    place = grant_place(tmp_path)
    place.wall = datetime.now(UTC)
    url = server.url.render_as_string(hide_password=False)
    broker = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(place.root.path), "postgres", json.dumps({"url": url})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert broker.stdout is not None
        assert broker.stdout.readline() == "ready\n"
        short, long = place.ask(scope=Scope.WRITE, minutes=1), place.ask(scope=Scope.WRITE)
        wait_for(lambda: place.state(short.grant) is place.state(long.grant) is State.ACTIVE)
        session, kept = enter(place, short), enter(place, long)
        with stopped(broker.pid):
            wait_for(lambda: datetime.now(UTC) > place.wall + timedelta(seconds=75), seconds=120)
            with pytest.raises(AccessDenied, match="is over"):
                Desk(place.root, place.settings, place.database).renew(
                    place.read(short.grant), place.read(short.grant).fence, 10, actor="ada"
                )
        wait_for(lambda: place.state(short.grant) is State.ENDED, seconds=60)
        with pytest.raises((DatabaseError, InterfaceError)):
            session.run("SELECT 1")
        assert kept.run("SELECT 1") == [[1]]
        assert place.logged("grant.ended", grant=short.grant.id)["properties"]["why"] == "its lease is over"
    finally:
        broker.kill()
        broker.wait()
