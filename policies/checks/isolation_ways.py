"""Isolation: the ways out of a network, which only the egress proxy may have.

What its component makes may lead anywhere, and is held here to what it is: routes from where nobody but the proxy
stands, and rules of a group that nobody but the proxy has.
"""

import re
from collections.abc import Iterator
from typing import Final

from factory.egress_service import is_proxy
from policies.checks import isolation_groups
from policies.checks.isolation_peering import LIST, ROUTE, ROUTE_RANGES, ROUTES, TABLES
from policies.context import Context
from policies.helpers.firewalls import EGRESS_RULE, GROUP, INGRESS_RULE, RULE
from policies.helpers.networks import Network, inside, network, private
from policies.helpers.references import references
from policies.helpers.tasks import TASK_DEFINITION, task_of
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each, has_unknown
from policies.resources import Resource, Stack

PROXY: Final = "millwright:aws:EgressProxy"
SERVICE: Final = "aws:ecs/service:Service"
SUBNET: Final = "aws:ec2/subnet:Subnet"
NAT: Final = "aws:ec2/natGateway:NatGateway"
JOINED: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN: Final = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
VIA_NAT: Final = "natGatewayId"
VIA_INTERNET: Final = "gatewayId"
# What leads out to the Internet, or through a provider's own edge.
OUTWARD: Final = (VIA_INTERNET, VIA_NAT, "egressOnlyGatewayId", "carrierGatewayId")
RULES: Final = (RULE, INGRESS_RULE, EGRESS_RULE)
# Where resources say in which subnet or group they stand.
PLACES: Final = re.compile("subnet|securitygroup|network|vpcconfig", re.IGNORECASE)

WAY_READS: Final[dict[str, tuple[str, ...]]] = {
    **isolation_groups.DESTINATION_READS,
    EGRESS_RULE: ("cidrIpv4", "cidrIpv6", "ipProtocol", "fromPort", "toPort", "securityGroupId"),
    INGRESS_RULE: ("cidrIpv4", "cidrIpv6", "prefixListId", "securityGroupId"),
    ROUTE: (*ROUTE_RANGES, LIST, *OUTWARD, "routeTableId"),
    **dict.fromkeys(TABLES, (ROUTES,)),
    JOINED: ("routeTableId", "subnetId"),
    SERVICE: ("networkConfiguration", "taskDefinition"),
    TASK_DEFINITION: ("containerDefinitions",),
}


def egress_listed(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 6: no destination outside of private networks that policies.yaml does not list; the proxy's aside."""
    if resource.type in (ROUTE, *TABLES):
        if not _of_the_proxy(resource):
            allowed = [found for found in map(network, context.settings.egress) if found is not None]
            for path, route, ranges in _routes(resource):
                yield from _led_out(route, path, ranges, allowed)
    elif not (_of_the_proxy(resource) and _one_port(resource)):
        yield from isolation_groups.egress_listed(resource, context)


def proxy_alone(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 6: what the proxy's component lets out is let out for the proxy, and for nothing else."""
    ways = _Ways(stack)
    for rule in stack.of(EGRESS_RULE):
        if _of_the_proxy(rule) and _one_port(rule) and any(isolation_groups.egress_listed(rule, context)):
            yield from ways.rule(rule)
    for resource in stack.of(ROUTE, *TABLES):
        if _of_the_proxy(resource):
            yield from ways.routes(resource)
    yield from ways.entered()


def _of_the_proxy(resource: Resource) -> bool:
    """Whether its component says that it made it: then `proxy_alone` judges it."""
    return any(kinds.rpartition("$")[2] == PROXY for kinds in resource.parent.split("::")[2:3])


def _one_port(rule: Resource) -> bool:
    """Whether it is a rule to an IPv4 range at one port of TCP, as the proxy's are."""
    get = rule.properties.get
    port = get("fromPort")
    one = rule.type == EGRESS_RULE and get("ipProtocol") == "tcp" and isinstance(port, int | float)
    return one and get("toPort") == port and get("cidrIpv6") in (None, "")


def _routes(resource: Resource) -> Iterator[tuple[Path, Plain, tuple[str, ...]]]:
    """Each route that a resource declares, and what its ranges are called there."""
    if resource.type == ROUTE:
        yield (), resource.properties, ROUTE_RANGES
        return
    for path, route in each(resource.properties.get(ROUTES), (ROUTES,)):
        yield path, route, ("cidrBlock", "ipv6CidrBlock")


def _led_out(route: Plain, path: Path, ranges: tuple[str, ...], allowed: list[Network]) -> Iterator[Finding]:
    if route is UNKNOWN:
        yield Unknown(path)
        return
    if not isinstance(route, dict):
        yield Fail(path, "cannot be read as a route")
        return
    via = [name for name in OUTWARD if route.get(name) not in (None, "", "local")]
    findings = [one for name in ranges for one in _destination(route.get(name), (*path, name), allowed)]
    if route.get(LIST) not in (None, ""):
        findings.append(Fail((*path, LIST), "is a list of ranges, of which nothing can be seen here"))
    if via and findings:
        known = [name for name in via if route.get(name) is not UNKNOWN]
        yield from findings if known else (Unknown((*path, via[0])),)


def _destination(value: Plain, path: Path, allowed: list[Network]) -> Iterator[Finding]:
    if value in (None, ""):
        return
    found = network(value)
    if value is UNKNOWN:
        yield Unknown(path)
    elif found is None:
        yield Fail(path, "cannot be read as an address range")
    elif not private(found) and not inside(found, allowed):
        message = "is a way out of the network to where egress in policies.yaml does not list"
        yield Fail(path, message, found=str(found))


class _Ways:
    """What of a stack is the proxy's, and who else is there."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        run = [(id(one), self._runs_the_proxy(one)) for one in stack.of(SERVICE)]
        self._proxies = {one for one, certain in run if certain}
        self._perhaps = {one for one, certain in run if certain is None}

    def rule(self, rule: Resource) -> Iterator[Finding]:
        """A rule of the component's that leads anywhere: its group is the proxy's own."""
        place = ("cidrIpv4",)
        for reference in references(self._stack, rule, "securityGroupId", (GROUP,)):
            if reference.unknown:
                yield Unknown(reference.path, rule.urn)
                continue
            certain, perhaps = self._inhabitants(reference.found)
            others = [one for one in certain if id(one) not in self._proxies | self._perhaps]
            if others or not (certain or perhaps):
                yield Fail(place, "lets out what is not the egress proxy", urn=rule.urn, found=_text(rule, place))
            elif perhaps or any(id(one) in self._perhaps for one in certain):
                yield Unknown(place, rule.urn)

    def routes(self, resource: Resource) -> Iterator[Finding]:
        """Routes of the component's: from the proxy's subnet to a NAT gateway, from that one's to the Internet."""
        for path, route, _ in _routes(resource):
            if not isinstance(route, dict):
                yield Unknown(path, resource.urn) if route is UNKNOWN else Fail(path, "is no route", urn=resource.urn)
                continue
            for via in OUTWARD:
                if route.get(via) not in (None, "", "local"):
                    yield from self._route(resource, (*path, via), via)

    def entered(self) -> Iterator[Finding]:
        """Who reaches the proxy is told apart by group, so a range lets in somebody whom nobody can tell."""
        if not self._proxies and not self._perhaps:
            return
        for rule in self._stack.of(INGRESS_RULE):
            named = [one for one in ("cidrIpv4", "cidrIpv6", "prefixListId") if rule.properties.get(one)]
            for reference in references(self._stack, rule, "securityGroupId", (GROUP,)) if named else ():
                certain, perhaps = self._inhabitants(reference.found)
                known = rule.properties.get(named[0]) is not UNKNOWN
                if known and any(id(one) in self._proxies for one in certain):
                    yield Fail((named[0],), "lets a range reach the proxy, which tells who asks by group", urn=rule.urn)
                elif perhaps or reference.unknown or any(id(one) in self._proxies | self._perhaps for one in certain):
                    yield Unknown((named[0],), rule.urn)

    def _route(self, resource: Resource, path: Path, via: str) -> Iterator[Finding]:
        tables = [resource] if resource.type in TABLES else []
        for reference in references(self._stack, resource, "routeTableId", TABLES) if not tables else ():
            tables += reference.found
        subnets = [subnet for table in tables for subnet in self._under(table)]
        if not tables or via not in (VIA_NAT, VIA_INTERNET) or None in subnets or self._is_main(tables):
            yield Fail(path, "leads out of more than the egress proxy's own subnet", urn=resource.urn)
            return
        certain, perhaps = self._inhabitants([one for one in subnets if isinstance(one, Resource)])
        alone = {id(one) for one in certain if one.type == NAT} if via == VIA_INTERNET else self._proxies
        wrong = [one for one in certain if id(one) not in alone]
        unsure = perhaps or UNKNOWN in subnets or any(id(one) in self._perhaps for one in wrong)
        if any(id(one) not in self._perhaps for one in wrong):
            yield Fail(path, f"leads out of where {wrong[0].name} stands, too", urn=resource.urn)
        elif unsure:
            yield Unknown(path, resource.urn)

    def _under(self, table: Resource) -> Iterator["Resource | Plain"]:
        """The subnets that a table is for; None for one that this stack does not declare."""
        for joined in self._stack.of(JOINED):
            known = [one for one in references(self._stack, joined, "routeTableId", TABLES) if one.may_name(table)]
            if not known:
                continue
            for subnet in references(self._stack, joined, "subnetId", (SUBNET,)):
                if known[0].unknown or subnet.unknown:
                    yield UNKNOWN
                yield from subnet.found or (() if subnet.unknown else (None,))

    def _is_main(self, tables: list[Resource]) -> bool:
        mains = [one for main in self._stack.of(MAIN) for one in references(self._stack, main, "routeTableId", TABLES)]
        return any(one.may_name(table) for one in mains for table in tables) or any(
            table.type != TABLES[0] for table in tables
        )

    def _inhabitants(self, places: "list[Resource] | tuple[Resource, ...]") -> tuple[list[Resource], bool]:
        """What stands in these subnets or groups, and whether something may that cannot be told yet."""
        certain, perhaps = [], False
        for resource in self._stack.resources:
            if not resource.declared or resource.type.startswith("millwright:") or resource.type in (*RULES, JOINED):
                continue
            uses = [_uses(resource, place) for place in places if place is not resource]
            if True in uses:
                certain.append(resource)
            perhaps = perhaps or (None in uses and True not in uses)
        return certain, perhaps

    def _runs_the_proxy(self, service: Resource) -> bool | None:
        """Whether the proxy is all that it runs; None: that cannot be told yet."""
        named = list(references(self._stack, service, "taskDefinition", (TASK_DEFINITION,)))
        tasks = [task_of(task.properties) for one in named for task in one.found]
        containers = [container for task in tasks for _, container in task.containers]
        if any(one.unknown for one in named) or any(
            isinstance(one, Unknown) for task in tasks for one in task.findings
        ):
            return None
        if any(has_unknown(container.get(part)) for container in containers for part in ("entryPoint", "image")):
            return None
        return bool(containers) and not any(task.findings for task in tasks) and all(map(is_proxy, containers))


def _uses(resource: Resource, place: Resource) -> bool | None:
    """Whether it names the place somewhere; None: that cannot be told yet."""
    called = place.value("id")
    perhaps: bool | None = False
    for name, value in resource.properties.items():
        origins = resource.property_dependencies.get(name, ())
        if place.urn in origins or (isinstance(called, str) and called and called in _strings(value)):
            return True
        if PLACES.search(name) and not origins and has_unknown(value):
            perhaps = None
    return perhaps


def _strings(value: Plain) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _text(resource: Resource, path: tuple[str]) -> str:
    properties: Properties = resource.properties
    return str(properties.get(path[0]))
