"""Policy documents as data: what `parse` makes of JSON, and what the evaluator reads."""

from dataclasses import dataclass
from enum import StrEnum

from factory.iam.operators import Operator, Value
from factory.iam.patterns import Pattern
from factory.iam.principals import Principal


class Effect(StrEnum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


class Qualifier(StrEnum):
    """How the several values of a context key are compared ("Single-valued vs. multivalued context keys")."""

    NONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One key under one operator. It holds by any of `values`; all conditions of a statement must hold."""

    operator: Operator
    qualifier: Qualifier
    if_exists: bool
    key: str
    """In lower case: keys are compared without case."""
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement. An element and its negation are one field and its `not_` flag."""

    place: str
    """Where it stands in its document: `Statement[1]`."""
    sid: str
    effect: Effect
    actions: tuple[Pattern, ...]
    not_actions: bool
    resources: tuple[Pattern, ...] | None
    """None: the document names none, and is about whatever it is attached to."""
    not_resources: bool
    principals: tuple[Principal, ...] | None
    """None: it is about whoever it is attached to."""
    not_principals: bool
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return f"{self.place} ({self.sid})" if self.sid else self.place


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One document. `name` says where it is from, for people."""

    name: str
    version: str
    statements: tuple[Statement, ...]
