"""Isolation: what a managed service opens unless it is told not to."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.blocks import must_be_off, within
from policies.helpers.networks import is_world, network
from policies.helpers.values import judged
from policies.model import UNKNOWN, Fail, Finding, Path, Unknown
from policies.resources import Resource

EKS: Final = "aws:eks/cluster:Cluster"
GKE: Final = "gcp:container/cluster:Cluster"
PROJECT: Final = "gcp:organizations/project:Project"
PRIVATE: Final = "privateClusterConfig"
AUTHORIZED: Final = "masterAuthorizedNetworksConfig"
ENDPOINTS: Final = "controlPlaneEndpointsConfig"
CONTROL_PLANE_READS: Final[dict[str, tuple[str, ...]]] = {EKS: ("vpcConfig",), GKE: (PRIVATE, AUTHORIZED, ENDPOINTS)}
PROJECT_READS: Final[dict[str, tuple[str, ...]]] = {PROJECT: ("autoCreateNetwork",)}


def control_plane_private(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 11: the API of a cluster has no address outside of its network."""
    del context
    if resource.type == EKS:
        yield from _must_be(resource, ("vpcConfig", "endpointPublicAccess"), False, "has a public endpoint")
    else:
        yield from _google(resource)


def _google(resource: Resource) -> Iterator[Finding]:
    properties = resource.properties
    # Only the name in DNS is left then, and whether that leads in from outside is asked below.
    addresses = list(within(properties, (ENDPOINTS, "ipEndpointsConfig", "enabled")))
    if not addresses or any(value is not False for _, value in addresses):
        unknown = [path for path, value in addresses if value is UNKNOWN]
        private = list(_must_be(resource, (PRIVATE, "enablePrivateEndpoint"), True, "leaves the endpoint public"))
        yield from [Unknown(unknown[0])] if private and unknown else private
    outside = (ENDPOINTS, "dnsEndpointConfig", "allowExternalTraffic")
    yield from must_be_off(properties, outside, "lets traffic from outside reach the endpoint by its name")
    for path, value in within(properties, (AUTHORIZED, "cidrBlocks", "cidrBlock")):
        found = network(value)
        if value is UNKNOWN:
            yield Unknown(path)
        elif found is None:
            yield Fail(path, "cannot be read as an address range")
        elif is_world([found]):
            yield Fail(path, "lets everybody reach the endpoint", found=str(found))


def no_default_network(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 14: a project comes without the network that is open to itself and to the world's SSH."""
    del context
    yield from _must_be(resource, ("autoCreateNetwork",), False, "makes a default network")


def _must_be(resource: Resource, names: Path, wanted: bool, message: str) -> Iterator[Finding]:
    """A flag whose default is the wrong one: it must be there, and be right."""
    found = list(within(resource.properties, [str(name) for name in names]))
    # A provider takes the text too.
    yield from judged(found, lambda value: value is wanted or value == str(wanted).lower(), message)
    if not found:
        yield Fail(names, f"{message} unless it is said otherwise")
