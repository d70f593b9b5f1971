"""Isolation: who can reach what over the network."""

from collections.abc import Iterator

from policies.context import Context
from policies.helpers.firewalls import INGRESS, ranges
from policies.helpers.networks import Network, is_world, network, public_share
from policies.model import UNKNOWN, Fail, Finding, Path, Unknown
from policies.resources import Resource


def no_world_ingress(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 5: no source range, and no sum of source ranges, that lets the world in, on any port."""
    del context
    readable: list[Network] = []
    root: Path = ()
    failed = False
    for path, value in ranges(resource, INGRESS):
        root = root or path[:1]
        if value is UNKNOWN:
            yield Unknown(path)
            continue
        found = network(value)
        if found is None:
            failed = True
            yield Fail(path, "cannot be read as an address range")
        elif is_world([found]):
            failed = True
            yield Fail(path, _message([found]), found=str(value))
        else:
            readable.append(found)
    for version in (4, 6):
        together = [one for one in readable if one.version == version]
        if not failed and is_world(together):
            yield Fail(root, _message(together), found=", ".join(map(str, together)))


def _message(networks: list[Network]) -> str:
    percent = 100 * public_share(networks)
    together = "together " if len(networks) > 1 else ""
    return f"{together}lets in {percent:.0f} % of the public IPv{networks[0].version} addresses"
