"""The one way out that a network may have: the egress proxy's, and of what there is exactly that."""

from collections.abc import Iterable, Iterator

from stacks.isolation.ownership import Owned
from stacks.isolation.records import Kind, Resource

IN, BEHIND, RUNS, HAS, ASSOCIATED = "in subnet", "behind security group", "runs", "has interface", "associated with"
# What is told of as in a subnet or behind a group, and is nobody there.
_PLACES = frozenset({Kind.ROUTE_TABLE, Kind.FIREWALL_RULE, Kind.DATABASE_NETWORK})
EVERYWHERE = ("0.0.0.0/0",)
# How the ids of Internet gateways begin.
INTERNET = "igw-"


class Ways:
    """Who runs the proxy, and where it is alone."""

    def __init__(self, owned: Owned) -> None:
        self._owned = owned
        self._inhabitants: dict[str, list[Resource]] = {}
        for resource in owned.cloud.resources:
            for reference in resource.refers:
                if reference.how in (IN, BEHIND) and resource.kind not in _PLACES:
                    self._inhabitants.setdefault(reference.target, []).append(resource)
        self._proxies = set(self._with_interfaces(filter(self._runs_the_proxy, owned.cloud.resources)))
        gateways = (each for each in owned.cloud.resources if each.kind is Kind.GATEWAY and _named(each, IN))
        self._gateways = set(self._with_interfaces(gateways))

    def is_the_proxys_rule(self, rule: Resource) -> bool:
        """Whether it lets the proxy alone out to everywhere: which host that is, the proxy decides."""
        return rule.outward and rule.ranges == EVERYWHERE and self._alone(self._proxies, [rule.part_of])

    def is_the_proxys_route(self, route: Resource, gateway: Resource) -> bool:
        """Whether it leads from where the proxy alone stands to a NAT gateway, or from that one's subnet on."""
        table = self._owned.named.get(route.part_of or "")
        # One that is a part of its network is the main one, and for every subnet that has no other.
        if table is None or table.part_of is not None:
            return False
        subnets = _named(table, ASSOCIATED)
        if gateway.id in self._gateways:
            return self._alone(self._proxies, subnets)
        return gateway.id.startswith(INTERNET) and self._alone(self._gateways, subnets)

    def _alone(self, ids: set[str], places: Iterable[str | None]) -> bool:
        """Whether each place has inhabitants, and all of them are among these."""
        there = [self._inhabitants.get(place or "", []) for place in places]
        return bool(there) and all(each and all(one.id in ids for one in each) for each in there)

    def _runs_the_proxy(self, resource: Resource) -> bool:
        run = [self._owned.named.get(target) for target in _named(resource, RUNS)]
        running = resource.kind in (Kind.SERVICE, Kind.TASK) and bool(run)
        return running and all(each is not None and each.egress_proxy for each in run)

    def _with_interfaces(self, resources: Iterable[Resource]) -> Iterator[str]:
        for resource in resources:
            yield resource.id
            yield from _named(resource, HAS)


def _named(resource: Resource, how: str) -> list[str]:
    return [each.target for each in resource.refers if each.how == how]
