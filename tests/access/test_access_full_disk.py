"""Where nothing can be written down, nothing happens: no statement, no grant; and what is to end ends all the same."""

import contextlib
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from grant_place import GrantPlace, grant_place
from postgres_place import APP, Database, Place, database, relay
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from access.grants import State
from access.grants.tables import GRANTS
from access.postgres.orders import Happened
from access.telling import told
from factory import db as factory_db
from factory.errors import CloudUnavailable

TAKE = "SELECT nextval('taken')"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


@contextlib.contextmanager
def no_longer_files(place: Place) -> Iterator[None]:
    """No file of the relay's grows any more: the kernel takes a part of a line, or nothing."""
    process = psutil.Process(place.relay.pid)
    file = next((place.recordings / APP / "g1").glob("*.jsonl"))
    usual = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 20, usual[1]))
    yield
    process.rlimit(resource.RLIMIT_FSIZE, usual)


@contextlib.contextmanager
def no_more_space(place: Place) -> Iterator[None]:
    """The disk with the recordings is full to its last byte."""
    filler = place.recordings / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


def repeated(times: int, do: Callable[[], object]) -> None:
    for _ in range(times):
        do()


def stops(place: Place, db: Database, full: Callable[[Place], Any]) -> None:
    """A session ends before the statement that has no record, and others begin when there is space again."""
    place.open(db)
    client = place.connect(prepare_threshold=None)
    client.execute("DROP SEQUENCE IF EXISTS taken; CREATE SEQUENCE taken")
    assert client.execute(TAKE).fetchone() == (1,)
    with full(place):
        # The last page of a file may have some place.
        with pytest.raises(psycopg.OperationalError, match="cannot be recorded any more"):
            repeated(200, lambda: client.execute(TAKE))
        with pytest.raises(psycopg.OperationalError, match="cannot be recorded"):
            place.connect().execute("SELECT 1 -- " + "x" * 8000)
    assert {each.reason for each in place.ended()} == {"recording"}
    with place.connect() as again:
        (value,) = again.execute("SELECT last_value FROM taken").fetchone() or (0,)
    # Whole lines only, and each statement that the database saw.
    assert place.texts().count(TAKE) == value


@pytest.mark.engine
def test_a_recording_that_can_grow_no_further_ends_the_session_before_the_statement(
    tmp_path: Path, db: Database
) -> None:
    with relay(tmp_path / "relay") as place:
        stops(place, db, no_longer_files)


@pytest.mark.engine
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_a_disk_that_is_full_ends_the_session_before_the_statement(tmp_path: Path, db: Database) -> None:
    disk = tmp_path / "relay" / "recordings"
    disk.mkdir(parents=True)
    mount = shutil.which("mount") or "mount"
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with relay(tmp_path / "relay") as place:
            stops(place, db, no_more_space)
            for file in (place.recordings / APP / "g1").glob("*.jsonl"):
                assert all(json.loads(line) for line in file.read_text().splitlines())
    finally:
        subprocess.run([shutil.which("umount") or "umount", "--lazy", str(disk)], check=True)


@contextlib.contextmanager
def pragma(place: GrantPlace, full: str, usual: str) -> Iterator[None]:
    """Every connection to the factory's database is so until the block ends."""

    def made_so(connection: Any, _: object, __: object) -> None:
        connection.execute(f"PRAGMA {full}")

    event.listen(place.database, "checkout", made_so)
    yield
    event.remove(place.database, "checkout", made_so)
    with place.database.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA {usual}")


def full(place: GrantPlace) -> contextlib.AbstractContextManager[None]:
    """It may have no page more than it has."""
    return pragma(place, "max_page_count=1", "max_page_count=1000000")


def read_only(place: GrantPlace) -> contextlib.AbstractContextManager[None]:
    return pragma(place, "query_only=ON", "query_only=OFF")


def count(place: GrantPlace) -> int:
    with factory_db.transaction(place.database) as connection:
        return int(connection.execute(select(func.count()).select_from(GRANTS)).scalar_one())


def test_nothing_is_given_where_the_database_is_full(place: GrantPlace) -> None:
    place.ask()
    with full(place):
        with pytest.raises(CloudUnavailable, match=r"nothing is given.*disk is full"):
            repeated(100, place.ask)
        before = count(place)
        with pytest.raises(CloudUnavailable):
            place.ask()
        with pytest.raises(OperationalError):
            place.log()
    assert count(place) == before
    place.log()
    place.ask()
    place.look()


def test_what_was_asked_for_is_not_opened_where_that_cannot_be_written_down(place: GrantPlace) -> None:
    grant = place.ask().grant
    with read_only(place):
        place.look()
        assert place.state(grant) is State.ISSUING
    place.look()
    assert place.state(grant) is State.ACTIVE
    assert place.standing == {f"mw_{grant.id}"}


def test_a_lease_ends_where_that_cannot_be_written_down_and_is_not_opened_again(place: GrantPlace) -> None:
    short, long = place.ask(minutes=10).grant, place.ask(minutes=50).grant
    place.look()
    place.look()
    assert place.provider.inside == {short.id, long.id}
    place.pass_by(both=timedelta(minutes=11))
    with read_only(place):
        place.look()
        place.look()
        assert place.provider.inside == {long.id}
        assert place.state(short) is State.ACTIVE
    place.look()
    assert (place.state(short), place.read(short).ended_reason) == (State.ENDED, "its lease is over")
    assert place.state(long) is State.ACTIVE


def test_a_lease_ends_where_nothing_can_even_be_read(place: GrantPlace) -> None:
    short, long = place.ask(minutes=10).grant, place.ask(minutes=50).grant
    place.look()
    place.look()
    with place.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE access_grant RENAME TO elsewhere")
    with pytest.raises(OperationalError):
        place.broker.cut()
    assert place.provider.inside == {short.id, long.id}
    place.pass_by(both=timedelta(minutes=11))
    with pytest.raises(OperationalError):
        place.broker.cut()
    assert place.provider.inside == {long.id}
    with place.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO access_grant")
    place.look()
    assert place.state(short) is State.ENDED


def test_a_grant_whose_budget_is_used_up_ends_once_that_can_be_written_down(place: GrantPlace) -> None:
    grant = place.ask().grant
    place.look()
    spent = Happened(happened="grant_spent", grant=grant.id, reason="budget", detail="too much")
    with read_only(place), pytest.raises(OperationalError), factory_db.transaction(place.database) as connection:
        told(connection, spent)
    with factory_db.transaction(place.database) as connection:
        told(connection, spent)
    place.look()
    assert place.state(grant) is State.ENDED
