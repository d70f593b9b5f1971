"""What is asked, as Cedar takes it: a request, and the entities that it is about. Data only, never policy text."""

import json
from typing import Any, Final

from access.rules.asked import Agent, Asked, agent_of
from access.rules.engine import Request
from access.rules.generated import kind_of, resource_id
from factory.gates import Role
from factory.people import People, Person

_Json = dict[str, Any]
GRANT: Final = "asked"
# The roles that let anybody into anything; the schema names the same of a person.
LET_IN: Final = (Role.MAINTAINER, Role.OPERATOR, Role.SECURITY)


def access_request(asked: Asked, action: str) -> Request:
    """Whether who asks may do `action` (a scope, or `sql:<kind>`) under what is asked for."""
    context: _Json = {
        "scope": _reference("Scope", asked.scope.value),
        "minutes": asked.minutes,
        "tags": dict(asked.tags),
    }
    if asked.on_behalf_of:
        context["on_behalf_of"] = _reference("Person", asked.on_behalf_of)
    return {
        "principal": _principal(asked.principal),
        "action": {"type": "Action", "id": action},
        "resource": _resource(asked),
        "context": context,
    }


def control_request(who: str, action: str) -> Request:
    """Whether somebody may `approve` or `stop` what was asked for."""
    return {
        "principal": _principal(who),
        "action": {"type": "Action", "id": action},
        "resource": {"type": "Grant", "id": GRANT},
        "context": {},
    }


def access_entities(people: People, asked: Asked) -> str:
    """Who asks, and the resource, as Cedar's JSON."""
    resource = {"uid": _resource(asked), "attrs": _place(asked), "parents": []}
    return json.dumps([_who(people, asked.principal, asked.app), resource])


def control_entities(people: People, asked: Asked, approval: Role | None, who: str) -> str:
    """Somebody, and what was asked for by somebody else, as Cedar's JSON."""
    grant = _place(asked)
    if approval:
        grant["approval"] = _reference("Role", approval.value)
    if asked.function is None:
        grant["holder"] = _reference("Person", asked.principal)
    if asked.on_behalf_of:
        grant["on_behalf_of"] = _reference("Person", asked.on_behalf_of)
    entity = {"uid": {"type": "Grant", "id": GRANT}, "attrs": grant, "parents": []}
    return json.dumps([_who(people, who, asked.app), entity])


def _who(people: People, id: str, app: str) -> _Json:
    agent = agent_of(id)
    attrs = _of_agent(agent) if agent else _of_person(people.find(id), app)
    return {"uid": _principal(id), "attrs": attrs, "parents": []}


def _of_agent(agent: Agent) -> _Json:
    return {"app": _reference("App", agent.app), "function": _reference("Function", agent.function.value)}


def _of_person(person: Person | None, app: str) -> _Json:
    held = [role for role in LET_IN if person and person.holds(role, app)]
    return {role.value: [_reference("App", app)] if role in held else [] for role in LET_IN}


def _place(asked: Asked) -> _Json:
    return {"app": _reference("App", asked.app), "environment": _reference("Environment", asked.environment.value)}


def _principal(id: str) -> dict[str, str]:
    return {"type": "Agent" if agent_of(id) else "Person", "id": id}


def _resource(asked: Asked) -> dict[str, str]:
    kind = kind_of(asked.resource) or "Unknown"
    return {"type": kind, "id": resource_id(asked.app, asked.environment, asked.resource)}


def _reference(kind: str, id: str) -> _Json:
    return {"__entity": {"type": kind, "id": id}}
