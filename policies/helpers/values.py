"""Settings that must have a value, wherever in a resource's blocks they stand."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import walk
from policies.resources import Resource

Holds: TypeAlias = Callable[[Plain], bool]
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")


def under(value: Plain, names: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, Plain]]:
    """What stands at `names`, through blocks and lists of blocks; UNKNOWN where the way there is not known."""
    for place, member, whole in walk(value, names, path):
        if member is UNKNOWN or (whole and member is not None):
            yield place, member


def required(properties: Plain, names: tuple[str, ...], holds: Holds, message: str) -> Iterator[Finding]:
    """Fails with `message` unless the setting is there and its value holds."""
    found = list(under(properties, names))
    yield from judged(found, holds, message)
    if not found:
        yield Fail(names, message)


def if_set(properties: Plain, names: tuple[str, ...], holds: Holds, message: str) -> Iterator[Finding]:
    """The same for a setting whose absence is right."""
    yield from judged(under(properties, names), holds, message)


def judged(found: Iterable[tuple[Path, Plain]], holds: Holds, message: str) -> Iterator[Finding]:
    """For each value at its place: a failure with `message` when it does not hold, undecided when it is not known."""
    for path, value in found:
        if value is UNKNOWN:
            yield Unknown(path)
        elif not holds(value):
            yield Fail(path, message)


def owned_by(resource: Resource, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a check of one resource, as those of a check of its stack."""
    return (replace(finding, urn=resource.urn) for finding in findings)


def is_true(value: Plain) -> bool:
    """Whether a value is `true` itself; a text that says so is not."""
    return value is True


def is_false(value: Plain) -> bool:
    """Whether a value is `false` itself."""
    return value is False


def number(value: Plain) -> float | None:
    """A number, also one written as a text; None for anything else."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def at_least(least: float) -> Holds:
    """Whether a value is a number, and no smaller one."""
    return lambda value: (found := number(value)) is not None and found >= least
