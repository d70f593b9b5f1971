"""What people may be let into, and who may approve and stop: by role, by environment, and never for oneself."""

import pytest
from rules_place import IN_PRODUCTION, PEOPLE, READ, WRITE, an_app, by_agent, by_person, decided, person

from access.rules import Asked, decide, may_approve, may_stop
from factory.gates import Gate, Role
from factory.people import People
from factory.spec import LEASE_MINUTES, Environment, Scope

BUILD, STAGING, PRODUCTION = Environment
READING, WRITING, ALL = ("read",), ("read", "write"), ("read", "write", "admin")
MAY: dict[str, dict[Environment, tuple[str, ...]]] = {
    "a-maintainer": {BUILD: ALL, STAGING: WRITING},
    "an-operator": {BUILD: ALL, STAGING: ALL, PRODUCTION: ALL},
    "a-security": {BUILD: READING, STAGING: READING, PRODUCTION: READING},
    "an-architect": {},
    "a-viewer": {},
    "nobody": {},
    "operator-of-notes": {},
    "a-stranger": {},
}
SPEC = an_app(READ, WRITE, IN_PRODUCTION)


@pytest.mark.parametrize("who", MAY)
@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("scope", Scope)
def test_roles_say_what_a_person_may_be_let_into(who: str, environment: Environment, scope: Scope) -> None:
    asked = by_person(who, environment=environment, scope=scope, minutes=LEASE_MINUTES[environment])
    verdict = decided(SPEC, asked)
    assert verdict.allowed == (scope in MAY[who].get(environment, ()))
    if verdict.allowed:
        assert verdict.most_minutes == LEASE_MINUTES[environment]
        assert verdict.approval == (Role.OPERATOR if environment is PRODUCTION else None)
    longer = by_person(who, environment=environment, scope=scope, minutes=LEASE_MINUTES[environment] + 1)
    assert not decided(SPEC, longer).allowed


def test_a_role_that_was_taken_away_counts_no_more() -> None:
    asked = by_person("anna")
    assert decide(SPEC, People([person("anna", Role.MAINTAINER)]), asked).allowed
    assert not decide(SPEC, People([person("anna")]), asked).allowed
    assert not decide(SPEC, People([]), asked).allowed


def test_who_holds_several_roles_may_do_what_each_allows() -> None:
    people = People([person("anna", Role.MAINTAINER, Role.SECURITY, Role.OPERATOR)])
    for environment in Environment:
        for scope in Scope:
            assert decide(SPEC, people, by_person("anna", environment=environment, scope=scope)).allowed


def test_a_person_needs_no_rule_of_app_yaml_and_gets_nothing_that_is_not_there() -> None:
    assert decided(an_app(), by_person("an-operator")).allowed
    assert not decided(an_app(), by_person("an-operator", resource="databases.nosuch")).allowed
    assert not decided(an_app(), by_person("an-operator", resource="services.web")).allowed
    assert decided(an_app(), by_person("an-operator", resource="services.web", environment=STAGING)).allowed


def test_who_decides_on_production_lets_people_in_too() -> None:
    strict = an_app(gates={Gate.PRODUCTION: {"role": "security"}})
    asked = by_person("an-operator", environment=PRODUCTION)
    assert decided(strict, asked).approval is Role.SECURITY
    assert may_approve(strict, PEOPLE, asked, "a-security").allowed
    assert not may_approve(strict, PEOPLE, asked, "other-operator").allowed


def test_a_person_asks_for_nobody_else() -> None:
    assert decided(SPEC, by_person("an-operator", on_behalf_of="an-operator")).allowed
    assert not decided(SPEC, by_person("an-operator", on_behalf_of="a-maintainer")).allowed


# Attack 12: beside each who may not, who may.
IN_BUILD = by_agent(scope=Scope.WRITE, on_behalf_of="a-viewer")
FOR_A_MAINTAINER = by_agent(scope=Scope.WRITE, on_behalf_of="a-maintainer")
AGENTS_IN_PRODUCTION = by_agent(environment=PRODUCTION)
PERSON_IN_PRODUCTION = by_person("an-operator", environment=PRODUCTION)


@pytest.mark.parametrize(
    ("asked", "who", "policy"),
    [
        (IN_BUILD, by_agent().principal, "base/agents-decide-nothing"),
        (IN_BUILD, "agent:links/code-reviewer/task-2", "base/agents-decide-nothing"),
        (IN_BUILD, "agent:notes/coder/task-1", "base/agents-decide-nothing"),
        (IN_BUILD, "a-viewer", "base/a-role-is-needed"),
        (IN_BUILD, "operator-of-notes", "base/a-role-is-needed"),
        (IN_BUILD, "an-operator", ""),
        (IN_BUILD, "a-stranger", ""),
        (IN_BUILD, 'Person::"a-maintainer"', ""),
        (IN_BUILD, "factory", ""),
        (IN_BUILD, "", ""),
        (FOR_A_MAINTAINER, "a-maintainer", "base/not-ones-own-work"),
        (AGENTS_IN_PRODUCTION, "a-maintainer", "base/who-lets-into-production"),
        (AGENTS_IN_PRODUCTION, "a-security", ""),
        (PERSON_IN_PRODUCTION, "an-operator", "base/not-ones-own-request"),
        (PERSON_IN_PRODUCTION, by_agent().principal, "base/agents-decide-nothing"),
    ],
)
def test_who_may_not_approve_is_refused(asked: Asked, who: str, policy: str) -> None:
    verdict = may_approve(SPEC, PEOPLE, asked, who)
    assert not verdict.allowed
    assert verdict.reasons
    assert policy in verdict.policies or not policy


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        (IN_BUILD, "a-maintainer"),
        (AGENTS_IN_PRODUCTION, "an-operator"),
        (PERSON_IN_PRODUCTION, "other-operator"),
    ],
)
def test_who_holds_the_role_that_was_asked_for_may_approve(asked: Asked, who: str) -> None:
    verdict = may_approve(SPEC, PEOPLE, asked, who)
    assert verdict.allowed
    assert verdict.policies == ("base/approve",)


def test_what_may_not_be_granted_is_not_approved_either() -> None:
    longer = by_agent(scope=Scope.WRITE, minutes=11)
    assert not may_approve(SPEC, PEOPLE, longer, "a-maintainer").allowed
    # The rule has gone since it was asked for.
    assert may_approve(SPEC, PEOPLE, IN_BUILD, "a-maintainer").allowed
    assert not may_approve(an_app(READ), PEOPLE, IN_BUILD, "a-maintainer").allowed
    # Where nobody is asked, nobody's word counts.
    assert not may_approve(SPEC, PEOPLE, by_agent(), "a-maintainer").allowed
    assert not may_approve(an_app(READ, WRITE, name="notes"), PEOPLE, IN_BUILD, "a-maintainer").allowed


@pytest.mark.parametrize("who", [by_agent().principal, "a-viewer", "an-architect", "operator-of-notes", "who", ""])
def test_who_may_not_stop_an_access_is_refused(who: str) -> None:
    assert not may_stop(PEOPLE, by_agent(), who).allowed


@pytest.mark.parametrize("who", ["a-maintainer", "an-operator", "a-security"])
def test_people_of_the_app_may_stop_an_access_also_when_its_rule_is_gone(who: str) -> None:
    for asked in (by_agent(), PERSON_IN_PRODUCTION, by_agent(resource="queues.gone"), by_person(who)):
        assert may_stop(PEOPLE, asked, who).allowed
