"""Whose a resource is: what the stacks' states know counts, and what its tags claim is checked against that."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stacks.isolation.findings import Finding, Rule, Verdict
from stacks.isolation.pulumi_types import READ
from stacks.isolation.records import Cloud, Kind, Owner, Resource, Stack

# Made by all apps' factories together and read by all of them; no stack of an app declares it.
PLATFORM_REPOSITORIES = ("agent-runner",)
# What no policy reaches and no other resource uses: it is judged by what it refers to, whoever made it.
_LINKS = frozenset({Kind.PEERING, Kind.ATTACHMENT})


@dataclass
class Owned:
    """The cloud's resources with their owners.

    `owner` lacks what nobody owns; `aws` holds the ids of what is there by itself, `platform` of what all apps read.
    """

    cloud: Cloud
    stacks: tuple[Stack, ...]
    owner: dict[str, Owner] = field(default_factory=dict)
    aws: set[str] = field(default_factory=set)
    platform: set[str] = field(default_factory=set)
    named: dict[str, Resource] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def of(self, resource: Resource) -> Owner | None:
        """Who owns it; None: nobody."""
        return self.owner.get(resource.id)


def assign(cloud: Cloud, stacks: Iterable[Stack]) -> Owned:
    """Every resource with its owner, and a finding for each that has none or claims another one.

    The state of a stack decides, for tags can be forged. What is part of something else is its owner's.
    """
    owned = Owned(cloud, tuple(stacks), named=dict(cloud.named()))
    knowing = _knowing(owned)
    for resource in cloud.resources:
        if resource.by_aws:
            owned.aws.add(resource.id)
        elif resource.id.partition(":repository/")[2] in PLATFORM_REPOSITORIES:
            owned.platform.add(resource.id)
    for resource in cloud.resources:
        if resource.part_of is None and not _needs_no_owner(owned, resource):
            owned.findings += _assign(owned, resource, knowing)
    for resource in cloud.resources:
        if resource.part_of is not None:
            owned.findings += _inherit(owned, resource)
    owned.findings += _unread(cloud, owned.stacks)
    owned.findings += _types(owned)
    return owned


def _needs_no_owner(owned: Owned, resource: Resource) -> bool:
    # A policy of the whole account is told by `documents`.
    return resource.id in owned.aws or resource.id in owned.platform or resource.kind is Kind.ACCOUNT_POLICY


def _knowing(owned: Owned) -> Mapping[str, list[Owner]]:
    found: dict[str, list[Owner]] = {}
    for stack in owned.stacks:
        for name in stack.known:
            found.setdefault(name, []).append(stack.owner)
    return found


def _assign(owned: Owned, resource: Resource, knowing: Mapping[str, list[Owner]]) -> Iterator[Finding]:
    by_state = list(dict.fromkeys(owner for name in _identifiers(resource) for owner in knowing.get(name, ())))
    claimed = _claim(resource)
    if by_state:
        owned.owner[resource.id] = by_state[0]
        for other in by_state[1:]:
            yield _finding(
                Verdict.REFUTED,
                Rule.TWO_STACKS,
                resource,
                by_state[0],
                other,
                why=f"the {resource.kind} is in the states of both stacks",
                fix="take it out of one of them (pulumi state delete), and give that one its own",
            )
        if claimed not in (None, by_state[0]):
            yield _forged(resource, by_state[0], claimed)
    elif claimed in {stack.owner for stack in owned.stacks}:
        # Its claim is taken for what it reaches and who reaches it, and believed for nothing.
        owned.owner[resource.id] = claimed
        yield _finding(
            Verdict.UNKNOWN,
            Rule.FORGED_TAG,
            resource,
            claimed,
            None,
            why=f"its tags say {claimed}, whose state does not know this {resource.kind}{_uses(resource)}",
            fix="remove it, or declare it in the app's infra.py and import it",
        )
    elif resource.kind is Kind.GATEWAY and _is_of_aws(owned, resource):
        owned.aws.add(resource.id)
    else:
        yield _unassigned(owned, resource, claimed)


def _is_of_aws(owned: Owned, resource: Resource) -> bool:
    """The way out of a default network comes with it."""
    ends = {each.target for each in resource.refers}
    return bool(ends) and ends <= owned.aws


def _unassigned(owned: Owned, resource: Resource, claimed: Owner | None) -> Finding:
    says = f"its tags say {claimed}, which does not stand here" if claimed else "it has no tags app and environment"
    if resource.kind is Kind.OTHER:
        says = f"this proof does not read it; {says}"
    ends = list(dict.fromkeys(owned.owner.get(reference.target) for reference in resource.refers))
    known = [str(owner) for owner in ends if owner] if resource.kind in _LINKS else []
    one, other = (*known, None, None)[:2]
    return Finding(
        verdict=Verdict.UNKNOWN,
        rule=Rule.UNASSIGNED,
        one=one,
        other=other,
        where=resource.id,
        why=f"no stack knows this {resource.kind}, and {says}{_uses(resource)}",
        fix="remove it, or declare it in an app's infra.py",
    )


def _inherit(owned: Owned, resource: Resource) -> Iterator[Finding]:
    whole: Resource | None = resource
    # A part of a part: a route of a table of a network's own.
    while whole is not None and whole.part_of is not None:
        whole = owned.named.get(whole.part_of)
    if whole is None:
        yield _unassigned(owned, resource, _claim(resource))
        return
    if whole.id in owned.aws:
        owned.aws.add(resource.id)
        if resource.kind is Kind.INTERFACE:
            yield _unassigned(owned, resource, _claim(resource))
        return
    owner = owned.owner.get(whole.id)
    if owner is None:
        # The whole is reported.
        return
    owned.owner[resource.id] = owner
    claimed = _claim(resource)
    if claimed not in (None, owner):
        yield _forged(resource, owner, claimed)


def _forged(resource: Resource, owner: Owner, claimed: Owner | None) -> Finding:
    return _finding(
        Verdict.REFUTED,
        Rule.FORGED_TAG,
        resource,
        owner,
        claimed,
        why=f"the {resource.kind} is of {owner}, and its tags say that it is of {claimed}",
        fix=f"millwright up {owner.app} {owner.environment} writes its tags again",
    )


def _unread(cloud: Cloud, stacks: tuple[Stack, ...]) -> Iterator[Finding]:
    for unread in cloud.unread:
        yield Finding(
            verdict=Verdict.UNKNOWN,
            rule=Rule.UNREAD,
            one=None,
            other=None,
            where=unread.what,
            why=f"it could not be read: {unread.why}",
            fix="let whoever runs this read it (the managed policy SecurityAudit does), and run it again",
        )
    for stack in stacks:
        if stack.pending:
            yield Finding(
                verdict=Verdict.UNKNOWN,
                rule=Rule.PENDING,
                one=str(stack.owner),
                other=None,
                where=str(stack.owner),
                why="its last update was cut off, or one is under way, so its state may not know everything",
                fix=f"millwright up {stack.owner.app} {stack.owner.environment}, and run this again",
            )


def _types(owned: Owned) -> Iterator[Finding]:
    """What a stack has declared of a kind that is not read."""
    for stack in owned.stacks:
        for name, token in stack.known.items():
            if token not in READ:
                yield Finding(
                    verdict=Verdict.UNKNOWN,
                    rule=Rule.UNREAD,
                    one=str(stack.owner),
                    other=None,
                    where=name,
                    why=f"{stack.owner} declares it, and this proof does not read resources of the type {token}",
                    fix="look at it by hand: who may use it, and what it may use",
                )


def _identifiers(resource: Resource) -> Iterator[str]:
    yield resource.id
    yield from resource.arns


def _claim(resource: Resource) -> Owner | None:
    app, environment = resource.tags.get("app"), resource.tags.get("environment")
    return Owner(app=app, environment=environment) if app and environment else None


def _uses(resource: Resource) -> str:
    if not resource.refers:
        return ""
    return "; it has " + ", ".join(f"{each.how} {each.target}" for each in resource.refers)


def _finding(
    verdict: Verdict,
    rule: Rule,
    resource: Resource,
    one: Owner | None,
    other: Owner | None,
    *,
    why: str,
    fix: str,
) -> Finding:
    return Finding(
        verdict=verdict,
        rule=rule,
        one=str(one) if one else None,
        other=str(other) if other else None,
        where=resource.id,
        why=why,
        fix=fix,
    )
