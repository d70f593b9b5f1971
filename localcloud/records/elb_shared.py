"""What load balancers, target groups and listeners have in common: attributes kept as text, and tags."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.record import (
    Call,
    Kind,
    Prop,
    tags_from,
    tags_to,
)

Json = Any


def as_text(value: Json) -> str:
    """An attribute's value as ELB keeps it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_text(prop: Prop, value: Json) -> Json:
    """An attribute's value by its property's kind; a missing attribute has the default."""
    if value in (None, ""):
        return prop.default
    if prop.kind is Kind.FLAG:
        return str(value).lower() == "true"
    return int(value) if prop.kind is Kind.INTEGER else value


def attributes(properties: Mapping[str, Prop], table: Mapping[str, str], call: Call) -> list[dict[str, str]]:
    """What must be set: on creation what differs from a fresh thing, on update what changed."""
    before = call.old or {name: properties[name].default for name in table}
    return [
        {"Key": key, "Value": as_text(call.inputs[name])}
        for name, key in table.items()
        if call.inputs.get(name) is not None and call.inputs[name] != before.get(name)
    ]


def retag(call: Call) -> None:
    """Bring the tags to what is declared."""
    added, removed = call.tag_change()
    if removed:
        call.aws("elbv2").remove_tags(ResourceArns=[call.id], TagKeys=removed)
    if added:
        call.aws("elbv2").add_tags(ResourceArns=[call.id], Tags=tags_to(added))


def tags_of(call: Call) -> dict[str, str]:
    """The tags of a balancer, group or listener."""
    return tags_from(call.aws("elbv2").describe_tags(ResourceArns=[call.id])["TagDescriptions"][0]["Tags"])
