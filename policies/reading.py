"""Reading plain data that may have any shape: the provider's own schema check is not this pack's to rely on."""

import json
from collections.abc import Iterator

from policies.model import Path, Plain


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
    return document


def _unique(pairs: list[tuple[str, Plain]]) -> Plain:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is given twice")
    return members
