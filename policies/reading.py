"""Reading plain data that may have any shape: the provider's own schema check is not this pack's to rely on."""

import json
from collections.abc import Iterator
from typing import Final

from policies.model import UNKNOWN, Path, Plain

DEPTH: Final = 64
"""How deep what a JSON text says may be nested. No policy, container or pod is; a text may be made to be."""


def each(value: Plain, path: Path) -> Iterator[tuple[Path, Plain]]:
    """The elements of a list; None has none, anything else (`UNKNOWN` too) counts as a list of one."""
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield (*path, index), element
    elif value is not None:
        yield path, value


def members(value: Plain, name: str, path: Path) -> Iterator[tuple[Path, Plain]]:
    """The values of `name` in a mapping, whatever the case of its keys; nothing when `value` is no mapping."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key.lower() == name.lower():
                yield (*path, key), member


def parsed(value: Plain) -> Plain:
    """`value`, or what it says when it is a JSON text.

    Raises ValueError when the text is no JSON or gives one key twice (readers disagree on which one counts).
    """
    if not isinstance(value, str):
        return value
    try:
        document: Plain = json.loads(value, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _deeper_than(document, DEPTH):
        raise ValueError("nested too deeply")
    return document


def has_unknown(value: Plain) -> bool:
    """Whether `value`, or something in it, is not known yet."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def _deeper_than(value: Plain, depth: int) -> bool:
    level: list[Plain] = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Plain]]) -> Plain:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is given twice")
    return members
