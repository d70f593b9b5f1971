"""Who held a database and would go on: by its token, in a session, as another role, by a password of their own."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from database_place import NAME, DatabasePlace, database_place
from database_plane import Plane, database_plane
from grant_place import RULES
from grant_waits import wait_for
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from access.certificates import files
from access.grants import Given, State
from factory import db, events
from factory.spec import Scope

pytestmark = pytest.mark.engine
ENDED = (DatabaseError, InterfaceError, OSError)
NO_LOGIN, DENIED = "28P01", "42501"
MINE = "a-password-of-my-own"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """One for all: each has a grant of its own. The database has a function that runs what it is told, as its caller:
    what it does, no reader of a client's text can see."""
    with database_place(tmp_path_factory.mktemp("postgres")) as server:
        with server.owner() as owns:
            owns.run("CREATE ROLE helper NOLOGIN")
            owns.run("GRANT SELECT ON sums TO helper")
            owns.run("CREATE FUNCTION run(what text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE what; END'")
        with database_plane(tmp_path_factory.mktemp("plane"), server) as made:
            made.place.rules([{**RULES[0], "scope": "admin"}])
            yield made


def code(attempt: Callable[[], object]) -> str:
    """The SQLSTATE by which it is refused."""
    with pytest.raises(DatabaseError) as refused:
        attempt()
    return str(refused.value.args[0]["C"])


def psycopg_client(plane: Plane, given: Given) -> "psycopg.Connection[tuple[Any, ...]]":
    """One that reads why it is ended."""
    certificate = str(files(plane.place.root.access).certificate)
    return psycopg.connect(
        host="127.0.0.1",
        port=plane.relay.port,
        user=given.grant.provider_ref,
        password=given.token,
        dbname=NAME,
        sslmode="verify-ca",
        sslrootcert=certificate,
        gssencmode="disable",
        autocommit=True,
    )


def sleeping(session: Connection) -> tuple[threading.Thread, list[Exception]]:
    """A query that runs for ten minutes, and what became of it."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            session.run("SELECT pg_sleep(600)")
        except ENDED as error:
            failed.append(error)

    running = threading.Thread(target=run)
    running.start()
    return running, failed


def asleep(server: DatabasePlace, role: str) -> bool:
    with server.owner() as owns:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = :role AND query LIKE 'SELECT pg_sleep%'"
        return bool(owns.run(f"{asked} AND state = 'active'", role=role)[0][0])


def refused_logins(plane: Plane, given: Given) -> None:
    plane.place.logged("login.refused", reason="credentials", grant=given.grant.id)


def test_a_token_is_of_no_use_after_its_task_has_ended(plane: Plane) -> None:
    given = plane.place.ask(task="tally.sums.coder.9", scope=Scope.READ)
    other = plane.given()
    plane.look()
    with plane.client(given) as session:
        assert session.run("SELECT 1") == [[1]]
    with db.transaction(plane.place.database) as connection:
        told = {"app": "tally", "change": "sums", "task": "tally.sums.coder.9"}
        events.append(connection, events.new_event("task.ended", actor="worker", **told))
    plane.look()
    assert plane.place.state(given.grant) is State.ENDED
    assert code(lambda: plane.client(given)) == NO_LOGIN
    refused_logins(plane, given)
    # Nor for what the same task is given next.
    again = plane.given()
    assert code(lambda: plane.client(again, token=given.token)) == NO_LOGIN
    refused_logins(plane, again)
    for each in (other, again):
        with plane.client(each) as session:
            assert session.run("SELECT 1") == [[1]]


class Racing:
    """Clients that come in by one grant, over and over, while it is revoked."""

    def __init__(self, plane: Plane, given: Given) -> None:
        self._plane, self._given = plane, given
        self.came_in: list[Connection] = []
        self.late: list[Connection] = []
        self.codes: set[str] = set()
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(6)]
        for each in self._threads:
            each.start()

    def join(self) -> None:
        for each in self._threads:
            each.join(60)
            assert not each.is_alive()

    def _run(self) -> None:
        over, tried = False, 0
        while not over and tried < 30:
            over, tried = self.over.is_set(), tried + 1
            try:
                (self.late if over else self.came_in).append(self._plane.client(self._given))
            except DatabaseError as error:
                self.codes.add(str(error.args[0]["C"]) if isinstance(error.args[0], dict) else "cut")
            except ENDED:
                self.codes.add("cut")


def test_who_connects_while_it_is_revoked_is_out_too(plane: Plane) -> None:
    rng, seen = random.Random(1), set()
    for _ in range(5):
        given = plane.given()
        racing = Racing(plane, given)
        wait_for(lambda racing=racing: len(racing.came_in) > 2)
        time.sleep(rng.random() * 0.1)
        plane.end(given)
        racing.over.set()
        racing.join()
        assert not racing.late
        for session in racing.came_in:
            with pytest.raises(ENDED):
                session.run("SELECT 1")
        assert plane.server.backends(given.grant.provider_ref) == 0
        assert given.grant.provider_ref not in plane.server.roles()
        refused_logins(plane, given)
        plane.place.logged("session.ended", reason="ended", grant=given.grant.id)
        seen |= racing.codes
    assert NO_LOGIN in seen
    assert seen <= {NO_LOGIN, "57P01", "53300", "cut"}, seen


def test_a_session_that_has_become_another_role_ends_all_the_same(plane: Plane) -> None:
    given, other = plane.given(Scope.READ), plane.given(Scope.READ)
    role = given.grant.provider_ref
    with plane.server.owner() as owns:
        owns.run(f"GRANT helper TO {role}")
    idle, busy, kept = plane.client(given), plane.client(given), plane.client(other)
    # The relay refuses it in every way that it can read.
    for statement in (
        "SET ROLE helper",
        "SET SESSION AUTHORIZATION helper",
        "SELECT set_config('role', 'helper', false)",
    ):
        assert code(lambda statement=statement: idle.run(statement)) == DENIED
    plane.place.logged("statement.refused", reason="statement", grant=given.grant.id)
    # What it cannot read: the database's own function.
    watching = psycopg_client(plane, given)
    watching.execute("SELECT run('SET ROLE helper')")
    for session in (idle, busy):
        session.run("SELECT run('SET ROLE helper')")
        assert session.run("SELECT current_user, session_user") == [["helper", role]]
    running, failed = sleeping(busy)
    wait_for(lambda: asleep(plane.server, role))
    plane.place.desk.end(plane.place.read(given.grant), "enough", actor="ada")
    plane.broker.cut()
    running.join(20)
    assert len(failed) == 1
    with pytest.raises(psycopg.errors.AdminShutdown, match="the grant has ended: enough"):
        watching.execute("SELECT total FROM sums")
    with pytest.raises(ENDED):
        idle.run("SELECT total FROM sums")
    plane.broker.work()
    assert plane.place.state(given.grant) is State.ENDED
    assert (plane.server.backends(role), role in plane.server.roles()) == (0, False)
    entry = plane.place.logged("session.ended", reason="ended", grant=given.grant.id)
    assert entry["properties"]["digest"]
    assert kept.run("SELECT count(*) FROM sums") == [[2]]
    kept.close()


OWN_PASSWORD = [
    f"ALTER ROLE CURRENT_USER PASSWORD '{MINE}'",
    f"ALTER USER CURRENT_USER WITH ENCRYPTED PASSWORD '{MINE}'",
    f"SELECT 1; ALTER ROLE CURRENT_USER PASSWORD '{MINE}'",
    f"DO $$ BEGIN EXECUTE 'ALTER ROLE CURRENT_USER PASSWORD ''{MINE}'''; END $$",
    f"CREATE FUNCTION pg_temp.f() RETURNS void AS $$ ALTER ROLE CURRENT_USER PASSWORD '{MINE}' $$ LANGUAGE sql",
    "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
    "CREATE ROLE stays LOGIN",
]


@pytest.mark.parametrize("statement", OWN_PASSWORD)
def test_nobody_gives_their_role_a_password_and_goes_past_the_relay(plane: Plane, statement: str) -> None:
    given = plane.given(Scope.ADMIN)
    with plane.client(given) as session:
        assert code(lambda: session.run(statement)) == DENIED
        session.run("CREATE TEMP TABLE own (x int)")
    entry = plane.place.logged("statement.refused", reason="statement", grant=given.grant.id)
    assert MINE not in str(entry)
    for password in (MINE, given.token):
        assert code(lambda password=password: plane.server.connected(given.grant.provider_ref, password)) == NO_LOGIN


def test_a_password_that_the_databases_own_function_sets_ends_with_the_grant(plane: Plane) -> None:
    given = plane.given(Scope.READ)
    role = given.grant.provider_ref
    with plane.client(given) as session:
        session.run(f"SELECT run('ALTER ROLE CURRENT_USER PASSWORD ''{MINE}''')")
    # Past the relay: a password is the one thing of its own that PostgreSQL lets a role change.
    past = plane.server.connected(role, MINE)
    assert past.run("SELECT count(*) FROM sums") == [[2]]
    assert code(lambda: past.run("ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'")) == DENIED
    plane.end(given)
    with pytest.raises(ENDED):
        past.run("SELECT count(*) FROM sums")
    assert code(lambda: plane.server.connected(role, MINE)) == NO_LOGIN
    assert plane.place.logged("grant.ended", grant=given.grant.id)
    with plane.client(plane.given(Scope.READ)) as session:
        assert session.run("SELECT current_database()") == [[NAME]]
