"""`millwright access`: what the rules say, what is held, and the people's part of it; no database is needed."""

import shutil
from pathlib import Path

import pytest
from change_bench import database
from console_runner import Runner

from access.grants import Desk, Grant, State, Wanted, store
from factory import db, demo_people
from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import Environment, Function, Scope

TALLY = Path(__file__).parents[2] / "apps" / "tally"
OPERATOR, SECURITY, AUTHOR = demo_people.OPERATOR, demo_people.SECURITY, demo_people.AUTHOR
DATABASE = ("tally", "build", "databases.database")
IN_PRODUCTION = ("tally", "production", "databases.database")


@pytest.fixture
def place(root: FactoryRoot) -> FactoryRoot:
    """A factory with an app that has a database, and demo people."""
    shutil.copytree(TALLY, root.apps / "tally")
    demo_people.ensure(root, Settings())
    return root


def asked(root: FactoryRoot, environment: Environment = Environment.BUILD, person: str = OPERATOR) -> Grant:
    """A grant that is asked for where no broker runs."""
    from factory import signatures

    wanted = Wanted(
        app="tally",
        environment=environment,
        resource="databases.database",
        scope=Scope.READ,
        principal=person,
        reason="a look",
    )
    key = demo_people.key_file(root, person)
    sign = lambda message: signatures.sign_unattended(message, key, namespace=signatures.ACCESS)  # noqa: E731
    return Desk(root, Settings(), database(root)).ask(wanted, sign).grant


def state(root: FactoryRoot, grant: Grant) -> State:
    with db.transaction(database(root)) as connection:
        found = store.read(connection, grant.id)
    assert found is not None
    return found.state


def test_why_says_what_the_rules_allow_and_what_they_do_not(millwright: Runner, place: FactoryRoot) -> None:
    allowed = millwright("access", "why", *DATABASE, "--scope", "write", "--function", "coder")
    assert (allowed.code, "allowed" in allowed.out, "60 minutes" in allowed.out) == (ExitCode.OK, True, True)
    refused = millwright("access", "why", *DATABASE, "--scope", "admin", "--function", "coder")
    assert (refused.code, "refused" in refused.out) == (ExitCode.ACCESS_DENIED, True)
    (told,) = millwright("access", "why", *IN_PRODUCTION, "--as", OPERATOR, "--json").documents
    assert (told["allowed"], told["approval"], told["most_minutes"]) == (True, "operator", 60)


def test_why_takes_a_function_or_a_person(millwright: Runner, place: FactoryRoot) -> None:
    assert millwright("access", "why", *DATABASE).code == ExitCode.USAGE
    both = millwright("access", "why", *DATABASE, "--function", Function.CODER, "--as", OPERATOR)
    assert both.code == ExitCode.USAGE


def test_what_there_is_not_is_said_to_be_none(millwright: Runner, place: FactoryRoot) -> None:
    for words in (("nothing", "build", "databases.database"), ("tally", "somewhere", "databases.database")):
        assert millwright("access", "why", *words, "--as", OPERATOR).code == ExitCode.INVALID_INPUT
    assert millwright("access", "show", "abc").code == ExitCode.INVALID_INPUT
    assert millwright("access", "revoke", "abc", "--reason", "x", "--as", OPERATOR).code == ExitCode.INVALID_INPUT
    assert millwright("access", "stop", "nothing", "--reason", "x", "--as", OPERATOR).code == ExitCode.INVALID_INPUT
    assert millwright("access", "stop", "--reason", "x", "--as", OPERATOR).code == ExitCode.USAGE
    assert (
        millwright("access", "connect", "psql", "tally", "build", "--database", "other", "--as", OPERATOR).code
        == ExitCode.INVALID_INPUT
    )


def test_what_is_held_and_asked_for_is_listed_and_shown_with_its_story(millwright: Runner, place: FactoryRoot) -> None:
    assert "nothing is held" in millwright("access", "list").out
    grant = asked(place)
    (listed,) = millwright("access", "list", "--json").documents
    assert (listed["id"], listed["state"]) == (grant.id, "issuing")
    assert not {"token_digest", "verifier", "proof"} & listed.keys()
    assert millwright("access", "list", "--app", "links", "--json").documents == []
    # By the end of its id: those of one second begin alike.
    shown = millwright("access", "show", grant.id[-6:])
    assert all(word in shown.out for word in (grant.id, OPERATOR, "grant.requested", "grant.allowed", "a look"))
    (told,) = millwright("access", "show", grant.id, "--json").documents
    assert [each["kind"] for each in told["events"]] == ["grant.requested", "grant.allowed"]


def test_who_waits_is_let_in_by_a_signed_decision_of_somebody_else(millwright: Runner, place: FactoryRoot) -> None:
    demo_people.ensure_with_deputy(place, Settings())
    grant = asked(place, Environment.PRODUCTION)
    own = millwright("access", "approve", grant.id, "--as", OPERATOR)
    assert (own.code, "nobody decides on their own work" in own.err) == (ExitCode.DECISION_REQUIRED, True)
    assert millwright("access", "approve", grant.id, "--as", SECURITY).code == ExitCode.DECISION_REQUIRED
    approved = millwright("access", "approve", grant.id, "--as", demo_people.DEPUTY)
    assert (approved.code, "is let in" in approved.out) == (ExitCode.OK, True)
    Desk(place, Settings(), database(place)).settle(grant)
    assert state(place, grant) is State.ISSUING


def test_who_waits_is_kept_out_with_a_reason(millwright: Runner, place: FactoryRoot) -> None:
    demo_people.ensure_with_deputy(place, Settings())
    grant = asked(place, Environment.PRODUCTION)
    denied = millwright("access", "deny", grant.id, "--reason", "not today", "--as", demo_people.DEPUTY)
    assert denied.code == ExitCode.OK
    Desk(place, Settings(), database(place)).settle(grant)
    assert state(place, grant) is State.DENIED
    assert "not today" in millwright("access", "show", grant.id).out


def test_nobody_is_asked_about_what_nobody_has_to_approve(millwright: Runner, place: FactoryRoot) -> None:
    grant = asked(place)
    refused = millwright("access", "approve", grant.id, "--as", OPERATOR)
    assert (refused.code, "nobody is asked" in refused.err) == (ExitCode.INVALID_INPUT, True)
