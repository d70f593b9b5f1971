"""What no app.yaml can lift: each forbid of the base refuses alone, whatever is permitted beside it."""

import json
from collections.abc import Mapping
from typing import Any

import cedarpy
import pytest
from rules_place import DATABASE, PEOPLE, by_agent, by_person

from access.rules import Asked, engine, questions
from factory.gates import Role
from factory.spec import Environment, Scope

# More than any app.yaml could say.
EVERYTHING = '\n@id("everything") permit (principal, action, resource);\n'
PRODUCTION = {"environment": Environment.PRODUCTION}
BY_ANOTHER = by_agent(principal="agent:notes/coder/t")
ADMIN = {"scope": Scope.ADMIN}

# An access that is asked for: the forbid, the question, the action that is asked under it.
ACCESS = [
    ("other-app", BY_ANOTHER, "read"),
    ("agents-administer-no-production", by_agent(**PRODUCTION, **ADMIN), "admin"),
    ("agents-administer-no-production", by_agent(**PRODUCTION, **ADMIN), "sql:ddl"),
    ("agents-administer-no-production", by_agent(**PRODUCTION, **ADMIN), "read"),
    ("lease", by_agent(minutes=241), "read"),
    ("lease", by_agent(minutes=0), "read"),
    ("lease", by_person("an-operator", minutes=241), "read"),
    ("lease-in-production", by_agent(**PRODUCTION, minutes=61), "read"),
    ("lease-in-production", by_person("an-operator", **PRODUCTION, **ADMIN, minutes=61), "admin"),
    ("a-role-is-needed", by_person("a-viewer"), "read"),
    ("a-role-is-needed", by_person("an-architect"), "read"),
    ("a-role-is-needed", by_person("nobody"), "read"),
    ("a-role-is-needed", by_person("operator-of-notes"), "read"),
    ("people-act-for-themselves", by_person("an-operator", on_behalf_of="a-maintainer"), "read"),
    ("read-holds-no-more", by_agent(), "write"),
    ("read-holds-no-more", by_agent(), "admin"),
    ("read-holds-no-more", by_agent(), "sql:write"),
    ("write-holds-no-more", by_agent(scope=Scope.WRITE), "admin"),
    ("write-holds-no-more", by_agent(scope=Scope.WRITE), "sql:ddl"),
    ("statements-of-no-scope", by_agent(**ADMIN), "sql:role"),
    ("statements-of-no-scope", by_agent(**ADMIN), "sql:other"),
]
# Somebody acts on what was asked for: the forbid, the question, who, and what they do.
CONTROL = [
    ("agents-decide-nothing", by_agent(), "agent:links/coder/task-1", "approve"),
    ("agents-decide-nothing", by_agent(), "agent:links/code-reviewer/task-2", "approve"),
    ("agents-decide-nothing", by_agent(), "agent:links/coder/task-1", "stop"),
    ("other-app", by_person("an-operator"), "agent:notes/coder/t", None),
    ("a-role-is-needed", by_agent(), "a-viewer", "approve"),
    ("a-role-is-needed", by_agent(), "operator-of-notes", "stop"),
    ("not-ones-own-request", by_person("an-operator"), "an-operator", "approve"),
    ("not-ones-own-work", by_agent(on_behalf_of="an-operator"), "an-operator", "approve"),
    ("who-lets-into-production", by_agent(**PRODUCTION), "a-maintainer", "approve"),
]


def without(id: str) -> str:
    """The base, less one policy."""
    whole = json.loads(cedarpy.policies_to_json_str(engine.base_text()))
    kept = {key: each for key, each in whole["staticPolicies"].items() if each["annotations"]["id"] != id}
    assert len(kept) == len(whole["staticPolicies"]) - 1
    return cedarpy.policies_from_json_str(json.dumps({**whole, "staticPolicies": kept}))


def answered(base: str, request: Mapping[str, Any], entities: str) -> engine.Answer:
    (answer,) = engine.answers(engine.policies_from(base + EVERYTHING), [request], entities)
    assert not answer.errors
    return answer


def forbids() -> set[str]:
    whole = json.loads(cedarpy.policies_to_json_str(engine.base_text()))["staticPolicies"].values()
    return {each["annotations"]["id"] for each in whole if each["effect"] == "forbid"}


def test_every_forbid_is_tried_here() -> None:
    assert {f"base/{name}" for name, *_ in [*ACCESS, *CONTROL]} == forbids()


@pytest.mark.parametrize(("name", "asked", "action"), ACCESS)
def test_it_refuses_whatever_else_is_permitted(name: str, asked: Asked, action: str) -> None:
    request, entities = questions.access_request(asked, action), questions.access_entities(PEOPLE, asked)
    answer = answered(engine.base_text(), request, entities)
    assert (answer.allowed, answer.policies) == (False, (f"base/{name}",))
    # Nothing else does: without it, it would be allowed.
    assert answered(without(f"base/{name}"), request, entities).allowed


@pytest.mark.parametrize(("name", "asked", "who", "action"), CONTROL)
def test_it_refuses_to_let_them_decide(name: str, asked: Asked, who: str, action: str | None) -> None:
    entities = questions.control_entities(PEOPLE, asked, Role.OPERATOR, who)
    for act in [action] if action else ["approve", "stop"]:
        request = questions.control_request(who, act)
        answer = answered(engine.base_text(), request, entities)
        assert not answer.allowed
        assert f"base/{name}" in answer.policies
        # Of two that refuse the same, each does alone.
        for other in set(answer.policies) - {f"base/{name}"}:
            assert not answered(without(other), request, entities).allowed
        if len(answer.policies) == 1:
            assert answered(without(f"base/{name}"), request, entities).allowed


def test_what_none_of_them_is_about_is_allowed_beside_them() -> None:
    for asked, action in [
        (by_agent(), "read"),
        (by_agent(minutes=240), "sql:read"),
        (by_agent(**PRODUCTION, minutes=60, scope=Scope.WRITE), "write"),
        (by_agent(**ADMIN), "admin"),
        (by_person("an-operator", **PRODUCTION, **ADMIN, minutes=60), "admin"),
        (by_person("an-operator", on_behalf_of="an-operator"), "read"),
    ]:
        request, entities = questions.access_request(asked, action), questions.access_entities(PEOPLE, asked)
        assert answered(engine.base_text(), request, entities).allowed
    for who in ("an-operator", "a-security"):
        entities = questions.control_entities(PEOPLE, by_agent(**PRODUCTION), Role.OPERATOR, who)
        for action in ("approve", "stop"):
            assert answered(engine.base_text(), questions.control_request(who, action), entities).allowed


@pytest.mark.parametrize(
    "added",
    [
        {"context": {"tags": {"admin": "yes"}}},
        {"context": {"function": "coder"}},
        {"context": {"minutes": "5"}},
        {"context": {"minutes": 2**63}},
        {"context": {"scope": {"__entity": {"type": "Scope", "id": "owner"}}}},
        {"context": {"scope": {"__entity": {"type": "Function", "id": "coder"}}}},
        {"context": {"tags": None}},
        {"action": {"type": "Action", "id": "own"}},
        {"action": {"type": "Action", "id": "approve"}},
        {"principal": {"type": "Function", "id": "coder"}},
        {"principal": {"type": "Person", "id": "stranger"}},
        {"principal": {"type": "Agent", "id": "agent:links/coder/unknown"}},
        {"resource": {"type": "Grant", "id": "asked"}},
        {"resource": {"type": "Database", "id": f"links/staging/{DATABASE}"}},
        {"resource": {"type": "Unknown", "id": "x"}},
    ],
)
def test_what_the_schema_does_not_know_is_refused_by_cedar_itself(added: dict[str, Any]) -> None:
    asked = by_agent()
    request, entities = dict(questions.access_request(asked, "read")), questions.access_entities(PEOPLE, asked)
    policies = engine.policies_from(engine.base_text() + EVERYTHING)
    assert engine.answers(policies, [request], entities)[0].allowed
    bent = {**request, **added, "context": {**request["context"], **added.get("context", {})}}
    (answer,) = engine.answers(policies, [bent], entities)
    assert not answer.allowed
    assert answer.errors
