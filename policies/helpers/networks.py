"""Address ranges: what a text says, and how much of the public internet several of them cover together."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from policies.model import Plain

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Span: TypeAlias = tuple[int, int]

WORLD_SHARE: Final = 1 / 16
"""From this share of a version's public addresses on, several ranges count as the world.

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


def network(value: Plain) -> Network | None:
    """The range that `value` writes out (host bits may be set, as AWS takes it); None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def public_share(networks: Sequence[Network]) -> float:
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


def is_world(networks: Sequence[Network]) -> bool:
    """Whether ranges of one version are, together, as good as everywhere."""
    return public_share(networks) >= WORLD_SHARE


def inside(part: Network, wholes: Iterable[Network]) -> bool:
    """Whether `wholes` cover every address of `part` together."""
    same = [whole for whole in wholes if whole.version == part.version]
    reached, end = _span(part)
    for first, last in sorted(map(_span, same)):
        if first > reached:
            break
        reached = max(reached, last)
    return reached >= end


def private(candidate: Network) -> bool:
    """Whether no address of it is public."""
    return public_share([candidate]) == 0.0
