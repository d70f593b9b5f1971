"""Which addresses are anybody's on the Internet: an allowed name must lead to these and to no others."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import psutil

# The addresses of a name, as text; the port is where one of them will be connected to. Raises OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
# Whether an address may be connected to.
Public = Callable[[str], bool]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# All that is given out of IPv6. Outside of it lie mapped and translated IPv4 (::ffff:0:0/96, 64:ff9b::/96,
# 64:ff9b:1::/48), unique local, link-local and multicast addresses.
# https://www.iana.org/assignments/ipv6-address-space
GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
# What `is_global` of some Python lets pass: ranges that lead to another address inside of them, special purposes,
# documentation, and what answers on every machine of one cloud.
# https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry
NEVER: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)


def public(address: str) -> bool:
    """Whether it is a host's own address on the Internet, and none of this machine's."""
    return internet(address) and address not in _own()


def internet(address: str) -> bool:
    """Whether it is a host's own address on the Internet. False for what is no address, or one with a zone."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and (found.scope_id or found not in GLOBAL_UNICAST):
        return False
    return found.is_global and not any(found in network for network in NEVER)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as this machine's resolver knows them. Raises OSError."""
    # The final dot: no search domain of this machine is tried.
    found = await asyncio.get_running_loop().getaddrinfo(f"{host}.", port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def _own() -> set[str]:
    """Through a public address of its own this machine would reach what listens for its neighbours only."""
    return {address.address for found in psutil.net_if_addrs().values() for address in found}
