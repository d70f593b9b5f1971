"""What each document that a role holds allows by itself, conditions and boundary counted.

Other than `roles.Union.may`, a Deny counts only in the document that allows, and in the boundary: another policy can
be detached alone. So what one document allows stays allowed whatever else comes to be declared.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from factory.errors import InputError
from factory.iam import Condition, Effect, Policies, Policy, Statement, may_ever, parse
from factory.iam.patterns import Pattern
from policies.helpers.documents import POLICY
from policies.helpers.references import references
from policies.helpers.roles import Held, Union, union_of
from policies.model import Fail, Finding, Plain, Unknown
from policies.reading import has_unknown
from policies.resources import Resource, Stack

BOUNDARY: Final = "permissionsBoundary"
Heeds: TypeAlias = Callable[[Statement], bool]
"""Whether an Allow counts: False for one whose conditions take the danger out of it."""

_POSITIVE: Final = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")


@dataclass(frozen=True)
class Grant:
    """One readable document of a role, and the boundary under which it counts."""

    held: Held
    policy: Policy
    boundary: Policy | None

    def may(self, action: str, resource: str = "*", heeds: Heeds | None = None) -> bool:
        """Whether it allows any request for `action` on `resource` by a statement that counts."""
        service = action.partition(":")[0].lower()
        if not any(_may_concern(one, service) for one in self.policy.statements if one.effect is Effect.ALLOW):
            return False
        kept = tuple(one for one in self.policy.statements if one.effect is Effect.DENY or heeds is None or heeds(one))
        asked = replace(self.policy, statements=kept)
        return may_ever(Policies(identity=(asked,), boundary=self.boundary), action, resource)


@dataclass(frozen=True)
class Grants:
    """The documents of a role; `findings` are what of them could not be read, and what is not known yet."""

    union: Union
    all: tuple[Grant, ...]
    findings: tuple[Finding, ...]
    doubts: tuple[Finding, ...]
    """What is not known of the boundary, which is taken to allow everything then."""

    def judged(self, found: Iterable[Finding]) -> Iterator[Finding]:
        """The findings with those that `all` gave; undecided ones while a boundary may still rule them out."""
        yield from self.findings
        failed = tuple(found)
        if failed:
            yield from self.doubts or failed


def grants_of(stack: Stack, role: Resource) -> Grants:
    """What a role of this stack holds, under its boundary when that is declared in the stack too."""
    union = union_of(stack, role)
    boundary, doubts = _boundary(stack, role)
    made = tuple(grant for held in union.held if (grant := granted(held, boundary)) is not None)
    hidden = {(one.owner.urn, one.path) for one in union.held if has_unknown(one.value)}
    findings = tuple(
        Unknown(one.path, one.urn) if isinstance(one, Fail) and (one.urn, one.path) in hidden else one
        for one in union.findings
    )
    return Grants(union, made, findings, tuple(doubts))


def granted(held: Held, boundary: Policy | None = None) -> Grant | None:
    """A document as a grant; None when it cannot be read, or holds what is not known."""
    policy = _read(held.value, held.owner.name)
    return None if policy is None else Grant(held, policy, boundary)


def limited_to(statement: Statement, key: str) -> tuple[str, ...]:
    """The values that the statement's conditions restrict a context key (in lower case) to; none: to nothing."""
    for condition in statement.conditions:
        if condition.key == key and _restricts(condition):
            return tuple(value.text for value in condition.values if isinstance(value, Pattern))
    return ()


def _may_concern(statement: Statement, service: str) -> bool:
    """Whether it may be about actions of a service: cheap to ask, and most documents are about few services."""
    services = (action.text.partition(":")[0].lower() for action in statement.actions)
    return statement.not_actions or any("*" in one or "?" in one or one == service for one in services)


def _restricts(condition: Condition) -> bool:
    if condition.if_exists or condition.qualifier.value == "ForAllValues:" or condition.operator.name not in _POSITIVE:
        return False
    # A text that is nothing but wildcards restricts nothing.
    return all(isinstance(value, Pattern) and value.text.strip("*?:") for value in condition.values)


def _boundary(stack: Stack, role: Resource) -> tuple[Policy | None, list[Finding]]:
    """The boundary, where its document is declared here. What it says elsewhere is no reason to pass anything."""
    undecided: list[Finding] = []
    for reference in references(stack, role, BOUNDARY, (POLICY,)):
        # What is not declared yet may still come.
        if reference.unknown or (reference.outside and not stack.complete):
            undecided.append(Unknown(reference.path, role.urn))
        for found in reference.found:
            value = found.properties.get("policy")
            if has_unknown(value):
                undecided.append(Unknown(("policy",), found.urn))
            elif (policy := _read(value, found.name)) is not None:
                return policy, undecided
    return None, undecided


def _read(value: Plain, name: str) -> Policy | None:
    if has_unknown(value) or not isinstance(value, str | dict):
        return None
    try:
        policy = parse(value, name=name or "policy")
    except InputError:
        return None
    named = any(statement.principals is not None for statement in policy.statements)
    return None if named else policy
