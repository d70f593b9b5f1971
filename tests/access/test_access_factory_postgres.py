"""The access plane with PostgreSQL as the factory's own database: what two do at once there, and how it is read."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from audit_place import Audited, Outside
from database_place import DatabasePlace, database_place
from factory_database import settings_of
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for
from sqlalchemy.exc import DBAPIError

from access import audit
from access.grants import Overtaken, State
from factory import db, events
from factory.errors import CloudUnavailable
from factory.spec import Function

pytestmark = pytest.mark.engine
# As long as the rules for names let it become.
TASK = "app-of-16-letter." + "change-of-41-letters-as-long-as-they-come." + "security-reviewer.12.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, server: DatabasePlace) -> Iterator[GrantPlace]:
    place = grant_place(tmp_path, settings_of(server))
    assert place.database.dialect.name == "postgresql"
    yield place
    place.database.dispose()


@pytest.fixture
def audited(place: GrantPlace) -> Audited:
    return Audited(place.root, place.database)


def verified(audited: Audited, app: str = "links") -> audit.Verified:
    with db.snapshot(audited.database) as connection:
        return audit.verify(connection, app, audit.raw(audit.signing_key(audited.root).public_key()))


def test_a_grant_lives_and_is_logged(place: GrantPlace, audited: Audited) -> None:
    assert len(TASK) == 81
    grant = place.ask(minutes=10, task=TASK, principal=f"agent:tally/{Function.CODER}/{TASK}").grant
    place.look()
    held = place.read(grant)
    assert (held.state, held.task) == (State.ACTIVE, TASK)
    place.desk.renew(held, held.fence, 30, actor="ada")
    # Its task's end is its own.
    with db.transaction(place.database) as connection:
        events.append(connection, events.new_event("task.ended", actor="worker", app="tally", task=TASK))
    place.look()
    assert (place.state(grant), place.read(grant).ended_reason) == (State.ENDED, "its task has ended")
    place.log()
    found = verified(audited, "tally")
    assert (found.faults, found.size) == ([], 7)


def test_what_is_committed_late_is_logged_all_the_same_and_once(audited: Audited, tmp_path: Path) -> None:
    audited.happen("first.told")
    with audited.database.connect() as late:
        events.append(late, events.new_event("late.told", actor="ada", app="links"))
        # It has the lower number, and nobody sees it yet.
        audited.happen("early.told")
        audited.logged()
        assert [each["kind"] for each in _told(audited)] == ["first.told", "early.told"]
        late.commit()
    with audited.database.connect() as connection:
        assert audit.backlog(connection).events == 1
    audited.logged()
    audited.logged()
    told = _told(audited)
    assert [each["kind"] for each in told] == ["first.told", "early.told", "late.told"]
    assert told[2]["sequence"] < told[1]["sequence"]
    assert verified(audited).faults == []
    outside = Outside.given(audited, tmp_path / "outside")
    ran = outside.verify(audited.exported())
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _told(audited: Audited) -> list[dict[str, object]]:
    with db.snapshot(audited.database) as connection:
        return [each.event or {} for each in audit.entries(connection, "links", limit=100)]


def test_many_write_and_many_log_and_each_event_is_there_once(audited: Audited) -> None:
    key, stop = audit.signing_key(audited.root), threading.Event()

    def log() -> None:
        while not stop.wait(0.01):
            audit.sequence(audited.database, key)

    def read() -> list[str]:
        faults = []
        while not stop.wait(0.01):
            faults += verified(audited).faults
        return faults

    def write(number: int) -> None:
        for _ in range(25):
            audited.happen("writer.told", writer=number)

    with ThreadPoolExecutor(8) as pool:
        logging, reading = [pool.submit(log) for _ in range(2)], pool.submit(read)
        try:
            for each in [pool.submit(write, number) for number in range(4)]:
                each.result(120)
        finally:
            stop.set()
        for each in logging:
            each.result(60)
        # Whoever reads while it grows sees a whole log.
        assert reading.result(60) == []
    audited.logged()
    found = verified(audited)
    assert (found.faults, found.size) == ([], 100)
    assert len({each["sequence"] for each in _told(audited)}) == 100


def test_of_two_that_move_a_grant_at_once_one_is_overtaken(place: GrantPlace) -> None:
    grant = place.ask(minutes=10).grant
    place.look()
    held, start, lost = place.read(grant), threading.Barrier(4), []

    def end() -> None:
        start.wait(30)
        try:
            place.desk.end(held, "over", actor="ada")
        except Overtaken:
            lost.append(1)

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(end) for _ in range(4)]:
            each.result(60)
    assert len(lost) == 3
    assert place.kinds(grant).count("grant.revoking") == 1


def test_a_server_that_is_killed_keeps_no_lease_and_is_used_again_once_it_is_back(
    place: GrantPlace, server: DatabasePlace
) -> None:
    short, long = place.ask(minutes=10).grant, place.ask(minutes=50).grant
    place.look()
    place.look()
    server.server.stop()
    wait_for(lambda: not server.server.alive())
    place.pass_by(both=timedelta(minutes=11))
    with pytest.raises(DBAPIError):
        place.broker.cut()
    assert place.provider.inside == {long.id}
    with pytest.raises(CloudUnavailable, match="nothing is given"):
        place.ask()
    server.server = server.again()
    place.look()
    assert (place.state(short), place.state(long)) == (State.ENDED, State.ACTIVE)
    place.ask()
