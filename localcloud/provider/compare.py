"""Whether two property values mean the same, and where they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.documents import parsed
from localcloud.provider.values import Unknown, has_unknown, plain
from localcloud.records.record import Kind, Prop, Record

Json = Any
Change = Literal["add", "delete", "update"]


def same(prop: Prop, declared: Json, actual: Json) -> bool:
    """Whether `actual` (the cloud's, or the declaration before) is what `declared` asks for."""
    declared, actual = plain(declared), plain(actual)
    if has_unknown(declared) or has_unknown(actual):
        return has_unknown(declared) and declared == actual
    if declared is None:
        if prop.cloud_decides or prop.if_declared:
            return True
        declared = prop.default
    if actual is None:
        actual = prop.default
    if _empty(declared) and _empty(actual):
        return True
    if prop.same_as is not None:
        return bool(prop.same_as(declared) == prop.same_as(actual))
    return _same_shape(prop, declared, actual)


def _empty(value: Json) -> bool:
    return value is None or value in ("", [], {}) or value is False


def _same_shape(prop: Prop, declared: Json, actual: Json) -> bool:
    if prop.kind is Kind.JSON:
        return bool(parsed(declared) == parsed(actual))
    if prop.kind is Kind.OBJECT and prop.fields is not None:
        if not isinstance(declared, Mapping) or not isinstance(actual, Mapping):
            return _empty(declared) and _empty(actual)
        return all(same(field, declared.get(name), actual.get(name)) for name, field in prop.fields.items())
    if prop.kind in {Kind.LIST, Kind.SET} and prop.items is not None:
        return _same_items(prop, prop.items, declared or [], actual or [])
    return bool(declared == actual)


def _same_items(prop: Prop, item: Prop, declared: list[Json], actual: list[Json]) -> bool:
    if len(declared) != len(actual):
        return False
    if prop.kind is Kind.LIST:
        return all(same(item, mine, theirs) for mine, theirs in zip(declared, actual, strict=True))
    left = list(actual)
    for mine in declared:
        match = next((index for index, theirs in enumerate(left) if same(item, mine, theirs)), None)
        if match is None:
            return False
        del left[match]
    return True


@dataclass(frozen=True)
class Difference:
    """One changed place: the property, its path (`tags.team`, `ingress[0].fromPort`) and what happens to it."""

    prop: str
    path: str
    change: Change
    replaces: bool


def differences(record: Record, old: Mapping[str, Json], new: Mapping[str, Json]) -> list[Difference]:
    """Where the declaration `new` asks for something else than `old` did; `__` properties are the engine's own."""
    found = []
    for name, prop in record.properties.items():
        if not same(prop, new.get(name), old.get(name)):
            for path, change in _places(prop, name, plain(old.get(name)), plain(new.get(name))):
                found.append(Difference(name, path, change, prop.replaces))
    if record.tagged and plain(old.get("tagsAll") or {}) != plain(new.get("tagsAll") or {}):
        for path, change in _map_places("tagsAll", plain(old.get("tagsAll") or {}), plain(new.get("tagsAll") or {})):
            found.append(Difference("tagsAll", path, change, replaces=False))
    return found


def _places(prop: Prop, path: str, old: Json, new: Json) -> Iterator[tuple[str, Change]]:
    """The deepest places that say it: inside maps, objects and lists of equal length; the value itself otherwise."""
    if old is None or new is None or isinstance(old, Unknown) or isinstance(new, Unknown) or prop.same_as is not None:
        yield path, "add" if old is None else "delete" if new is None else "update"
    elif prop.kind is Kind.MAP and isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _map_places(path, old, new)
    elif prop.kind is Kind.OBJECT and prop.fields and isinstance(old, Mapping) and isinstance(new, Mapping):
        for name, field in prop.fields.items():
            if not same(field, new.get(name), old.get(name)):
                yield from _places(field, f"{path}.{name}", old.get(name), new.get(name))
    elif prop.items is not None and isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            if not same(prop.items, after, before):
                yield from _places(prop.items, f"{path}[{index}]", before, after)
    else:
        yield path, "update"


def _map_places(path: str, old: Json, new: Json) -> Iterator[tuple[str, Change]]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield path, "update"
        return
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            place = f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'
            yield place, "add" if key not in old else "delete" if key not in new else "update"
