"""Reading plain data that may have any shape: the provider's own schema check is not this pack's to rely on."""

import json
from collections.abc import Callable, Iterator, Sequence
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


def exactly(value: Plain, name: str, path: Path) -> Iterator[tuple[Path, Plain]]:
    """As `members`, for the name as it is written; None where a mapping lacks it."""
    if isinstance(value, dict):
        yield (*path, name), value.get(name)


def walk(
    value: Plain,
    names: Sequence[str],
    path: Path = (),
    inside: Callable[[Plain, str, Path], Iterator[tuple[Path, Plain]]] = members,
) -> Iterator[tuple[Path, Plain, bool]]:
    """What stands at `names` below `value`, in each element of a list on the way, and whether the way led there.

    Where it ends early, in what is not known or is no mapping, that is given: no check may take it for nothing.
    """
    if not names:
        yield path, value, True
        return
    for place, block in each(value, path):
        if not isinstance(block, dict):
            yield place, block, False
        for at, member in inside(block, names[0], place):
            yield from walk(member, names[1:], at, inside)


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
