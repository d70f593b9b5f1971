"""Texts of a policy with wildcards and variables, and what they match.

Rules: "IAM JSON policy elements: Resource" and "IAM policy elements: Variables and tags" of the IAM User Guide.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

# The one value of a context key in lower case, or None when the request has no such value.
Lookup = Callable[[str], str | None]

_SPECIAL = re.compile(r"\$\{([*?$])\}")
_VARIABLE = re.compile(r"\$\{\s*([^\s,'{}$][^,'{}$]*?)\s*(?:,\s*'([^']*)'\s*)?\}")


class Wild(Enum):
    """What a pattern leaves open."""

    ONE = "?"
    """Exactly one character."""
    MANY = "*"
    """Any number of characters, colons and slashes among them."""


@dataclass(frozen=True)
class Variable:
    """`${key}` or `${key, 'default'}`; the key in lower case, for keys are compared without case."""

    key: str
    default: str | None = None


Symbol = str | Wild


@dataclass(frozen=True)
class Pattern:
    """A text of a policy: single characters, wildcards, variables. `text` is how it was written."""

    text: str
    tokens: tuple[Symbol | Variable, ...]

    def resolved(self, lookup: Lookup) -> tuple[Symbol, ...] | None:
        """With the variables' values in place, in which no character is a wildcard; None when one has no value."""
        symbols: list[Symbol] = []
        for token in self.tokens:
            if isinstance(token, Variable):
                value = lookup(token.key)
                value = token.default if value is None else value
                if value is None:
                    return None
                symbols.extend(value)
            else:
                symbols.append(token)
        return tuple(symbols)

    def matches(self, text: str, lookup: Lookup) -> bool:
        """Whether it matches `text`. One with a variable that has no value matches nothing."""
        symbols = self.resolved(lookup)
        return symbols is not None and match(symbols, text)

    def may_match(self, asked: Sequence[Symbol]) -> bool:
        """Whether some value of its variables makes it match some text that `asked` stands for."""
        return meet([Wild.MANY if isinstance(token, Variable) else token for token in self.tokens], asked)

    def must_match(self, asked: Sequence[Symbol]) -> bool:
        """True only when it matches every text that `asked` stands for; False also when that cannot be told."""
        symbols = [token for token in self.tokens if not isinstance(token, Variable)]
        return len(symbols) == len(self.tokens) and match(symbols, asked)


def compiled(text: str, *, wildcards: bool, variables: bool) -> Pattern:
    """`text` as a pattern. Raises ValueError that says which variable cannot be read."""
    return Pattern(text, tuple(_tokens(text, wildcards, variables)))


def symbols_of(text: str) -> tuple[Symbol, ...]:
    """A text in which `*` and `?` are wildcards, and nothing else is special."""
    return tuple(Wild(character) if character in "*?" else character for character in text)


def match(pattern: Sequence[Symbol], text: Sequence[Symbol]) -> bool:
    """Whether `pattern` matches all of `text`, in at most their lengths' product of steps.

    A `text` with wildcards is matched when each of them stands under one of the pattern that is at least as wide:
    then the pattern matches all that the text stands for.
    """
    at = place = resumed = 0
    star = -1
    while place < len(text):
        token = pattern[at] if at < len(pattern) else None
        if token is Wild.MANY:
            star, resumed, at = at, place, at + 1
        elif token == text[place] or (token is Wild.ONE and text[place] is not Wild.MANY):
            at, place = at + 1, place + 1
        elif star >= 0:
            # Only the last star has to be tried again: a longer share for an earlier one reaches nothing new.
            resumed += 1
            at, place = star + 1, resumed
        else:
            return False
    return all(token is Wild.MANY for token in pattern[at:])


def meet(one: Sequence[Symbol], other: Sequence[Symbol]) -> bool:
    """Whether some text is matched by both."""
    seen = {(0, 0)}
    open_ends = [(0, 0)]
    while open_ends:
        here = open_ends.pop()
        if here == (len(one), len(other)):
            return True
        for step in _steps(one, other, *here):
            if step not in seen:
                seen.add(step)
                open_ends.append(step)
    return False


def _steps(one: Sequence[Symbol], other: Sequence[Symbol], at: int, place: int) -> Iterator[tuple[int, int]]:
    left = one[at] if at < len(one) else None
    right = other[place] if place < len(other) else None
    if left is Wild.MANY:
        yield at + 1, place
        if right is not None:
            yield at, place + 1
    if right is Wild.MANY:
        yield at, place + 1
        if left is not None:
            yield at + 1, place
    if left is None or right is None or Wild.MANY in (left, right):
        return
    if left == right or Wild.ONE in (left, right):
        yield at + 1, place + 1


def _tokens(text: str, wildcards: bool, variables: bool) -> Iterator[Symbol | Variable]:
    at = 0
    while at < len(text):
        if variables and text.startswith("${", at):
            token, at = _placeholder(text, at)
            yield token
        else:
            yield Wild(text[at]) if wildcards and text[at] in "*?" else text[at]
            at += 1


def _placeholder(text: str, at: int) -> tuple[str | Variable, int]:
    """What `${...}` at `at` stands for, and where it ends."""
    if special := _SPECIAL.match(text, at):
        return special[1], special.end()
    found = _VARIABLE.match(text, at)
    if found is None or ":" not in found[1]:
        raise ValueError(f"no variable can be read at {text[at : at + 40]!r}")
    return Variable(found[1].lower(), found[2]), found.end()
