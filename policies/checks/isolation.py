"""Isolation: who can reach what over the network."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each, members

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Span: TypeAlias = tuple[int, int]

SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
SECURITY_GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

WORLD_SHARE: Final = 1 / 16
"""From this share of a version's public addresses on, a resource's sources count as the world.

Our choice: about sixteen IANA blocks of IPv4 (one is a /8) or thirty-two of IPv6 (a /12), so that an allow-list of
networks somebody owns passes, and 0.0.0.0/0 with holes punched into it does not.
"""


# Source: IANA IPv4 special-purpose registry, its blocks of /16 and wider, and multicast and reserved (224/3).
NOT_PUBLIC: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)


def _span(network: Network) -> Span:
    first = int(network.network_address)
    return first, first + network.num_addresses


def _between(holes: Iterable[Span]) -> Iterator[Span]:
    """The gaps before and between sorted `holes`."""
    start = 0
    for first, end in holes:
        if first > start:
            yield start, first
        start = end


PUBLIC: Final[dict[int, tuple[Span, ...]]] = {
    4: tuple(_between(_span(ipaddress.ip_network(hole)) for hole in NOT_PUBLIC)),
    # Source: RFC 4291, section 2.4: what is assigned as global unicast.
    6: (_span(ipaddress.ip_network("2000::/3")),),
}


def no_world_ingress(resource_type: str, properties: Properties) -> Iterator[Finding]:
    """Control 5: no source range, and no sum of source ranges, that lets the world in, on any port."""
    readable: list[Network] = []
    root: Path = ()
    failed = False
    for path, value in _SOURCES[resource_type](properties):
        root = root or path[:1]
        if value is UNKNOWN:
            yield Unknown(path)
            continue
        network = _network(value)
        if network is None:
            failed = True
            yield Fail(path, "cannot be read as an address range")
        elif _share([network]) >= WORLD_SHARE:
            failed = True
            yield Fail(path, _message([network]), found=str(value))
        else:
            readable.append(network)
    for version in (4, 6):
        together = [network for network in readable if network.version == version]
        if not failed and _share(together) >= WORLD_SHARE:
            yield Fail(root, _message(together), found=", ".join(map(str, together)))


def _group_sources(properties: Properties) -> Iterator[tuple[Path, Plain]]:
    for path, rule in each(properties.get("ingress"), ("ingress",)):
        if rule is UNKNOWN:
            yield path, rule
        for name in ("cidrBlocks", "ipv6CidrBlocks"):
            for place, value in members(rule, name, path):
                yield from each(value, place)


def _rule_sources(properties: Properties) -> Iterator[tuple[Path, Plain]]:
    direction = properties.get("type")
    if direction == "egress":
        return
    for name in ("cidrBlocks", "ipv6CidrBlocks"):
        for path, value in each(properties.get(name), (name,)):
            # A range that would fail fails only once the rule is known to be one for ingress.
            yield (("type",), UNKNOWN) if direction is UNKNOWN else (path, value)


def _ingress_rule_sources(properties: Properties) -> Iterator[tuple[Path, Plain]]:
    for name in ("cidrIpv4", "cidrIpv6"):
        yield from each(properties.get(name), (name,))


_SOURCES: Final[dict[str, Callable[[Properties], Iterator[tuple[Path, Plain]]]]] = {
    SECURITY_GROUP: _group_sources,
    SECURITY_GROUP_RULE: _rule_sources,
    INGRESS_RULE: _ingress_rule_sources,
}


def _network(value: Plain) -> Network | None:
    if not isinstance(value, str):
        return None
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def _share(networks: list[Network]) -> float:
    """Share of the public addresses of their (one) version that `networks` cover together, 0 to 1."""
    if not networks:
        return 0.0
    public = PUBLIC[networks[0].version]
    covered = 0
    reached = 0
    for first, end in sorted(map(_span, networks)):
        # Sorted by first address: what lies before `reached` has been counted.
        start = max(first, reached)
        covered += sum(max(0, min(end, stop) - max(start, begin)) for begin, stop in public)
        reached = max(reached, end)
    return covered / sum(stop - begin for begin, stop in public)


def _message(networks: list[Network]) -> str:
    percent = 100 * _share(networks)
    together = "together " if len(networks) > 1 else ""
    return f"{together}lets in {percent:.0f} % of the public IPv{networks[0].version} addresses"
