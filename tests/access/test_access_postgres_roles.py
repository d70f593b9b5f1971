"""The role of a grant in a real PostgreSQL: what each scope can do there, and that nothing of it outlives its end."""

import threading
import time
from collections.abc import Iterator

import pytest
from database_place import DatabasePlace, database_place
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection
from sqlalchemy.engine import URL

from access.postgres.scram import stored
from access.providers.postgres_roles import Roles
from factory.errors import CloudUnavailable
from factory.spec import Scope

UNTIL, OVER = "2099-01-01T00:00:00.000+00:00", "2001-01-01T00:00:00.000+00:00"
DENIED, NO_LOGIN = "42501", "28P01"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def roles(place: DatabasePlace) -> Iterator[Roles]:
    roles = Roles(place.url, "disable", threading.Lock())
    yield roles
    for role in roles.all():
        roles.end(role)


def let_in(place: DatabasePlace, roles: Roles, scope: Scope, until: str = UNTIL) -> Connection:
    roles.make("mw_one", stored("token"), scope, until)
    return place.connected("mw_one", "token")


def refusal(connection: Connection, statement: str) -> str:
    with pytest.raises(DatabaseError) as refused:
        connection.run(statement)
    connection.run("ROLLBACK")
    return str(refused.value.args[0]["C"])


CAN = {
    "SELECT total FROM sums": Scope.READ,
    "UPDATE sums SET total = total + 1": Scope.WRITE,
    "INSERT INTO sums VALUES ('c', 3) ON CONFLICT DO NOTHING": Scope.WRITE,
    "DELETE FROM sums WHERE name = 'c'": Scope.WRITE,
    "CREATE TABLE made (x int); DROP TABLE made": Scope.ADMIN,
    "TRUNCATE sums": Scope.ADMIN,
}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("statement", CAN)
def test_a_scope_can_do_what_is_its_own_and_no_more(
    place: DatabasePlace, roles: Roles, scope: Scope, statement: str
) -> None:
    with let_in(place, roles, scope) as session:
        if CAN[statement].level > scope.level:
            assert refusal(session, statement) == DENIED
        else:
            session.run("BEGIN")
            session.run(statement)
            session.run("ROLLBACK")


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE tally",
        "ALTER TABLE sums ADD COLUMN note text",
        "DROP TABLE sums",
        "SET SESSION AUTHORIZATION tally",
        "CREATE ROLE more LOGIN",
        "ALTER ROLE tally PASSWORD 'mine'",
        "CREATE DATABASE more",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_no_scope_becomes_somebody_else_or_leaves_the_database(
    place: DatabasePlace, roles: Roles, scope: Scope, statement: str
) -> None:
    with let_in(place, roles, scope) as session:
        assert refusal(session, statement) == DENIED


def test_a_role_logs_in_by_its_own_token_only_and_not_after_its_time(place: DatabasePlace, roles: Roles) -> None:
    let_in(place, roles, Scope.READ).close()
    with pytest.raises(DatabaseError) as refused:
        place.connected("mw_one", "other")
    assert refused.value.args[0]["C"] == NO_LOGIN
    with pytest.raises(DatabaseError) as refused:
        let_in(place, roles, Scope.READ, until=OVER)
    assert refused.value.args[0]["C"] == NO_LOGIN


def test_its_end_ends_a_session_and_what_runs_in_it(place: DatabasePlace, roles: Roles) -> None:
    idle, busy = let_in(place, roles, Scope.READ), place.connected("mw_one", "token")
    ended: list[Exception] = []

    def run() -> None:
        try:
            busy.run("SELECT pg_sleep(600)")
        except (DatabaseError, InterfaceError) as error:
            ended.append(error)

    running = threading.Thread(target=run)
    running.start()
    while place.backends("mw_one") < 2:
        time.sleep(0.01)
    roles.end("mw_one")
    running.join(10)
    assert len(ended) == 1
    assert place.backends("mw_one") == 0
    with pytest.raises((DatabaseError, InterfaceError)):
        idle.run("SELECT 1")
    assert roles.all() == []


def test_what_it_made_goes_to_the_owner(place: DatabasePlace, roles: Roles) -> None:
    with let_in(place, roles, Scope.ADMIN) as session:
        session.run("CREATE TABLE left_behind (x int)")
    roles.end("mw_one")
    with place.owner() as owns:
        (owner,) = owns.run("SELECT tableowner FROM pg_tables WHERE tablename = 'left_behind'")
        assert owner == ["tally"]
        owns.run("DROP TABLE left_behind")


def test_to_make_it_again_ends_whoever_came_in_before(place: DatabasePlace, roles: Roles) -> None:
    before = let_in(place, roles, Scope.WRITE)
    with let_in(place, roles, Scope.READ) as session:
        assert refusal(session, "DELETE FROM sums") == DENIED
    with pytest.raises((DatabaseError, InterfaceError)):
        before.run("SELECT 1")


def test_its_end_comes_although_it_holds_what_others_wait_for(place: DatabasePlace, roles: Roles) -> None:
    session = let_in(place, roles, Scope.WRITE)
    session.run("BEGIN")
    session.run("LOCK TABLE sums IN ACCESS EXCLUSIVE MODE")
    roles.end("mw_one")
    with place.owner() as owns:
        assert owns.run("SELECT count(*) FROM sums") == [[2]]


def test_a_lock_that_anybody_can_take_is_in_nobodys_way(place: DatabasePlace, roles: Roles) -> None:
    with let_in(place, roles, Scope.READ) as session:
        for number in range(3):
            session.run("SELECT pg_advisory_lock(:number)", number=number)
        roles.make("mw_two", stored("token"), Scope.READ, UNTIL)
        roles.end("mw_two")
        assert roles.all() == ["mw_one"]


def test_the_owners_password_goes_to_no_server_that_is_not_known(place: DatabasePlace) -> None:
    url = place.url.set(password="hidden-word")
    with pytest.raises(CloudUnavailable, match="refuses SSL"):
        Roles(url, "verify-full", threading.Lock()).all()


def test_to_end_what_is_not_there_is_fine(roles: Roles) -> None:
    roles.end("mw_never")


def test_a_database_that_cannot_be_reached_says_so_without_the_password(place: DatabasePlace) -> None:
    gone = Roles(URL.create("postgresql", "tally", "hidden-word", "127.0.0.1", 1, "tally"), "disable", threading.Lock())
    with pytest.raises(CloudUnavailable, match=r"the database tally at 127\.0\.0\.1:1") as refused:
        gone.all()
    assert "hidden-word" not in refused.value.rendered()
    assert Roles(place.url, "disable", threading.Lock()).all() == []
