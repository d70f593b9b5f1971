"""Check: what a program declares becomes complete, valid inputs, or failures that name property, type and remedy."""

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.provider.assets import Asset
from localcloud.provider.values import Secret, Unknown, has_secret, has_unknown, plain
from localcloud.records.record import Kind, Name, Prop, Record

Json = Any
DEFAULTS = "__defaults"
SUFFIX_DIGITS = 7


SHAPES: Mapping[Kind, type | tuple[type, ...]] = {
    Kind.TEXT: str,
    Kind.JSON: str,
    Kind.FLAG: bool,
    Kind.INTEGER: int,
    Kind.NUMBER: (int, float),
    Kind.LIST: list,
    Kind.SET: list,
    Kind.ASSET: Asset,
    Kind.MAP: Mapping,
    Kind.OBJECT: Mapping,
}


@dataclass(frozen=True)
class Failure:
    """One thing wrong with a declaration."""

    prop: str
    reason: str


def nearest(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """The closest of `known`, for a message; empty when nothing comes close."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return match[0] if match else ""


def check(
    record: Record,
    news: Mapping[str, Json],
    olds: Mapping[str, Json],
    *,
    logical_name: str,
    seed: bytes,
    default_tags: Mapping[str, Json],
) -> tuple[dict[str, Json], list[Failure]]:
    """The inputs to store and act on, and what is wrong with them. `olds` are the inputs before, empty at first."""
    failures = list(_unknown_names(record, news))
    inputs: dict[str, Json] = {}
    for name, value in news.items():
        if name in record.properties and value is not None:
            prop = record.properties[name]
            inputs[name] = _as_text(value) if prop.kind is Kind.JSON else value
            failures += _wrong_values(record.type, prop, name, inputs[name])
    failures += [
        Failure(name, f'{record.type} needs "{name}"')
        for name, prop in record.properties.items()
        if prop.required and name not in inputs
    ]
    defaulted = _defaults(record, inputs)
    if record.name is not None:
        defaulted += _named(record.name, inputs, olds, logical_name, seed)
        failures += _name_conflict(record, record.name, news)
    if not failures and not has_unknown(inputs):
        failures += [Failure(name, f"{record.type}: {reason}") for name, reason in record.check(plain(inputs))]
    if record.tagged:
        inputs["tagsAll"] = merged_tags(default_tags, inputs.get("tags"))
    if defaulted:
        inputs[DEFAULTS] = sorted(defaulted)
    return inputs, failures


def merged_tags(default_tags: Mapping[str, Json], tags: Json) -> Json:
    """Default tags overlaid by the resource's own; unknown when the resource's are unknown as a whole."""
    if isinstance(tags, Unknown):
        return tags
    if isinstance(tags, Secret):
        return Secret(merged_tags(default_tags, tags.value))
    # Tags of a wrong type have been refused already.
    return {**default_tags, **tags} if isinstance(tags, Mapping) else dict(default_tags)


def _unknown_names(record: Record, news: Mapping[str, Json]) -> Iterator[Failure]:
    for name in news:
        if name in record.properties or name == DEFAULTS or (name == "tagsAll" and record.tagged):
            continue
        reason = f'the local cloud does not support "{name}" of {record.type}'
        if remedy := record.refused.get(name):
            reason += f": {remedy}"
        elif close := nearest(name, record.properties):
            reason += f'; the nearest supported property is "{close}"'
        yield Failure(name, reason)


def _as_text(value: Json) -> Json:
    """A document given as an object becomes the text that AWS takes; what is unknown or secret inside taints it all."""
    if not isinstance(value, Mapping | list):
        return value
    if has_unknown(value):
        return _first_unknown(value)
    document = json.dumps(plain(value))
    return Secret(document) if has_secret(value) else document


def _first_unknown(value: Json) -> Json:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Secret):
        return _first_unknown(value.value)
    inner = value.values() if isinstance(value, Mapping) else value
    return next(_first_unknown(item) for item in inner if has_unknown(item))


def _wrong_values(token: str, prop: Prop, path: str, value: Json) -> Iterator[Failure]:
    if isinstance(value, Secret):
        value = value.value
    if isinstance(value, Unknown) or value is None:
        return
    if not _fits(prop.kind, value):
        yield Failure(path, f'"{path}" of {token} must be {prop.kind.value}, not {_called(value)}')
    elif prop.kind in {Kind.JSON, Kind.TEXT}:
        yield from _wrong_text(token, prop, path, value)
    elif prop.kind is Kind.MAP:
        for key, item in value.items():
            yield from _wrong_values(token, Prop(kind=Kind.TEXT), f"{path}.{key}", item)
    elif prop.items is not None:
        for index, item in enumerate(value):
            yield from _wrong_values(token, prop.items, f"{path}[{index}]", item)
    elif prop.fields is not None:
        yield from _wrong_fields(token, prop.fields, path, value)


def _wrong_text(token: str, prop: Prop, path: str, value: str) -> Iterator[Failure]:
    # The value itself may be secret: only what is allowed is said.
    if prop.one_of and value not in prop.one_of:
        yield Failure(path, f'"{path}" of {token} must be one of {", ".join(prop.one_of)}')
    if prop.kind is Kind.JSON:
        try:
            json.loads(value)
        except ValueError as error:
            yield Failure(path, f'"{path}" of {token} is not JSON: {error}')


def _wrong_fields(token: str, fields: Mapping[str, Prop], path: str, value: Mapping[str, Json]) -> Iterator[Failure]:
    for name, item in value.items():
        if name in fields:
            yield from _wrong_values(token, fields[name], f"{path}.{name}", item)
        elif not name.startswith("__") and item is not None:
            close = nearest(name, fields)
            hint = f'; the nearest supported property is "{path}.{close}"' if close else ""
            yield Failure(f"{path}.{name}", f'the local cloud does not support "{path}.{name}" of {token}{hint}')
    for name, prop in fields.items():
        if prop.required and value.get(name) is None:
            yield Failure(f"{path}.{name}", f'{token} needs "{path}.{name}"')


def _fits(kind: Kind, value: Json) -> bool:
    # To Python a boolean is a number.
    return isinstance(value, SHAPES[kind]) and (isinstance(value, bool) is (kind is Kind.FLAG))


def _called(value: Json) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def _defaults(record: Record, inputs: dict[str, Json]) -> list[str]:
    missing = [
        name for name, prop in record.properties.items() if prop.default is not None and inputs.get(name) is None
    ]
    for name in missing:
        inputs[name] = record.properties[name].default
    return missing


def _named(rule: Name, inputs: dict[str, Json], olds: Mapping[str, Json], logical_name: str, seed: bytes) -> list[str]:
    if inputs.get(rule.prop) is not None:
        return []
    if rule.prop in (olds.get(DEFAULTS) or []) and olds.get(rule.prop) is not None:
        inputs[rule.prop] = olds[rule.prop]
    else:
        inputs[rule.prop] = _made_name(rule, inputs.get(rule.prefix_prop), logical_name, seed)
    return [rule.prop]


def _made_name(rule: Name, prefix: Json, logical_name: str, seed: bytes) -> Json:
    if isinstance(prefix, Unknown):
        return prefix
    if isinstance(prefix, Secret):
        return Secret(_made_name(rule, prefix.value, logical_name, seed))
    suffix = hashlib.sha256(seed or logical_name.encode()).hexdigest()[:SUFFIX_DIGITS]
    if prefix is not None:
        return f"{prefix}{suffix}"[: rule.limit]
    if rule.exact:
        return logical_name[: rule.limit]
    base = rule.lead + re.sub(f"[^{rule.allowed}]", "-", logical_name.lower() if rule.lower else logical_name)
    return f"{base[: rule.limit - SUFFIX_DIGITS - 1].rstrip('-')}-{suffix}"


def _name_conflict(record: Record, rule: Name, news: Mapping[str, Json]) -> Iterator[Failure]:
    if news.get(rule.prop) is not None and news.get(rule.prefix_prop) is not None:
        reason = f'{record.type} takes "{rule.prop}" or "{rule.prefix_prop}", not both'
        yield Failure(rule.prefix_prop, reason)
