"""Which SQL may pass: by the scope that is held, decided for each class of statement, and never by a wider rule."""

import pytest
from rules_place import DATABASE, IN_PRODUCTION, PEOPLE, READ, WRITE, an_app, by_agent, by_person

from access.rules import STATEMENT_KINDS, Asked, statement_kinds
from factory.spec import AppSpec, Environment, Scope

READING = frozenset({"read", "transaction", "session", "copy_out", "prepare"})
WRITING = READING | {"write", "copy_in", "listen"}
ADMINISTERING = WRITING | {"ddl", "maintenance"}
ADMIN = {**READ, "scope": "admin"}


def kinds(spec: AppSpec, asked: Asked) -> frozenset[str]:
    return statement_kinds(spec, PEOPLE, asked)


@pytest.mark.parametrize(
    ("scope", "allowed"), [(Scope.READ, READING), (Scope.WRITE, WRITING), (Scope.ADMIN, ADMINISTERING)]
)
def test_each_scope_holds_its_statements_and_those_before(scope: Scope, allowed: frozenset[str]) -> None:
    assert kinds(an_app(ADMIN), by_agent(scope=scope)) == allowed
    assert kinds(an_app(), by_person("an-operator", scope=scope)) == allowed


def test_no_scope_changes_who_somebody_is_or_passes_what_nobody_classed() -> None:
    assert set(STATEMENT_KINDS) - ADMINISTERING == {"role", "routine", "other"}


def test_a_narrower_scope_that_is_held_under_a_wider_rule_stays_narrow() -> None:
    spec = an_app(ADMIN, WRITE)
    assert kinds(spec, by_agent()) == READING
    assert kinds(spec, by_agent(scope=Scope.WRITE)) == WRITING


def test_the_terms_of_a_narrower_rule_take_nothing_from_a_wider_one() -> None:
    # No file could hold these two: reading for a shorter time than writing.
    spec = an_app({**READ, "lease": 2}, {**WRITE, "lease": 20})
    assert kinds(spec, by_agent(scope=Scope.WRITE, minutes=20)) == WRITING
    assert kinds(spec, by_agent(minutes=20)) == frozenset()


def test_what_is_refused_lets_no_statement_pass() -> None:
    spec = an_app(READ, IN_PRODUCTION)
    assert kinds(spec, by_agent()) == READING
    production = {"environment": Environment.PRODUCTION}
    assert kinds(spec, by_agent(**production)) == READING
    for asked in (
        by_agent(scope=Scope.WRITE),
        by_agent(minutes=31),
        by_agent(**production, minutes=21),
        by_agent(environment=Environment.STAGING),
        by_agent(principal="agent:notes/coder/t"),
        by_agent(tags={"sql": "ddl"}),
        by_person("a-viewer"),
    ):
        assert kinds(spec, asked) == frozenset(), asked


def test_what_is_no_database_takes_no_statements() -> None:
    queue = {**READ, "resource": "queues.jobs"}
    assert kinds(an_app(queue, READ), by_agent(resource=DATABASE)) == READING
    assert kinds(an_app(queue), by_agent(resource="queues.jobs")) == frozenset()
