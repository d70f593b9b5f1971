"""JSON documents inside AWS properties, brought to a form in which equal meaning is equal value."""

import json
import re
from typing import Any

Json = Any
ROOT_PRINCIPAL = re.compile(r"arn:aws:iam::(\d{12}):root")


def parsed(document: Json) -> Json:
    """The document as data; text that is no JSON stays text."""
    if not isinstance(document, str):
        return document
    try:
        return json.loads(document)
    except ValueError:
        return document


def policy_form(document: Json) -> Json:
    """A policy document in one form: lists where one value may stand, sorted where order has no meaning."""
    policy = parsed(document)
    if not isinstance(policy, dict):
        return policy
    statements = [_statement_form(item) for item in _listed(policy.get("Statement"))]
    rest = {key: value for key, value in policy.items() if key != "Statement" and value not in ("", None)}
    return rest | {"Statement": sorted(statements, key=_key)}


def _statement_form(statement: Json) -> Json:
    if not isinstance(statement, dict):
        return statement
    form: dict[str, Json] = {"Effect": "Allow"}
    for key, value in statement.items():
        if key in {"Action", "NotAction"}:
            form[key] = sorted(str(item).lower() for item in _listed(value))
        elif key in {"Resource", "NotResource"}:
            form[key] = sorted(_listed(value), key=_key)
        elif key in {"Principal", "NotPrincipal"}:
            form[key] = _principal_form(value)
        elif key == "Condition" and isinstance(value, dict):
            form[key] = {test: _condition_form(block) for test, block in value.items()}
        elif value != "":
            form[key] = value
    return form


def _principal_form(principal: Json) -> Json:
    if not isinstance(principal, dict):
        return {"AWS": [principal]}
    return {
        kind: sorted((ROOT_PRINCIPAL.sub(r"\1", str(item)) for item in _listed(value)), key=_key)
        for kind, value in principal.items()
    }


def _condition_form(block: Json) -> Json:
    if not isinstance(block, dict):
        return block
    return {key: sorted((_condition_value(item) for item in _listed(value)), key=_key) for key, value in block.items()}


def _condition_value(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def containers_form(document: Json) -> Json:
    """ECS container definitions in one form: the service's defaults filled in, empty values gone, names sorted."""
    containers = parsed(document)
    if not isinstance(containers, list):
        return containers
    return [_container_form(item) if isinstance(item, dict) else item for item in containers]


def _container_form(container: dict[str, Json]) -> Json:
    # Every flag is off by default but this one.
    form: dict[str, Json] = {"essential": container.get("essential") is not False}
    form |= {key: value for key, value in container.items() if value not in (None, [], {}, 0)}
    for key in ("environment", "secrets", "environmentFiles"):
        if isinstance(form.get(key), list):
            form[key] = sorted(form[key], key=_key)
    if isinstance(form.get("portMappings"), list):
        form["portMappings"] = [_port_form(item) for item in form["portMappings"]]
    return form


def _port_form(mapping: Json) -> Json:
    if not isinstance(mapping, dict):
        return mapping
    # With awsvpc, the only network mode that every launch type has, the host port is the container port.
    return {"protocol": "tcp", "hostPort": mapping.get("containerPort")} | {
        key: value for key, value in mapping.items() if value not in (None, 0)
    }


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _key(value: Json) -> str:
    return json.dumps(value, sort_keys=True, default=str)
