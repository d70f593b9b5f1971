"""Nested blocks of a resource: what stands at a path of names, through the lists on the way."""

from collections.abc import Iterator, Sequence

from policies.helpers.values import judged
from policies.model import Finding, Path, Plain, Properties
from policies.reading import each, exactly, walk


def within(value: Plain, names: Sequence[str], path: Path = ()) -> Iterator[tuple[Path, Plain]]:
    """Everything at exactly these `names` below `value`, each element of each list, with its path.

    What the way ends in early is given as it stands, so that nothing passes by its shape.
    """
    for place, one, whole in walk(value, names, path, exactly):
        if whole:
            yield from each(one, place)
        else:
            yield place, one


def is_off(value: Plain) -> bool:
    """Whether a flag is not set; a provider takes the text too."""
    return value in (None, False, "", "false")


def must_be_off(properties: Properties, names: Sequence[str], message: str) -> Iterator[Finding]:
    """A failure for each flag at `names` that is set, an undecided one for each that is not known."""
    return judged(within(properties, names), is_off, message)
