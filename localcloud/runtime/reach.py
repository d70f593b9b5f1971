"""What a copy may reach, decided from plain data alone: interfaces, security groups, databases and VPC endpoints.

Rules are read as on AWS: both sides must admit, whatever is not admitted is refused, and a rule's peer is a range of
addresses, a security group of the other side, or a prefix list. Replies need no rule.
https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Place = tuple[str, int]
TCP: Final = frozenset({"tcp", "-1"})
EVERY_PROTOCOL: Final = "-1"
HTTPS: Final = 443
ANYWHERE: Final = "0.0.0.0/0"
# Where a copy finds the API of the cloud, inside its own network: databases have no address in this last block.
API: Final[Place] = ("127.255.0.1", 4443)


@dataclass(frozen=True)
class Rule:
    """One rule of a security group. `peer`: an IPv4 range, the id of a security group, or that of a prefix list.

    The ports do not count where `protocol` is "-1", which is all of them.
    """

    protocol: str
    low: int
    high: int
    peer: str

    def about(self, port: int) -> bool:
        """Whether it speaks of a TCP port."""
        return self.protocol == EVERY_PROTOCOL or (self.protocol in TCP and self.low <= port <= self.high)


@dataclass(frozen=True)
class Group:
    """A security group's rules."""

    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Interface:
    """Where something stands: its VPC, the IPv4 ranges of the subnets that it may be in, its security groups."""

    vpc: str
    ranges: tuple[str, ...]
    groups: tuple[str, ...]
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Database:
    """A server that takes connections. `place`: the address and port that the cloud tells of it."""

    key: str
    place: Place
    at: Interface


@dataclass(frozen=True)
class Endpoint:
    """A VPC's interface endpoint for an API, named as in `com.amazonaws.<region>.<service>`."""

    service: str
    at: Interface


@dataclass(frozen=True)
class Gateway:
    """A VPC's gateway endpoint: for the subnets whose routes name it. `prefixes`: the prefix list of the service."""

    service: str
    vpc: str
    subnets: frozenset[str]
    prefixes: str


@dataclass(frozen=True)
class World:
    """What is declared in one account and region."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    databases: Sequence[Database] = ()
    endpoints: Sequence[Endpoint] = ()
    gateways: Sequence[Gateway] = ()


@dataclass(frozen=True)
class Reach:
    """What one copy may reach: databases by place, and APIs by their endpoints' service names."""

    databases: Mapping[Place, str] = field(default_factory=dict)
    services: frozenset[str] = frozenset()

    @property
    def places(self) -> frozenset[Place]:
        """Where, inside its own network, there is something for it."""
        return frozenset(self.databases) | ({API} if self.services else frozenset())


NOTHING: Final = Reach()


def reach(copy: Interface, world: World) -> Reach:
    """What a copy at an interface may reach."""
    databases = {each.place: each.key for each in world.databases if _joined(copy, each.at, each.place[1], world)}
    services = {each.service for each in world.endpoints if _joined(copy, each.at, HTTPS, world)}
    return Reach(databases, frozenset(services | {each.service for each in _routed(copy, world)}))


def _joined(copy: Interface, other: Interface, port: int, world: World) -> bool:
    """Whether both sides' groups admit a connection from a copy to a port in the same VPC."""
    out = [rule for group in copy.groups for rule in world.groups.get(group, Group()).egress]
    back = [rule for group in other.groups for rule in world.groups.get(group, Group()).ingress]
    return copy.vpc == other.vpc and _admits(out, port, other) and _admits(back, port, copy)


def _admits(rules: Iterable[Rule], port: int, peer: Interface) -> bool:
    """Whether rules admit a port for a peer, wherever in its subnets it may be."""
    about = [rule.peer for rule in rules if rule.about(port)]
    if any(each in peer.groups for each in about):
        return True
    admitted = [network for each in about if (network := _network(each))]
    return bool(peer.ranges) and all(_held(each, admitted) for each in peer.ranges)


def _held(range_: str, networks: Iterable[ipaddress.IPv4Network]) -> bool:
    inner = _network(range_)
    return inner is not None and any(inner.subnet_of(each) for each in networks)


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _routed(copy: Interface, world: World) -> Iterable[Gateway]:
    """The gateway endpoints that a copy's routes lead to and its groups let it use; a gateway has no groups itself."""
    out = {rule.peer for id in copy.groups for rule in world.groups.get(id, Group()).egress if rule.about(HTTPS)}
    return [
        each
        for each in world.gateways
        if each.vpc == copy.vpc
        and bool(copy.subnets)
        and each.subnets.issuperset(copy.subnets)
        and not out.isdisjoint({each.prefixes, ANYWHERE} - {""})
    ]
