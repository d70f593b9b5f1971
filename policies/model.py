"""What a control is, and what a check may say about one resource.

A check is a pure function over plain data: dicts, lists, strings, numbers, booleans, None and `UNKNOWN`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

PACK_NAME: Final = "millwright"


class UnknownValue(Enum):
    """The type of `UNKNOWN`: an enum of one, so that `is UNKNOWN` narrows types."""

    UNKNOWN = "unknown"


UNKNOWN: Final = UnknownValue.UNKNOWN
"""Stands where the engine cannot know a value before the update."""

Plain: TypeAlias = "bool | int | float | str | UnknownValue | list[Plain] | dict[str, Plain] | None"
Properties: TypeAlias = "dict[str, Plain]"
Path: TypeAlias = "tuple[str | int, ...]"


class Severity(Enum):
    """How bad a violation is; the scale of the factory's findings."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Enforcement(Enum):
    """What a violation does: `MANDATORY` stops the operation before the resource is touched, `ADVISORY` warns."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"


@dataclass(frozen=True)
class Fail:
    """The property at `path` breaks the control. `message` completes "the property ..." and never quotes a value.

    `found` is the value to show, only where it cannot be a credential; the pack hides it when the program marked
    the property as secret.
    """

    path: Path
    message: str
    found: str = ""


@dataclass(frozen=True)
class Unknown:
    """The verdict depends on the property at `path`, which is not known yet."""

    path: Path


Finding: TypeAlias = Fail | Unknown
Check: TypeAlias = Callable[[str, Properties], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Control:
    """One rule of the pack. Number and title are those of the control catalogue, numbers 1 to 64.

    `reads` names what the check looks at: type token to properties. `check(type, properties)` yields every failure
    and every undecided property; nothing yielded means that the resource passes.
    """

    number: int
    id: str
    title: str
    severity: Severity
    reads: Mapping[str, tuple[str, ...]]
    why: str
    fix: str
    references: tuple[str, ...]
    check: Check
    enforcement: Enforcement = Enforcement.MANDATORY


def render(path: Path) -> str:
    """`path` as Pulumi writes it: `ingress[0].cidrBlocks[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif text:
            text += f".{part}"
        else:
            text = part
    return text
