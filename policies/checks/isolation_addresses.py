"""Isolation: machines, containers and subnets that give out public addresses."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.blocks import is_off, must_be_off, within
from policies.model import UNKNOWN, Fail, Finding, Properties, Unknown
from policies.resources import Resource

DEFAULT_SUBNET: Final = "aws:ec2/defaultSubnet:DefaultSubnet"
MACHINES: Final = ("aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest")
MAPS: Final = "mapPublicIpOnLaunch"
ASSOCIATES: Final = "associatePublicIpAddress"
_TASK: Final = ("networkConfiguration", "assignPublicIp")

# Where a flag gives out public addresses.
FLAGS: Final[dict[str, tuple[str, ...]]] = {
    "aws:ec2/subnet:Subnet": (MAPS,),
    DEFAULT_SUBNET: (MAPS,),
    **dict.fromkeys(MACHINES, (ASSOCIATES,)),
    "aws:ec2/launchTemplate:LaunchTemplate": ("networkInterfaces", ASSOCIATES),
    "aws:ec2/launchConfiguration:LaunchConfiguration": (ASSOCIATES,),
    "aws:ecs/service:Service": _TASK,
    "aws:ecs/taskSet:TaskSet": _TASK,
    "aws:cloudwatch/eventTarget:EventTarget": ("ecsTarget", *_TASK),
    "aws:scheduler/schedule:Schedule": ("target", "ecsParameters", *_TASK),
}
# Whom an elastic address is given to. One for a NAT gateway or a balancer names neither.
ELASTIC: Final[dict[str, tuple[str, ...]]] = {
    "aws:ec2/eip:Eip": ("instance", "networkInterface"),
    "aws:ec2/eipAssociation:EipAssociation": ("instanceId", "networkInterfaceId"),
}
GCP_MACHINES: Final = ("gcp:compute/instance:Instance", "gcp:compute/instanceTemplate:InstanceTemplate")
# Not among the kinds that are held against the published SDK, hence by their beginning.
GCP_MORE: Final = ("gcp:compute/regionInstanceTemplate:", "gcp:compute/instanceFromTemplate:")
GCP_ADDRESSES: Final = ("accessConfigs", "ipv6AccessConfigs")
# Any of them says where an instance stands.
PLACES: Final = ("subnetId", "networkInterfaces", "primaryNetworkInterface", "launchTemplate")

PUBLIC_READS: Final[dict[str, tuple[str, ...]]] = {
    **{token: (names[0],) for token, names in FLAGS.items()},
    **dict.fromkeys(MACHINES, (ASSOCIATES, *PLACES)),
    MACHINES[1]: (ASSOCIATES, "subnetId", "networkInterfaces", "launchTemplate"),
    **ELASTIC,
    **dict.fromkeys(GCP_MACHINES, ("networkInterfaces",)),
    **{f"{start}*": ("networkInterfaces",) for start in GCP_MORE},
}


def no_public_addresses(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 10: nothing gets a public address: not by a flag, nor by being left where flags are set."""
    del context
    if resource.type in ELASTIC:
        yield from _elastic(resource)
    elif resource.type in FLAGS:
        yield from must_be_off(resource.properties, FLAGS[resource.type], "gives out public addresses")
        yield from _by_default(resource)
    else:
        yield from _on_google(resource)


def _by_default(resource: Resource) -> Iterator[Finding]:
    """A default subnet gives out public addresses until it is told not to, and so does standing in one."""
    properties = resource.properties
    if resource.type == DEFAULT_SUBNET and properties.get(MAPS) is None:
        yield Fail((MAPS,), "is not said, and a default subnet gives out public addresses")
    elif resource.type in MACHINES and properties.get(ASSOCIATES) is None:
        yield from _placed(properties)


def _placed(properties: Properties) -> Iterator[Finding]:
    said = {name: value for name in PLACES if (value := properties.get(name)) not in (None, "", [])}
    if not said:
        yield Fail(("subnetId",), "is not said: it stands in a default subnet, which gives out public addresses")
    elif all(value is UNKNOWN for value in said.values()):
        # What is not known yet may turn out to say nothing.
        yield from (Unknown((name,)) for name in said)


def _elastic(resource: Resource) -> Iterator[Finding]:
    for name in ELASTIC[resource.type]:
        value = resource.properties.get(name)
        if value is UNKNOWN:
            yield Unknown((name,))
        elif not is_off(value):
            yield Fail((name,), "is given a public address")


def _on_google(resource: Resource) -> Iterator[Finding]:
    for name in GCP_ADDRESSES:
        # Also one that says nothing: Google then picks an address.
        for path, value in within(resource.properties, ("networkInterfaces", name)):
            yield Unknown(path) if value is UNKNOWN else Fail(path, "gives the machine a public address")
