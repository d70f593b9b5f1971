"""A database's grant whole, on real parts: asked for, used by a client, recorded, and ended while it is used."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from database_place import DatabasePlace, database_place
from database_plane import Plane, database_plane
from grant_waits import wait_for
from pg8000.exceptions import DatabaseError, InterfaceError

from access.grants import State
from access.recordings import Held, Recorded, recorded
from factory.spec import Scope

ENDED = (DatabaseError, InterfaceError)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def plane(tmp_path: Path, server: DatabasePlace) -> Iterator[Plane]:
    with database_plane(tmp_path, server) as made:
        yield made


def test_what_is_asked_for_is_used_recorded_ended_and_told(plane: Plane) -> None:
    given = plane.given()
    with plane.client(given) as session:
        assert session.run("SELECT total FROM sums WHERE name = :name", name="a") == [[1]]
        session.run("INSERT INTO sums VALUES ('z', 26)")
        session.run("DELETE FROM sums WHERE name = 'z'")
    written = json.dumps(plane.recorded(given.grant))
    assert all(text in written for text in ("SELECT total FROM sums", "INSERT INTO sums", "DELETE FROM sums"))
    plane.place.desk.end(plane.place.read(given.grant), "done", actor="ada")
    plane.look()
    assert plane.place.state(given.grant) is State.ENDED
    assert plane.server.roles() == set()
    with pytest.raises(ENDED):
        plane.client(given)
    ended = wait_for(lambda: plane.told("session.ended"))
    assert [(each.app, each.properties["grant"]) for each in ended] == [("tally", given.grant.id)]
    assert ended[0].properties["digest"]
    refused = wait_for(lambda: plane.told("login.refused"))
    assert refused[0].properties["reason"]


def test_a_recording_that_is_changed_or_removed_afterwards_is_told(plane: Plane) -> None:
    given = plane.given()
    for total in (1, 2):
        with plane.client(given) as session:
            assert session.run("SELECT name FROM sums WHERE total = :total", total=total)
            with pytest.raises(DatabaseError):
                session.run("SELECT 1/0")
    wait_for(lambda: len(plane.told("session.ended")) == 2)

    def found() -> list[Recorded]:
        with plane.place.database.connect() as connection:
            return recorded(plane.place.root, connection, given.grant)

    whole = found()
    assert [each.held for each in whole] == [Held.WHOLE, Held.WHOLE]
    statements = [(each.text, each.values, each.rows, each.sqlstate) for each in whole[1].said]
    assert ("SELECT name FROM sums WHERE total = $1", ["2"], 1, "") in statements
    assert any(text == "SELECT 1/0" and sqlstate == "22012" for text, _, _, sqlstate in statements)
    folder = plane.place.root.recordings / "tally" / given.grant.id
    one, two = (folder / f"{each.session}.jsonl" for each in whole)
    one.write_text(one.read_text().replace("SELECT name", "SELECT note"))
    two.unlink()
    assert {each.session: each.held for each in found()} == {one.stem: Held.CHANGED, two.stem: Held.GONE}


def test_the_end_comes_in_the_middle_of_a_query(plane: Plane) -> None:
    given = plane.given()
    idle, busy, ended = plane.client(given), plane.client(given), []

    def run() -> None:
        try:
            busy.run("SELECT pg_sleep(600)")
        except ENDED as error:
            ended.append(error)

    running = threading.Thread(target=run)
    running.start()
    wait_for(lambda: plane.server.backends(given.grant.provider_ref) == 2)
    plane.place.desk.end(plane.place.read(given.grant), "enough", actor="ada")
    plane.broker.cut()
    running.join(20)
    assert len(ended) == 1
    with pytest.raises(ENDED):
        idle.run("SELECT 1")
    plane.broker.work()
    assert plane.server.roles() == set()


@pytest.mark.parametrize(
    "statement", ["DELETE FROM sums", "CREATE TABLE x (y int)", "SET ROLE tally", "not a statement"]
)
def test_a_scope_is_held_by_the_relay_before_the_database_is_asked(plane: Plane, statement: str) -> None:
    given = plane.given(Scope.READ)
    with plane.client(given) as session:
        with pytest.raises(DatabaseError) as refused:
            session.run(statement)
        assert refused.value.args[0]["C"] == "42501"
        assert session.run("SELECT count(*) FROM sums") == [[2]]
    told = wait_for(lambda: plane.told("statement.refused"))
    assert told[0].properties["grant"] == given.grant.id


def test_nobody_comes_in_by_another_grants_token_or_past_the_relay(plane: Plane) -> None:
    one, two = plane.given(), plane.given()
    with pytest.raises(ENDED):
        plane.client(one, token=two.token)
    with pytest.raises(ENDED):
        plane.server.connected(plane.place.read(one.grant).provider_ref, one.token)
    plane.client(one).close()
    # One ends, and the other is none of that.
    session = plane.client(two)
    plane.place.desk.end(plane.place.read(one.grant), "done", actor="ada")
    plane.look()
    assert session.run("SELECT 1") == [[1]]
    session.close()


def test_a_relay_that_is_killed_takes_every_session_with_it_and_is_followed_by_another(plane: Plane) -> None:
    given = plane.given()
    session = plane.client(given)
    os.kill(plane.relays[-1].pid, signal.SIGKILL)
    with pytest.raises(ENDED):
        session.run("SELECT 1")
    wait_for(lambda: plane.server.backends(given.grant.provider_ref) == 0)
    wait_for(lambda: not plane.relays[-1].alive())
    plane.look()
    assert len(plane.relays) == 2
    with plane.client(given) as again:
        assert again.run("SELECT 1") == [[1]]


def test_after_a_restart_of_the_broker_whoever_was_in_is_out_and_comes_in_again(plane: Plane) -> None:
    given = plane.given()
    session = plane.client(given)
    plane.broker.close()
    with pytest.raises(ENDED):
        session.run("SELECT 1")
    plane.begin()
    plane.look()
    with plane.client(given) as again:
        assert again.run("SELECT 1") == [[1]]


def test_a_broker_that_is_stopped_past_its_end_keeps_nobody_in(plane: Plane) -> None:
    # Nobody looks any more: the relay's own clock is the bound.
    plane.place.wall -= timedelta(minutes=60) - timedelta(seconds=8)
    given = plane.given()
    session = plane.client(given)
    assert session.run("SELECT 1") == [[1]]
    wait_for(lambda: plane.server.backends(plane.place.read(given.grant).provider_ref) == 0)
    with pytest.raises(ENDED):
        session.run("SELECT 1")
    with pytest.raises(ENDED):
        plane.client(given)


def test_what_was_opened_and_not_written_down_is_opened_anew(plane: Plane) -> None:
    given = plane.given()
    session = plane.client(given)
    with plane.place.database.begin() as connection:
        connection.exec_driver_sql("UPDATE access_grant SET state = 'issuing', lease_until = NULL")
    plane.look()
    with pytest.raises(ENDED):
        session.run("SELECT 1")
    with plane.client(given) as again:
        assert again.run("SELECT 1") == [[1]]


def test_a_role_of_no_grant_is_removed_with_whoever_is_in_by_it(plane: Plane) -> None:
    given = plane.given()
    session = plane.client(given)
    kept = plane.given()
    with plane.place.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM access_grant WHERE id = ?", (given.grant.id,))
    assert plane.broker.sweep("postgres") == [given.grant.provider_ref]
    assert plane.server.roles() == {plane.place.read(kept.grant).provider_ref}
    with pytest.raises(ENDED):
        session.run("SELECT 1")
