"""Fields of nested blocks whose exact shape nobody guarantees: one block or a list of them, keys in any case."""

from collections.abc import Iterator

from policies.helpers.pods import Setting
from policies.model import Fail, Finding, Path, Plain, Unknown
from policies.reading import each, members


def found(value: Plain, names: tuple[str, ...], path: Path) -> Iterator[Setting]:
    """What stands at `names` below `value`, in each element of a list on the way; nothing where a name is missing.

    Where the way ends early, in what is not known or is no mapping, that is yielded: a check must not take it for
    nothing.
    """
    if not names:
        yield Setting(path, value)
        return
    for place, block in each(value, path):
        if isinstance(block, dict):
            for inner, member in members(block, names[0], place):
                yield from found(member, names[1:], inner)
        else:
            yield Setting(place, block)


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
