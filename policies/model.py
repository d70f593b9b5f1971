"""What a control is, and what a check may say.

A check is a pure function over plain data: dicts, lists, strings, numbers, booleans, None and `UNKNOWN`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from policies.context import Context
    from policies.resources import Resource, Stack

PACK_NAME: Final = "millwright"
OWN_FROM: Final = 1000
"""The least number of a factory's own rule; the pack's are below."""
# How a message begins that says no more than that a preview cannot decide it.
DEFERRED: Final = "deferred: "


class UnknownValue(Enum):
    """The type of `UNKNOWN`: an enum of one, so that `is UNKNOWN` narrows types."""

    UNKNOWN = "unknown"


UNKNOWN: Final = UnknownValue.UNKNOWN
"""Stands where the engine cannot know a value before the update."""

Plain: TypeAlias = "bool | int | float | str | UnknownValue | list[Plain] | dict[str, Plain] | None"
Properties: TypeAlias = dict[str, "Plain"]
Path: TypeAlias = tuple[str | int, ...]


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


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What a violation does in each environment. Everywhere else (`platform`, another program) the strictest holds."""

    build: Enforcement = Enforcement.MANDATORY
    staging: Enforcement = Enforcement.MANDATORY
    production: Enforcement = Enforcement.MANDATORY

    def at(self, environment: str) -> Enforcement:
        """The level in `environment`; "" is none of an app's."""
        return self._all().get(environment, self.strictest)

    @property
    def strictest(self) -> Enforcement:
        """The highest of the levels."""
        return Enforcement.MANDATORY if Enforcement.MANDATORY in self._all().values() else Enforcement.ADVISORY

    def everywhere(self) -> str:
        """The level at each place by name: `advisory in build and staging, mandatory in production and elsewhere`."""
        levels = {**self._all(), "elsewhere": self.strictest}
        places = {level: [place for place, its in levels.items() if its is level] for level in Enforcement}
        return ", ".join(f"{level.value} {_listed(named)}" for level, named in places.items() if named)

    def __str__(self) -> str:
        levels = self._all()
        if len(set(levels.values())) == 1:
            return self.strictest.value
        return ", ".join(f"{level.value} in {environment}" for environment, level in levels.items())

    def _all(self) -> dict[str, Enforcement]:
        return {"build": self.build, "staging": self.staging, "production": self.production}


def _listed(places: list[str]) -> str:
    *first, last = places
    return f"in {', '.join(first)} and {last}" if first else f"in {last}"


ADVISORY: Final = Levels(build=Enforcement.ADVISORY, staging=Enforcement.ADVISORY, production=Enforcement.ADVISORY)


@dataclass(frozen=True)
class Fail:
    """The property at `path` breaks the control. `message` completes "the property ..." and never quotes a value.

    `found` is the value to show, only where it cannot be a credential; the pack hides it when the program marked
    the property as secret. `urn` says whose property it is, in a check of a whole stack; "" there is the stack itself.
    """

    path: Path
    message: str
    found: str = ""
    urn: str = ""


@dataclass(frozen=True)
class Unknown:
    """The verdict depends on the property at `path` (of the resource `urn`), which is not known yet."""

    path: Path
    urn: str = ""


class Scope(Enum):
    """What a control looks at."""

    RESOURCE = "resource"
    STACK = "stack"


Finding: TypeAlias = Fail | Unknown
Check: TypeAlias = Callable[["Resource", "Context"], Iterator[Finding]]
StackCheck: TypeAlias = Callable[["Stack", "Context"], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Control:
    """One rule. Number and title of the pack's are those of the control catalogue; a factory's own begin at 1000.

    `reads` names what the checks look at: type token to properties; `aws:*` and the like stand for every such type.
    `check` sees one resource before anything is done to it, `stack_check` all of them at the end of a preview and of
    an update; a control has one of the two, or both (what one resource shows is refused earlier). Each yields every
    failure and every undecided property; nothing yielded means that it passes.

    `monotone`: a failure that `stack_check` finds in a part of a stack stays one whatever else is declared. Then an
    update asks it again at each resource that the control reads, before that resource is made.
    """

    number: int
    id: str
    title: str
    severity: Severity
    reads: Mapping[str, tuple[str, ...]]
    why: str
    fix: str
    references: tuple[str, ...]
    check: Check | None = None
    stack_check: StackCheck | None = None
    monotone: bool = False
    enforcement: Levels = Levels()

    def __post_init__(self) -> None:
        if self.check is None and self.stack_check is None:
            raise ValueError(f"{self.id} has no check")
        if self.monotone and self.stack_check is None:
            raise ValueError(f"{self.id}: only a check of stacks can be monotone")

    @property
    def scope(self) -> Scope:
        """Whether the control needs the whole stack."""
        return Scope.RESOURCE if self.stack_check is None else Scope.STACK

    @property
    def is_own(self) -> bool:
        """Whether it is a factory's own rule."""
        return self.number >= OWN_FROM

    def concerns(self, resource_type: str) -> bool:
        """Whether the control reads resources of this type."""
        return resource_type in self.reads or resource_type.startswith(self._starts)

    def read_of(self, resource_type: str) -> tuple[str, ...]:
        """The properties that the control reads of resources of this type."""
        tokens = (t for t in self.reads if t == resource_type or (t.endswith("*") and resource_type.startswith(t[:-1])))
        return tuple(dict.fromkeys(name for token in tokens for name in self.reads[token]))

    @cached_property
    def _starts(self) -> tuple[str, ...]:
        return tuple(token[:-1] for token in self.reads if token.endswith("*"))


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
