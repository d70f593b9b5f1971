"""An app with access rules, people with roles, and questions about them."""

from typing import Any

from spec_strategies import GOOD_DATA

from access.rules import Asked, Verdict, decide
from factory.gates import Role
from factory.people import HeldRole, People, Person
from factory.spec import AppSpec, Environment, Function, Scope

DATABASE = "databases.database"
READ = {"function": "coder", "resource": DATABASE, "environments": ["build"], "scope": "read", "lease": 30}
WRITE = {**READ, "scope": "write", "lease": 10, "approval": "maintainer"}
IN_PRODUCTION = {**READ, "environments": ["production"], "lease": 20, "approval": "operator"}
REPOSITORY = {"function": "coder", "resource": "repository", "environments": ["build"], "scope": "admin", "lease": 60}


def an_app(*rules: dict[str, Any], **more: Any) -> AppSpec:
    """The app `links`, with a database, a queue, a secret and these rules."""
    held = {"databases": {"database": {}}, "queues": {"jobs": {}}, "access": list(rules)}
    return AppSpec.model_validate({**GOOD_DATA, **held, **more})


def person(id: str, *roles: Role, apps: list[str] | None = None) -> Person:
    """Somebody who holds roles, for every app or for named ones."""
    return Person(id=id, name=id, roles=tuple(HeldRole(role=role, apps=apps) for role in roles), keys=(), demo=True)


PEOPLE = People(
    [
        *(person(f"an-{role}" if role[0] in "ao" else f"a-{role}", role) for role in Role),
        person("other-operator", Role.OPERATOR),
        person("operator-of-notes", Role.OPERATOR, Role.SECURITY, Role.MAINTAINER, apps=["notes"]),
        person("nobody"),
    ]
)


def by_agent(**changed: Any) -> Asked:
    """The coder of `links` asks to read the database in build for five minutes, but for what is changed."""
    usual: dict[str, Any] = {
        "app": "links",
        "principal": "agent:links/coder/links.shorter-links.coder.1",
        "function": Function.CODER,
        "environment": Environment.BUILD,
        "resource": DATABASE,
        "scope": Scope.READ,
        "minutes": 5,
    }
    return Asked(**{**usual, **changed})


def by_person(id: str, **changed: Any) -> Asked:
    """Somebody asks for the same."""
    return by_agent(principal=id, function=None, **changed)


def decided(spec: AppSpec, asked: Asked) -> Verdict:
    """What is decided among `PEOPLE`."""
    return decide(spec, PEOPLE, asked)
