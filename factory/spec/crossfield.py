"""Mistakes in app.yaml that no single field shows."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from factory.document import Document, Location
from factory.errors import Problem
from factory.gates import ALLOWED_ROLES
from factory.located import nearest, problem_at
from factory.spec.access_checks import access_problems, declared, tool_problems
from factory.spec.model import AppSpec
from factory.spec.names import Environment
from factory.spec.outside_checks import api_problems
from factory.spec.parts import FARGATE_MEMORY, LOG_DAYS, variable_name

# Variables of a container that are not the app's to name.
KEPT_VARIABLES = frozenset({"APP_ENVIRONMENT", "PORT", "PATH", "HOME", "LANG"})

FREE = "a name that nothing else has"
# What the factory itself calls after the app and the environment, and what it puts behind the name of a part.
KEPT_PARTS = frozenset({"agents", "audit", "endpoints", "flows"})
ENDINGS = ("-front", "-back", "-start", "-put-aside")


def problems_of(spec: AppSpec, document: Document, folder: str | None) -> Iterator[Problem]:
    """Each mistake, at its place in the document. `folder`: of which app it is, where it is in an app's folder."""
    if folder not in (None, spec.name):
        yield problem_at(document, ("name",), "differs from the app's folder", allowed=folder, fix=f"write {folder}")
    yield from _sizes(spec, document)
    for gate, named in spec.gates.items():
        if named.role is not None and named.role not in ALLOWED_ROLES[gate]:
            allowed = ", ".join(sorted(ALLOWED_ROLES[gate]))
            at = ("gates", gate.value, "role")
            yield problem_at(
                document, at, f"does not decide at the gate {gate}", allowed=allowed, fix="name one of them"
            )
    yield from _left_empty(document.data, document)
    yield from _secrets(spec, document)
    yield from tool_problems(spec, document)
    yield from access_problems(spec, document)
    yield from api_problems(spec, document)
    yield from _names(spec, document)
    yield from _variables(spec, document)
    yield from _networks(spec, document)
    yield from _hosts(spec, document)
    if spec.retention.logs not in LOG_DAYS:
        periods = ", ".join(str(days) for days in LOG_DAYS)
        message = "is no period that logs can be kept for"
        yield problem_at(document, ("retention", "logs"), message, allowed=periods, fix="write one of them")


def _sizes(spec: AppSpec, document: Document) -> Iterator[Problem]:
    sized = (
        {("services", name): (part.cpu, part.memory) for name, part in spec.services.items()}
        | {("workers", name): (part.cpu, part.memory) for name, part in spec.workers.items()}
        | {("agents", function.value): (agent.cpu, agent.memory) for function, agent in spec.agents.items()}
    )
    for at, (cpu, memory) in sized.items():
        if memory not in FARGATE_MEMORY[cpu]:
            message = f"{memory} MiB do not go with {cpu} CPU units"
            allowed = ", ".join(str(size) for size in FARGATE_MEMORY[cpu])
            fix = "change one of the two"
            yield problem_at(document, (*at, "memory"), message, allowed=allowed, fix=fix)


def _left_empty(data: Any, document: Document, *at: str | int) -> Iterator[Problem]:
    """`approval:` with nothing behind it is somebody's unfinished line, not the wish that nobody be asked."""
    if data is None:
        yield problem_at(
            document, at, "is left empty", allowed="a value, or no such key", fix="fill it in or remove it"
        )
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from _left_empty(value, document, *at, key)


def _secrets(spec: AppSpec, document: Document) -> Iterator[Problem]:
    known = declared(document, "secrets")
    for function, agent in spec.agents.items():
        for index, name in enumerate(agent.secrets):
            if known is not None and name not in known:
                guess = nearest(name, known)
                yield problem_at(
                    document,
                    ("agents", function.value, "secrets", index),
                    "no such secret in this app",
                    allowed=", ".join(known) or "none: the app declares no secrets",
                    fix=f"did you mean {guess!r}?" if guess else "declare it under `secrets:`",
                )


def _hosts(spec: AppSpec, document: Document) -> Iterator[Problem]:
    for name, host in spec.hosts.items():
        for index, environment in enumerate(host.environments):
            if environment not in spec.environments:
                yield problem_at(
                    document,
                    ("hosts", name, "environments", index),
                    f"the app has no environment {environment}",
                    allowed=", ".join(spec.environments),
                    fix="remove it, or declare it under `environments:`",
                )


def _names(spec: AppSpec, document: Document) -> Iterator[Problem]:
    """What runs or keeps something has a name of its own, also where the cloud makes more of it."""
    seen: dict[str, str] = {}
    for group in ("services", "workers", "databases", "queues"):
        for name in getattr(spec, group):
            if name in seen:
                message = f"has the name of one of its {seen[name]}"
                yield problem_at(document, (group, name), message, allowed=FREE, fix="give it a name of its own")
            seen.setdefault(name, group)
    for name, group in seen.items():
        if name in KEPT_PARTS:
            message = f"{name} is kept for the factory's own"
            yield problem_at(document, (group, name), message, allowed=FREE, fix="rename it")
        for ending in ENDINGS:
            if name.endswith(ending) and name.removesuffix(ending) in seen:
                other = name.removesuffix(ending)
                message = f"{other} makes something of this name"
                yield problem_at(document, (group, name), message, allowed=FREE, fix="rename one")


def _networks(spec: AppSpec, document: Document) -> Iterator[Problem]:
    """What is adopted is one environment's only, and overlaps nothing of the app's."""
    known = {"the app's own": ipaddress.IPv4Network(spec.network.cidr)}
    adopted: dict[str, Environment] = {}
    for environment in spec.environments:
        if not (existing := spec.existing_network(environment)):
            continue
        at = ("environments", environment.value, "network", "existing")
        if other := adopted.setdefault(existing.vpc, environment) is not environment and adopted[existing.vpc]:
            message = f"is the network of {other}: environments share none"
            yield problem_at(document, (*at, "vpc"), message, allowed="a VPC of its own", fix="name another one")
        own = ipaddress.IPv4Network(existing.cidr)
        if names := [name for name, network in known.items() if network.overlaps(own)]:
            message = f"overlaps {names[0]} network, {known[names[0]]}"
            yield problem_at(
                document, (*at, "cidr"), message, allowed="a range of its own", fix="change one of the two"
            )
        known[f"{environment}'s"] = own


def _variables(spec: AppSpec, document: Document) -> Iterator[Problem]:
    """Each variable by which the app finds something is that thing's own."""
    variables: dict[str, Location] = {}
    places: list[tuple[str, Location]] = [(variable_name(name), ("secrets", name)) for name in spec.secrets]
    places += [
        (variable_name(f"{name}-url"), (group, name))
        for group in ("databases", "queues", "apis")
        for name in getattr(spec, group)
    ]
    for variable, at in places:
        if variable in KEPT_VARIABLES:
            message = f"its variable {variable} is kept for the factory"
            yield problem_at(document, at, message, allowed=FREE, fix="rename it")
        elif variable in variables and variables[variable][-1] != at[-1]:
            other = ".".join(str(part) for part in variables[variable])
            message = f"its variable {variable} is that of {other} as well"
            yield problem_at(document, at, message, allowed=FREE, fix="rename one")
        variables.setdefault(variable, at)
