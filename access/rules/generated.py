"""An app's own policies, made from `access:` in its app.yaml, and from what its agents cannot work without.

They are made as Cedar's JSON and written by Cedar itself, so that no name becomes a part of a policy's text by our
hand.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cedarpy

from access.rules.engine import BrokenPolicies
from factory.document import Location
from factory.gates import Role
from factory.spec import AppSpec, Environment, Function, Scope
from factory.spec.access import (
    LEASE_MINUTES,
    MODEL,
    NEEDED,
    REPOSITORY,
    AccessRule,
    may_be_held,
    named_resources,
    stands_in,
)

# What app.yaml calls a kind, and the schema.
KINDS: Mapping[str, str] = {
    REPOSITORY: "Repository",
    MODEL: "Model",
    "databases": "Database",
    "queues": "Queue",
    "secrets": "Secret",
    "services": "Service",
    "hosts": "Host",
    "apis": "Api",
}
# How people say it.
VERBS: Mapping[Scope, str] = {Scope.READ: "read", Scope.WRITE: "write", Scope.ADMIN: "administer"}
# What each scope holds.
HELD: Mapping[Scope, tuple[Scope, ...]] = {
    wide: tuple(scope for scope in Scope if scope.level <= wide.level) for wide in Scope
}
LINE_LENGTH, INDENT = 110, 2
_Json = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule in one environment. `index` is its place in app.yaml, from 0; None for what is permitted without a line
    there, since the function needs it. `scopes` are those that it decides on.
    """

    index: int | None
    function: Function
    resource: str
    environment: Environment
    scope: Scope
    scopes: tuple[Scope, ...]
    lease: int
    approval: Role | None


def kind_of(resource: str) -> str | None:
    """The schema's word for the kind of a resource; None for what no rule can name."""
    return KINDS.get(resource.partition(".")[0])


def resource_id(app: str, environment: Environment, resource: str) -> str:
    """What identifies a resource of an app in one environment."""
    return f"{app}/{environment}/{resource}"


def policy_id(app: str, rule: Rule) -> str:
    """`links/access.0/build`: the rule's place in app.yaml, and the environment; `links/needs.coder.model/build`."""
    place = f"needs.{rule.function}.{rule.resource}" if rule.index is None else f"access.{rule.index}"
    return f"{app}/{place}/{rule.environment}"


def location_of(policy: str) -> Location | None:
    """Where the rule of a policy stands in app.yaml, as `Document.keys` tells it; None for a base policy."""
    found = re.fullmatch(r"[^/]+/access\.([0-9]+)/[a-z]+", policy)
    return ("access", int(found[1])) if found else None


def policies_of(spec: AppSpec) -> str:
    """The app's policies as Cedar's text: one for each rule and environment, named by the rule's place in app.yaml, and
    one for each need.

    Raises BrokenPolicies for names that no text can hold.
    """
    return _text(spec.name, rules_of(spec))


def rules_of(spec: AppSpec) -> tuple[Rule, ...]:
    """What app.yaml's rules permit, so that at most one decides on each question.

    Of two that hold a scope the narrower decides, and of two alike the first. A rule that no app.yaml could hold
    permits nothing.
    """
    resources = frozenset(named_resources(vars(spec)))
    taken: set[tuple[Function, str, Environment, Scope]] = set()
    found: list[Rule] = []
    for index, rule in sorted(enumerate(spec.access), key=lambda each: each[1].scope.level):
        if rule.function not in spec.agents or rule.resource not in resources:
            continue
        for environment in rule.environments:
            about = (rule.function, rule.resource, environment)
            free = tuple(scope for scope in HELD[rule.scope] if (*about, scope) not in taken)
            if free and _possible(spec, rule, environment):
                taken |= {(*about, scope) for scope in free}
                found.append(Rule(index, *about, rule.scope, free, rule.lease, rule.approval))
    return (*sorted(found, key=lambda each: each.index or 0), *_needs(spec))


def _needs(spec: AppSpec) -> Iterator[Rule]:
    """What functions need, where app.yaml says nothing about it."""
    build, said = Environment.BUILD, {(rule.function, rule.resource) for rule in spec.access}
    for function in spec.agents if build in spec.environments else ():
        for resource, scope in NEEDED[function].items():
            if (function, resource) not in said:
                yield Rule(None, function, resource, build, scope, HELD[scope], LEASE_MINUTES[build], None)


def _possible(spec: AppSpec, rule: AccessRule, environment: Environment) -> bool:
    stands = environment in spec.environments and environment in stands_in(vars(spec), rule.resource)
    return stands and may_be_held(rule, environment)


@lru_cache(maxsize=64)
def _text(app: str, rules: tuple[Rule, ...]) -> str:
    if not rules:
        return f"// {app}: app.yaml lets no agent into anything.\n"
    policies = {policy_id(app, rule): _policy(app, rule) for rule in rules}
    whole = json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []})
    try:
        return cedarpy.format_policies(cedarpy.policies_from_json_str(whole), LINE_LENGTH, INDENT)
    except ValueError as error:
        raise BrokenPolicies(f"no policies can be made from app.yaml: {error}", whole) from None


def _policy(app: str, rule: Rule) -> _Json:
    kind = kind_of(rule.resource)
    return {
        "effect": "permit",
        "principal": {"op": "is", "entity_type": "Agent"},
        "action": {"op": "in", "entity": {"type": "Action", "id": rule.scope.value}},
        "resource": {
            "op": "==",
            "entity": {"type": kind, "id": resource_id(app, rule.environment, rule.resource)},
        },
        "conditions": [{"kind": "when", "body": body} for body in _conditions(rule)],
        "annotations": {
            "id": policy_id(app, rule),
            "says": f"the {rule.function} may {VERBS[rule.scope]} {rule.resource} in {rule.environment} ({_why(rule)})",
            "lease": str(rule.lease),
            **({"approval": rule.approval.value} if rule.approval else {}),
        },
    }


def _why(rule: Rule) -> str:
    return "its tasks need it" if rule.index is None else f"app.yaml, access.{rule.index}"


def _conditions(rule: Rule) -> Iterator[_Json]:
    scopes = [_entity("Scope", scope.value) for scope in rule.scopes]
    yield {"==": {"left": _attribute("principal", "function"), "right": _entity("Function", rule.function.value)}}
    yield {"contains": {"left": {"Set": scopes}, "right": _attribute("context", "scope")}}
    yield {"<=": {"left": _attribute("context", "minutes"), "right": {"Value": rule.lease}}}


def _attribute(variable: str, name: str) -> _Json:
    return {".": {"left": {"Var": variable}, "attr": name}}


def _entity(kind: str, id: str) -> _Json:
    return {"Value": {"__entity": {"type": kind, "id": id}}}
