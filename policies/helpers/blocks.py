"""Nested blocks of a resource: what stands at a path of names, through the lists on the way."""

from collections.abc import Iterator, Sequence

from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each


def within(value: Plain, names: Sequence[str], path: Path = ()) -> Iterator[tuple[Path, Plain]]:
    """Everything at `names` below `value`, each element of each list, with its path.

    A part on the way that is not known, or is no mapping, is given as it stands, so that nothing passes by its shape.
    """
    for place, one in each(value, path):
        if names and isinstance(one, dict):
            yield from within(one.get(names[0]), names[1:], (*place, names[0]))
        else:
            yield place, one


def is_off(value: Plain) -> bool:
    """Whether a flag is not set; a provider takes the text too."""
    return value in (None, False, "", "false")


def must_be_off(properties: Properties, names: Sequence[str], message: str) -> Iterator[Finding]:
    """A failure for each flag at `names` that is set, an undecided one for each that is not known."""
    for path, value in within(properties, names):
        if value is UNKNOWN:
            yield Unknown(path)
        elif not is_off(value):
            yield Fail(path, message)
