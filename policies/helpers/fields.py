"""Fields of nested blocks whose exact shape nobody guarantees: one block or a list of them, keys in any case."""

from collections.abc import Iterable, Iterator

from policies.helpers.pods import Setting
from policies.helpers.values import judged
from policies.model import Finding, Path, Plain
from policies.reading import walk


def found(value: Plain, names: tuple[str, ...], path: Path) -> Iterator[Setting]:
    """What stands at `names` below `value`, as `walk` finds it; nothing where a name is missing."""
    return (Setting(place, member) for place, member, _ in walk(value, names, path))


def found_or_missing(value: Plain, names: tuple[str, ...], path: Path) -> tuple[Setting, ...]:
    """The same, and one setting of None, at the place where it could stand, when nothing does."""
    return tuple(found(value, names, path)) or (Setting((*path, *names), None),)


def must_not_be_set(settings: Iterable[Setting], message: str) -> Iterator[Finding]:
    """A failure for each setting that is neither missing nor false."""
    return judged(_placed(settings), lambda value: value in (None, False), message)


def must_be(settings: Iterable[Setting], expected: tuple[Plain, ...], message: str) -> Iterator[Finding]:
    """A failure for each setting that is none of `expected`."""

    # `1` is no `True`: a number where a flag belongs says nothing.
    def is_expected(value: Plain) -> bool:
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in expected)

    return judged(_placed(settings), is_expected, message)


def _placed(settings: Iterable[Setting]) -> Iterator[tuple[Path, Plain]]:
    return ((setting.path, setting.value) for setting in settings)
