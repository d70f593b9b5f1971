"""Which database servers a service's copies may reach, as its security groups and theirs say: a pure decision."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# An address of this machine, and a port: where the local cloud serves an instance.
Way = tuple[str, int]
ALL = "-1"
TCP = "tcp"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a security group. `source`: another group (for egress: the destination); `cidr`: an IPv4 range."""

    protocol: str
    low: int | None = None
    high: int | None = None
    cidr: str = ""
    source: str = ""

    def covers(self, port: int) -> bool:
        """Whether the rule is about TCP at this port."""
        if self.protocol == ALL:
            return True
        return self.protocol == TCP and self.low is not None and self.high is not None and self.low <= port <= self.high

    def means(self, end: "End") -> bool:
        """Whether the other end is the one that the rule names, wholly."""
        if self.source:
            return self.source in end.groups
        return bool(self.cidr and end.ranges) and all(_holds(self.cidr, each) for each in end.ranges)


@dataclass(frozen=True, kw_only=True)
class Group:
    """The rules of one security group."""

    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a connection: its network, the ranges of its subnets, and its security groups."""

    network: str
    ranges: tuple[str, ...]
    groups: frozenset[str]


NOWHERE = End(network="", ranges=(), groups=frozenset())


@dataclass(frozen=True, kw_only=True)
class Server:
    """One database server that takes connections at `way`."""

    way: Way
    end: End = field(default=NOWHERE)


def ways(copy: End, servers: Iterable[Server], groups: Mapping[str, Group]) -> frozenset[Way]:
    """The servers of the copy's own network that it may reach: a rule of its groups lets it out, one of theirs in."""
    return frozenset(server.way for server in servers if _admitted(copy, server, groups))


def _admitted(copy: End, server: Server, groups: Mapping[str, Group]) -> bool:
    port = server.way[1]
    out = (rule for group in copy.groups if group in groups for rule in groups[group].egress)
    into = (rule for group in server.end.groups if group in groups for rule in groups[group].ingress)
    return (
        bool(copy.network)
        and copy.network == server.end.network
        and any(rule.covers(port) and rule.means(server.end) for rule in out)
        and any(rule.covers(port) and rule.means(copy) for rule in into)
    )


def _holds(outer: str, inner: str) -> bool:
    return ipaddress.IPv4Network(inner, strict=False).subnet_of(ipaddress.IPv4Network(outer, strict=False))
