"""IAM: ways from the rights that a role has to all rights."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from factory.iam import Statement
from policies.checks.iam_ways import ANY_ROLE, CHANGES_RIGHTS, PASSING, WAYS, Way
from policies.context import Context
from policies.helpers.documents import (
    GROUP_POLICY,
    IDENTITY_POLICIES,
    POLICY,
    ROLE,
    UNREADABLE,
    USER_POLICY,
    identity_documents,
    matches,
)
from policies.helpers.grants import BOUNDARY, Grant, Heeds, granted, grants_of, limited_to
from policies.helpers.references import references
from policies.helpers.roles import ROLE_UNION, Held
from policies.model import Fail, Finding, Unknown
from policies.reading import has_unknown
from policies.resources import Resource, Stack

ESCALATION_READS: Final[dict[str, tuple[str, ...]]] = {
    **IDENTITY_POLICIES,
    **ROLE_UNION,
    ROLE: (*ROLE_UNION[ROLE], BOUNDARY),
}
SHOWN: Final = 3
# IAM User Guide, "Delegating responsibility to others using permissions boundaries": with these conditions whoever
# changes rights cannot go beyond a boundary, or can attach the named policies only.
_DELEGATING: Final = ("iam:permissionsboundary", "iam:policyarn")
_OWN_NAME: Final = "${aws:username}"
_RIGHTS: Final = frozenset(way.actions[0] for way in CHANGES_RIGHTS)


def no_escalation(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 17: what a role holds together is no way to all rights, nor is what a policy says alone."""
    del context
    held: set[str] = set()
    for role in stack.of(ROLE):
        grants = grants_of(stack, role)
        held |= {one.owner.urn for one in grants.union.held}
        yield from grants.judged(_ways(grants.all))
    # Whether a policy is somebody's boundary, which grants nothing, is known when everything is declared.
    if stack.complete:
        held |= {found.urn for role in stack.resources for found in _boundaries(stack, role)}
        for policy in stack.of(POLICY, USER_POLICY, GROUP_POLICY):
            if policy.urn not in held:
                yield from _alone(policy)


def _boundaries(stack: Stack, holder: Resource) -> Iterator[Resource]:
    for reference in references(stack, holder, BOUNDARY, (POLICY,)):
        yield from reference.found


def _alone(policy: Resource) -> Iterator[Finding]:
    for path, value in identity_documents(policy):
        grant = granted(Held(policy, path, value))
        if grant is not None:
            yield from _ways([grant])
        elif has_unknown(value):
            yield Unknown(path, policy.urn)
        else:
            yield Fail(path, UNREADABLE, urn=policy.urn)


def _ways(grants: Sequence[Grant]) -> Iterator[Finding]:
    """One failure for each document that holds the first action of some way."""
    found: dict[int, list[Way]] = {}
    for way in WAYS:
        holders = [_holder(grants, way, action) for action in way.actions]
        if holders and None not in holders and holders[0] is not None:
            found.setdefault(holders[0], []).append(way)
    for number, ways in found.items():
        held = grants[number].held
        yield Fail(held.path, f"lets its holder take every right, by {_named(ways)}", urn=held.owner.urn)


def _holder(grants: Iterable[Grant], way: Way, action: str) -> int | None:
    """Which document allows an action of the way, if any."""
    resource = ANY_ROLE if action == PASSING else way.resource
    for number, grant in enumerate(grants):
        if grant.may(action, resource, _heeds(way, action)):
            return number
    return None


def _heeds(way: Way, action: str) -> Heeds:
    def counts(statement: Statement) -> bool:
        if action == PASSING:
            services = limited_to(statement, "iam:passedtoservice")
            return not services or any(matches(service.lower(), way.service) for service in services)
        if action in _RIGHTS:
            delegating = any(limited_to(statement, key) for key in _DELEGATING)
            own = statement.resources and all(_OWN_NAME in resource.text for resource in statement.resources)
            return not delegating and not own
        return not any(limited_to(statement, one.key) for one in statement.conditions if "resourcetag/" in one.key)

    return counts


def _named(ways: Sequence[Way]) -> str:
    shown = "; ".join(map(str, ways[:SHOWN]))
    return shown if len(ways) <= SHOWN else f"{shown}; and {len(ways) - SHOWN} more ways"
