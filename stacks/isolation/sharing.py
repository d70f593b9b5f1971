"""Who uses whose: every use of one resource by another stays within one environment, or was meant to be shared."""

from collections.abc import Iterator

from stacks.isolation.findings import Finding, Rule, Verdict
from stacks.isolation.ownership import PLATFORM_REPOSITORIES, Owned
from stacks.isolation.records import Kind, Owner, Reference, Resource

BUILD = "build"
# Judged by `networks`, which knows what is at the other end.
_LINKING = frozenset({Kind.PEERING, Kind.ATTACHMENT, Kind.TRANSIT})
# Of AWS's own, and nobody shares anything by using them.
_HARMLESS = frozenset({Kind.PREFIX_LIST, Kind.MANAGED_POLICY})


def shared(owned: Owned) -> Iterator[Finding]:
    """A finding for each use of what is another environment's, nobody's, or not there."""
    for resource in owned.cloud.resources:
        owner = owned.of(resource)
        if owner is None or resource.kind in _LINKING:
            continue
        for reference in dict.fromkeys(resource.refers):
            yield from _use(owned, owner, resource, reference)


def _use(owned: Owned, owner: Owner, resource: Resource, reference: Reference) -> Iterator[Finding]:
    used = owned.named.get(reference.target)
    if used is None:
        if not _is_platform(reference.target):
            yield _dangling(owner, resource, reference, "was not found in this account: elsewhere, or gone")
        return
    other = owned.of(used)
    if other == owner or used.id in owned.platform or used.kind in _LINKING:
        return
    if other is not None:
        if not on_purpose(owner, other, used):
            yield _shared(owner, other, resource, reference, used)
    elif not (used.id in owned.aws and used.kind in _HARMLESS):
        yield _dangling(owner, resource, reference, f"is a {used.kind} of no app")


def on_purpose(owner: Owner, other: Owner, used: Resource) -> bool:
    """Whether it is shared by design: an app's images are built in one environment, and run in its others."""
    return used.kind is Kind.REPOSITORY and owner.app == other.app and other.environment == BUILD


def _is_platform(target: str) -> bool:
    """An image that all apps' factories run, from a repository which need not be in this account yet."""
    return target.partition(":repository/")[2] in PLATFORM_REPOSITORIES


def _shared(owner: Owner, other: Owner, resource: Resource, reference: Reference, used: Resource) -> Finding:
    return Finding(
        verdict=Verdict.REFUTED,
        rule=Rule.FIREWALL if resource.kind is Kind.FIREWALL_RULE else Rule.SHARED,
        one=str(owner),
        other=str(other),
        where=resource.id,
        why=f"{resource.kind} {resource.id} of {owner}: {reference.how} {used.id}, a {used.kind} of {other}",
        fix=f"give it one of {owner}'s own: millwright up {owner.app} {owner.environment} puts back what was declared",
    )


def _dangling(owner: Owner, resource: Resource, reference: Reference, what: str) -> Finding:
    return Finding(
        verdict=Verdict.UNKNOWN,
        rule=Rule.DANGLING,
        one=str(owner),
        other=None,
        where=resource.id,
        why=f"{resource.kind} {resource.id}: {reference.how} {reference.target}, which {what}",
        fix=f"give it one of {owner}'s own: millwright up {owner.app} {owner.environment} puts back what was declared",
    )
