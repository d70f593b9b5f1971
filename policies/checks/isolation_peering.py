"""Isolation: networks that are joined, and the routes over what joins them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.context import Context
from policies.helpers.blocks import within
from policies.helpers.networks import network
from policies.helpers.references import IDENTIFIERS, Reference, references
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each
from policies.resources import Resource, Stack

VPC: Final = "aws:ec2/vpc:Vpc"
PEERING: Final = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
GATEWAY: Final = "aws:ec2transitgateway/transitGateway:TransitGateway"
ATTACHMENT: Final = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
GATEWAY_PEERING: Final = "aws:ec2transitgateway/peeringAttachment:PeeringAttachment"
CORE: Final = "aws:networkmanager/coreNetwork:CoreNetwork"
GCP_NETWORK: Final = "gcp:compute/network:Network"


@dataclass(frozen=True)
class End:
    """One end of what joins networks: the property that names it, and what that has to be."""

    name: str
    type: str
    identifiers: tuple[str, ...] = IDENTIFIERS


_GCP: Final = ("id", "selfLink", "name")
ENDS: Final[dict[str, tuple[End, ...]]] = {
    PEERING: (End("vpcId", VPC), End("peerVpcId", VPC)),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": (End("vpcPeeringConnectionId", PEERING),),
    ATTACHMENT: (End("vpcId", VPC), End("transitGatewayId", GATEWAY)),
    "aws:ec2transitgateway/vpcAttachmentAccepter:VpcAttachmentAccepter": (
        End("transitGatewayAttachmentId", ATTACHMENT),
    ),
    GATEWAY_PEERING: (End("transitGatewayId", GATEWAY), End("peerTransitGatewayId", GATEWAY)),
    "aws:networkmanager/vpcAttachment:VpcAttachment": (End("vpcArn", VPC), End("coreNetworkId", CORE)),
    "gcp:compute/networkPeering:NetworkPeering": (
        End("network", GCP_NETWORK, _GCP),
        End("peerNetwork", GCP_NETWORK, _GCP),
    ),
}
# Whose the other end is, where that is said.
OWNERS: Final = {PEERING: "peerOwnerId", GATEWAY_PEERING: "peerAccountId"}
JOIN_READS: Final[dict[str, tuple[str, ...]]] = {
    token: (*(end.name for end in ends), *(() if token not in OWNERS else (OWNERS[token],)))
    for token, ends in ENDS.items()
}

VIA: Final = "vpcPeeringConnectionId"
LIST: Final = "destinationPrefixListId"
ROUTES: Final = "routes"
ROUTE: Final = "aws:ec2/route:Route"
TABLES: Final = ("aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable")
ROUTE_RANGES: Final = ("destinationCidrBlock", "destinationIpv6CidrBlock")
ROUTE_READS: Final[dict[str, tuple[str, ...]]] = {
    ROUTE: (*ROUTE_RANGES, LIST, VIA),
    **dict.fromkeys(TABLES, (ROUTES,)),
}
# Source: Amazon VPC, "VPC CIDR blocks": the largest that a network can have.
WIDEST: Final = {4: 16, 6: 44}


def other_end_ours(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 8: the other end of a peering is in an account of the factory's."""
    name = OWNERS.get(resource.type)
    owner = resource.properties.get(name) if name else None
    if name is None or owner in (None, ""):
        return
    if owner is UNKNOWN:
        yield Unknown((name,))
    elif owner not in context.settings.accounts:
        yield Fail((name,), "is none of the factory's accounts")


def joined_within_app(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 8: what joins networks joins networks that this stack declares, all of them one app's."""
    del context
    for token, ends in ENDS.items():
        for resource in stack.of(token):
            yield from _joined(stack, resource, ends)


def _joined(stack: Stack, resource: Resource, ends: tuple[End, ...]) -> Iterator[Finding]:
    whose: list[tuple[Resource, Plain]] = []
    for end in ends:
        for reference in references(stack, resource, end.name, (end.type,), identifiers=end.identifiers):
            own = [one for one in reference.found if one.declared]
            yield from _is_own(reference, own, resource)
            whose += [(one, app) for one in own if (app := _app(one)) is not None]
    unknown = [one for one, app in whose if app is UNKNOWN]
    if len({app for _, app in whose if isinstance(app, str)}) > 1:
        yield Fail((ends[-1].name,), "joins networks of different apps", urn=resource.urn)
    elif unknown and len(whose) > 1:
        yield Unknown(("tags",), unknown[0].urn)


def _is_own(reference: Reference, own: list[Resource], resource: Resource) -> Iterator[Finding]:
    if reference.unknown:
        yield Unknown(reference.path, resource.urn)
    elif not own:
        yield Fail(reference.path, "names something that this stack does not declare, so not its own", urn=resource.urn)


def _app(resource: Resource) -> Plain:
    """Whose it is by a tag of its own; None without one: the provider's are one app's, the stack's."""
    return next((value for _, value in within(resource.properties, ("tags", "app"))), None)


def peering_routes_narrow(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 9: a route over a peering leads to no more than one network can hold."""
    del context
    if resource.type == ROUTE:
        yield from _route(resource.properties, (), ROUTE_RANGES)
        return
    for path, route in each(resource.properties.get(ROUTES), (ROUTES,)):
        if route is UNKNOWN:
            yield Unknown(path)
        elif isinstance(route, dict):
            yield from _route(route, path, ("cidrBlock", "ipv6CidrBlock"))
        else:
            yield Fail(path, "cannot be read as a route")


def _route(route: Properties, path: Path, ranges: tuple[str, ...]) -> Iterator[Finding]:
    via = route.get(VIA)
    if via in (None, ""):
        return
    findings = [finding for name in ranges for finding in _narrow(route.get(name), (*path, name))]
    if route.get(LIST) not in (None, ""):
        findings.append(Fail((*path, LIST), "is a list of ranges, of which nothing can be seen here"))
    if findings and via is UNKNOWN:
        yield Unknown((*path, VIA))
    else:
        yield from findings


def _narrow(value: Plain, path: Path) -> Iterator[Finding]:
    if value is UNKNOWN:
        yield Unknown(path)
    elif value not in (None, ""):
        found = network(value)
        if found is None:
            yield Fail(path, "cannot be read as an address range")
        elif found.prefixlen < WIDEST[found.version]:
            yield Fail(path, "is wider than any network that is peered", found=str(found))
