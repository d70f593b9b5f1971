"""Fields of nested blocks whose exact shape nobody guarantees: one block or a list of them, keys in any case."""

from collections.abc import Iterator

from policies.helpers.pods import Setting
from policies.model import Fail, Finding, Path, Plain, Unknown
from policies.reading import walk


def found(value: Plain, names: tuple[str, ...], path: Path) -> Iterator[Setting]:
    """What stands at `names` below `value`, as `walk` finds it; nothing where a name is missing."""
    return (Setting(place, member) for place, member, _ in walk(value, names, path))


def required(value: Plain, names: tuple[str, ...], path: Path) -> tuple[Setting, ...]:
    """The same, and one setting of None, at the place where it could stand, when nothing does."""
    return tuple(found(value, names, path)) or (Setting((*path, *names), None),)


def must_not_be_set(settings: Iterator[Setting] | tuple[Setting, ...], message: str) -> Iterator[Finding]:
    """A failure for each setting that is neither missing nor false."""
    for setting in settings:
        if setting.unknown:
            yield Unknown(setting.path)
        elif setting.value not in (None, False):
            yield Fail(setting.path, message)


def must_be(
    settings: Iterator[Setting] | tuple[Setting, ...], expected: tuple[Plain, ...], message: str
) -> Iterator[Finding]:
    """A failure for each setting that is none of `expected`."""
    for setting in settings:
        if setting.unknown:
            yield Unknown(setting.path)
        # `1` is no `True`: a number where a flag belongs says nothing.
        elif not any(
            setting.value == one and isinstance(setting.value, bool) == isinstance(one, bool) for one in expected
        ):
            yield Fail(setting.path, message)
