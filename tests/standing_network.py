"""A network that stands already, as the provider tells of it, and a spec whose staging adopts it."""

from collections.abc import Mapping
from typing import Any

from component_mocks import spec_of

from factory.spec import AppSpec

VPC = "vpc-0a1b2c3d4e5f60718"
SUBNETS = ("subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719")
CIDR = "10.90.0.0/20"
GROUP = "sg-0a1b2c3d4e5f60718"
EXISTING = {"vpc": VPC, "subnets": list(SUBNETS), "cidr": CIDR}


def adopting(**changes: Any) -> AppSpec:
    """The good spec with one of everything, whose staging stands in that network."""
    network = {"existing": EXISTING | changes}
    return spec_of(environments={"build": {}, "staging": {"network": network}, "production": {}})


def _subnet(asked: Mapping[str, Any]) -> dict[str, Any]:
    zone = f"eu-central-1{'ab'[SUBNETS.index(asked['id'])]}"
    return {"id": asked["id"], "vpcId": VPC, "availabilityZone": zone, "mapPublicIpOnLaunch": False}


def _endpoint(asked: Mapping[str, Any]) -> dict[str, Any]:
    gateway = asked["serviceName"].endswith(".s3")
    return {
        "securityGroupIds": [] if gateway else [GROUP],
        "privateDnsEnabled": not gateway,
        "prefixListId": "pl-6ea54007" if gateway else "",
    }


STANDING: dict[str, Any] = {
    "aws:ec2/getVpc:getVpc": {"id": VPC, "cidrBlock": CIDR, "enableDnsSupport": True, "enableDnsHostnames": True},
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:ec2/getVpcEndpoint:getVpcEndpoint": _endpoint,
}
