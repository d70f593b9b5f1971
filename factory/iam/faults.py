"""Reading a document's parts: every mistake is kept with its path, so that one error can name them all."""

import json
import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from factory.errors import InputError, Problem
from factory.located import nearest

# A value in the wrong place may be long; its beginning says what it is.
FOUND_LENGTH = 80
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = FOUND_LENGTH
_ABSENT = object()


class Faults:
    """The mistakes found so far in the document `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []

    def add(  # the parts of a Problem, by name
        self, place: str, message: str, *, found: object = _ABSENT, allowed: str | None = None, fix: str | None = None
    ) -> None:
        """Keep one mistake at `place`: `Statement[1].Effect`."""
        shown = None if found is _ABSENT else _shown(found)
        problem = Problem(
            file=self.name, line=0, column=0, field=place, message=message, found=shown, allowed=allowed, fix=fix
        )
        self.problems.append(problem)

    def raise_any(self) -> None:
        """Raise InputError that holds every mistake, when there is one."""
        if self.problems:
            count = len(self.problems)
            raise InputError(
                f"{self.name} has {count} mistake{'s' if count > 1 else ''}", problems=tuple(self.problems)
            )

    def mapping(self, place: str, value: object, allowed: str = "a JSON object") -> Mapping[str, object]:
        """`value` as a mapping with text keys, each of them once; empty when it is none."""
        if not isinstance(value, Mapping):
            self.add(place, "not an object", found=value, allowed=allowed)
            return {}
        for key in value.repeated if isinstance(value, Pairs) else ():
            self.add(joined(place, key), "stands here twice", fix="keep one")
        for key in value:
            if not isinstance(key, str):
                self.add(place, "a key that is no text", found=key)
        return {key: item for key, item in value.items() if isinstance(key, str)}

    def known(self, place: str, given: Iterable[str], known: Iterable[str]) -> None:
        """Every key of `given` that is not in `known` is a mistake."""
        words = sorted(known)
        for key in given:
            if key not in words:
                guess = nearest(key, words)
                fix = f"did you mean {guess}?" if guess else None
                self.add(joined(place, key), "unknown key", found=key, allowed=", ".join(words), fix=fix)

    def texts(self, place: str, value: object, allowed: str) -> Iterator[tuple[str, str]]:
        """The texts of a text or a list of texts, each with its place; none for what is not."""
        for at, item in self.items(place, value, allowed):
            if isinstance(item, str):
                yield at, item
            else:
                self.add(at, "not a text", found=item, allowed=allowed)

    def items(self, place: str, value: object, allowed: str) -> Iterator[tuple[str, object]]:
        """One value, or those of a list that may not be empty, each with its place."""
        if not isinstance(value, list | tuple):
            yield place, value
        elif not value:
            self.add(place, "an empty list", found=value, allowed=allowed)
        else:
            yield from ((f"{place}[{number}]", item) for number, item in enumerate(value))


class Pairs(dict[str, object]):
    """A JSON object that remembers which keys stood in it more than once."""

    repeated: tuple[str, ...] = ()


def joined(place: str, key: str) -> str:
    """The path of `key` in the object at `place`."""
    return f"{place}.{key}" if place else key


def loaded(text: str, name: str) -> object:
    """The JSON in `text`. Raises InputError, with line and column, when it is none."""
    try:
        # Any: what json.loads gives is checked part by part by whoever reads it.
        data: Any = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        problem = Problem(file=name, line=error.lineno, column=error.colno, field="", message=error.msg)
        raise InputError(f"{name} is not JSON", problems=(problem,)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON that can be read: {str(error)[:FOUND_LENGTH]}") from None
    return data


def scalar(value: object) -> str | None:
    """A condition's value as text: JSON may give it as a text, number or boolean. None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        try:
            return str(value)
        # Python refuses to write out integers of thousands of digits.
        except ValueError:
            return None
    return None


def _pairs(pairs: list[tuple[str, object]]) -> Pairs:
    found = Pairs(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        found.repeated = tuple(sorted({key for key in keys if keys.count(key) > 1}))
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _shown(value: object) -> str:
    try:
        return _SHORT.repr(value)
    # The same integers again, and what is nested too deep to be written out.
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
