"""JSON to `Policy`, strictly: what AWS would refuse, or what this evaluator does not cover, is an error by its path.

Rules: "Grammar of the IAM JSON policy language".
"""

import re
from collections.abc import Mapping

from factory.iam.clauses import read_conditions, read_old_conditions, read_principals
from factory.iam.documents import Effect, Policy, Statement
from factory.iam.faults import Faults, joined, loaded
from factory.iam.patterns import Pattern, compiled

NEW, OLD = "2012-10-17", "2008-10-17"
_ACTION = re.compile(r"\*|[A-Za-z0-9_.*?-]+:[A-Za-z0-9_.*?-]+")
_ACTIONS = '"*" or SERVICE:ACTION, with * and ?'
_RESOURCES = '"*" or an ARN, with * and ?'
_ARN = "arn:"
# Of an ARN these parts may not hold variables: partition, service, region, account.
_FIXED_PARTS = 5
_POLICY_KEYS = ("Version", "Id", "Statement")
_ELEMENTS = ("Action", "Resource", "Principal")
_STATEMENT_KEYS = ("Sid", "Effect", "Condition", *_ELEMENTS, *(f"Not{name}" for name in _ELEMENTS))


def parse(document: str | Mapping[str, object], *, name: str = "policy") -> Policy:
    """The policy in `document`, JSON text or what JSON text stands for. `name` says in errors and decisions which.

    Without Version it is one of 2008-10-17, as AWS says, and has no variables. Raises InputError that holds every
    mistake with its path (`Statement[1].Effect`), what was found, and what is allowed.
    """
    faults = Faults(name)
    data = faults.mapping("", loaded(document, name) if isinstance(document, str) else document)
    faults.raise_any()
    faults.known("", data, _POLICY_KEYS)
    version = data.get("Version", OLD)
    if version not in (NEW, OLD):
        faults.add("Version", "unknown version", found=version, allowed=f"{NEW}, {OLD}")
    if not isinstance(data.get("Id", ""), str):
        faults.add("Id", "not a text", found=data["Id"])
    if "Statement" not in data:
        faults.add("Statement", "is missing", allowed="a statement, or a list of them")
    statements = [
        _statement(faults, at, item, variables=version == NEW)
        for at, item in faults.items("Statement", data.get("Statement", {}), "at least one statement")
        if "Statement" in data
    ]
    _check_sids(faults, statements)
    faults.raise_any()
    return Policy(name=name, version=str(version), statements=tuple(statements))


def _statement(faults: Faults, place: str, value: object, *, variables: bool) -> Statement:
    data = faults.mapping(place, value)
    faults.known(place, data, _STATEMENT_KEYS)
    sid = data.get("Sid", "")
    if not isinstance(sid, str):
        faults.add(joined(place, "Sid"), "not a text", found=sid)
    effect = _effect(faults, joined(place, "Effect"), data)
    action = _chosen(faults, place, data, "Action", required=True)
    principal = _chosen(faults, place, data, "Principal", required=False)
    resource = _chosen(faults, place, data, "Resource", required=not principal)
    if principal == "NotPrincipal" and effect is Effect.ALLOW:
        fix = "name under Principal whom it allows"
        faults.add(joined(place, principal), "AWS does not support NotPrincipal with Allow", fix=fix)
    conditions = read_conditions if variables else read_old_conditions
    return Statement(
        place=place,
        sid=sid if isinstance(sid, str) else "",
        effect=effect,
        actions=_actions(faults, joined(place, action), data[action]) if action else (),
        not_actions=action == "NotAction",
        resources=_resources(faults, joined(place, resource), data[resource], variables) if resource else None,
        not_resources=resource == "NotResource",
        principals=read_principals(faults, joined(place, principal), data[principal]) if principal else None,
        not_principals=principal == "NotPrincipal",
        conditions=conditions(faults, joined(place, "Condition"), data["Condition"]) if "Condition" in data else (),
    )


def _effect(faults: Faults, place: str, data: Mapping[str, object]) -> Effect:
    for effect in Effect:
        if data.get("Effect") == effect:
            return effect
    if "Effect" in data:
        faults.add(place, "neither Allow nor Deny", found=data["Effect"], allowed="Allow, Deny")
    else:
        faults.add(place, "is missing", allowed="Allow, Deny")
    return Effect.DENY


def _chosen(faults: Faults, place: str, data: Mapping[str, object], element: str, *, required: bool) -> str:
    """Which of an element and its negation the statement has; "" for neither."""
    present = [name for name in (element, f"Not{element}") if name in data]
    if len(present) > 1:
        faults.add(joined(place, present[1]), f"stands beside {element}", fix=f"keep {element} or Not{element}")
    if required and not present:
        faults.add(joined(place, element), "is missing", allowed=f"{element} or Not{element}")
    return present[0] if present else ""


def _actions(faults: Faults, place: str, value: object) -> tuple[Pattern, ...]:
    """In lower case: the case of an action does not matter."""
    found = []
    for at, text in faults.texts(place, value, _ACTIONS):
        if _ACTION.fullmatch(text):
            found.append(compiled(text.lower(), wildcards=True, variables=False))
        else:
            faults.add(at, "no action", found=text, allowed=_ACTIONS)
    return tuple(found)


def _resources(faults: Faults, place: str, value: object, variables: bool) -> tuple[Pattern, ...]:
    found = []
    for at, text in faults.texts(place, value, _RESOURCES):
        if text != "*" and not text.startswith(_ARN):
            faults.add(at, "no resource", found=text, allowed=_RESOURCES)
        elif variables and any("${" in part for part in text.split(":")[:_FIXED_PARTS]):
            faults.add(at, "a variable before the fifth colon of an ARN", found=text, fix="write it out, or * for it")
        else:
            try:
                found.append(compiled(text, wildcards=True, variables=variables))
            except ValueError as error:
                faults.add(at, str(error), found=text, allowed="${key}, ${key, 'default'}, ${*}, ${?}, ${$}")
    return tuple(found)


def _check_sids(faults: Faults, statements: list[Statement]) -> None:
    first: dict[str, str] = {}
    for statement in statements:
        if statement.sid and statement.sid in first:
            at = joined(statement.place, "Sid")
            faults.add(at, f"the same as at {first[statement.sid]}", found=statement.sid, fix="name each differently")
        first.setdefault(statement.sid, statement.place)
