"""No way over the network: ranges that overlap, rules that let a foreign range in, and every link between networks."""

import ipaddress
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from stacks.isolation.findings import Finding, Rule, Verdict
from stacks.isolation.ownership import Owned
from stacks.isolation.records import Kind, Owner, Resource
from stacks.isolation.ways import Ways

Range = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Own(NamedTuple):
    """A range of somebody's network."""

    owner: Owner
    network: str
    range: Range


def connected(owned: Owned) -> Iterator[Finding]:
    """A finding for each way from one environment's network into another's, or to where nobody knows."""
    own = [
        _Own(owner, resource.id, ipaddress.ip_network(text))
        for resource in owned.cloud.resources
        if resource.kind is Kind.NETWORK and (owner := owned.of(resource))
        for text in resource.ranges
    ]
    yield from _overlaps(own)
    ways = Ways(owned)
    for resource in owned.cloud.resources:
        if resource.kind is Kind.FIREWALL_RULE and not ways.is_the_proxys_rule(resource):
            yield from _foreign_ranges(owned, resource, own)
        elif resource.kind is Kind.PEERING:
            yield from _peering(owned, resource)
        elif resource.kind is Kind.ROUTE:
            yield from _route(owned, resource, ways)
    yield from _transit(owned)


def _overlaps(own: list[_Own]) -> Iterator[Finding]:
    # By their beginnings: only neighbours can overlap, so a hundred apps are no ten thousand comparisons.
    ordered = sorted(own, key=lambda each: (each.range.version, int(each.range.network_address)))
    for number, one in enumerate(ordered):
        for other in ordered[number + 1 :]:
            if other.range.version != one.range.version or not other.range.overlaps(one.range):
                break
            if one.owner != other.owner:
                yield Finding(
                    verdict=Verdict.REFUTED,
                    rule=Rule.OVERLAP,
                    one=str(one.owner),
                    other=str(other.owner),
                    where=one.network,
                    why=f"its range {one.range} overlaps {other.range} of {other.network}",
                    fix="give one of the apps another network.cidr in its app.yaml",
                )


def _foreign_ranges(owned: Owned, rule: Resource, own: list[_Own]) -> Iterator[Finding]:
    owner = owned.of(rule)
    if owner is None:
        return
    lists = [owned.named.get(each.target) for each in rule.refers]
    texts = [*rule.ranges, *(text for each in lists if each and each.kind is Kind.PREFIX_LIST for text in each.ranges)]
    mine = [each.range for each in own if each.owner == owner]
    for text in texts:
        opened = ipaddress.ip_network(text, strict=False)
        if any(opened.version == each.version and opened.subnet_of(each) for each in mine):  # type: ignore[arg-type]  # same version
            continue
        for other in own:
            if other.owner != owner and other.range.version == opened.version and other.range.overlaps(opened):
                yield Finding(
                    verdict=Verdict.REFUTED,
                    rule=Rule.FIREWALL,
                    one=str(owner),
                    other=str(other.owner),
                    where=rule.id,
                    why=f"the rule of {rule.part_of} opens to {opened}, in which {other.range} of {other.owner} is",
                    fix=f"remove the rule; millwright up {owner.app} {owner.environment} puts back what was declared",
                )


def _peering(owned: Owned, peering: Resource) -> Iterator[Finding]:
    ends = [owned.named.get(each.target) for each in peering.refers]
    owners = [owned.of(end) if end else None for end in ends]
    one, other = owners
    if one == other:
        return
    known = [str(owner) for owner in owners if owner]
    yield Finding(
        verdict=Verdict.REFUTED if one and other else Verdict.UNKNOWN,
        rule=Rule.PEERING,
        one=known[0],
        other=known[1] if one and other else None,
        where=peering.id,
        why=f"it joins {' and '.join(each.target for each in peering.refers)}"
        + ("" if one and other else ", one of which is no app's"),
        fix="delete the peering connection",
    )


def _route(owned: Owned, route: Resource, ways: Ways) -> Iterator[Finding]:
    owner = owned.of(route)
    for reference in route.refers:
        target = owned.named.get(reference.target)
        if owner is None or target is None or target.kind not in (Kind.PEERING, Kind.GATEWAY, Kind.TRANSIT):
            continue
        if target.kind is Kind.GATEWAY:
            if not ways.is_the_proxys_route(route, target):
                yield _way_out(owner, route, target)
            continue
        ends = [owned.named.get(each.target) for each in target.refers]
        others: list[Owner | None] = [other for end in ends if end and (other := owned.of(end)) and other != owner]
        for other in others or [None]:
            yield Finding(
                verdict=Verdict.REFUTED if other else Verdict.UNKNOWN,
                rule=Rule.ROUTE,
                one=str(owner),
                other=str(other) if other else None,
                where=route.id,
                why=f"the route leads out of the network by {target.kind} {target.id}"
                + (f" to {other}" if other else ", and nobody knows where to"),
                fix="delete the route",
            )


def _way_out(owner: Owner, route: Resource, gateway: Resource) -> Finding:
    return Finding(
        verdict=Verdict.REFUTED,
        rule=Rule.ROUTE,
        one=str(owner),
        other=None,
        where=route.id,
        why=f"the route leads out of the network by {gateway.id}, and not for the egress proxy alone",
        fix=f"delete the route; millwright up {owner.app} {owner.environment} puts back what was declared",
    )


def _transit(owned: Owned) -> Iterator[Finding]:
    attached: dict[str, list[tuple[Resource, Owner | None]]] = {}
    for resource in owned.cloud.resources:
        if resource.kind is Kind.ATTACHMENT:
            gateway, end = (each.target for each in resource.refers if each.how in ("attached to", "joins"))
            network = owned.named.get(end)
            attached.setdefault(gateway, []).append((resource, owned.of(network) if network else None))
    for gateway, links in attached.items():
        for (one, owner), (_, other) in combinations(links, 2):
            if owner and other and owner != other:
                yield Finding(
                    verdict=Verdict.REFUTED,
                    rule=Rule.TRANSIT,
                    one=str(owner),
                    other=str(other),
                    where=one.id,
                    why=f"both networks are attached to the transit gateway {gateway}",
                    fix="delete one of the attachments",
                )
