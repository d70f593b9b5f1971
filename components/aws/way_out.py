"""A way out of a network for what stands in one subnet, and for nothing else: two small subnets and what joins them.

What is made here is no component: it is a part of the proxy's.
"""

import ipaddress
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

from pulumi import Input, Resource, ResourceOptions
from pulumi_aws import ec2

ANYWHERE = "0.0.0.0/0"
# The smallest subnet and the smallest range that AWS gives a VPC: 16 addresses, five of which are its own.
# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
SUBNET_PREFIX = 28


class WayOutArgs(TypedDict):
    """What a way out is made from; the arguments of a proxy have these keys too."""

    network_id: Input[str]
    """Id of the VPC."""
    cidr: ipaddress.IPv4Network
    """A range that nothing else has, of 32 addresses at least: the VPC gets it beside its own."""
    zone: Input[str]
    """Availability zone of both subnets."""


class WayOut(NamedTuple):
    """The subnet from which it leads, and what has to be there before anybody goes."""

    subnet: ec2.Subnet
    ready: Sequence[Resource]


def way_out(logical: str, args: WayOutArgs, opts: ResourceOptions) -> WayOut:
    """The subnet of whoever may go out leads to a NAT gateway, and that one's to the Internet; no other route changes.

    The network's own range is taken up by its subnets, and stays as it is: what is here, comes and goes beside it.
    """
    added = ec2.VpcIpv4CidrBlockAssociation(logical, vpc_id=args["network_id"], cidr_block=str(args["cidr"]), opts=opts)
    outer, inner = list(args["cidr"].subnets(new_prefix=SUBNET_PREFIX))[:2]
    internet = ec2.InternetGateway(logical, vpc_id=args["network_id"], tags={"Name": logical}, opts=opts)
    edge, edge_routes = _subnet(f"{logical}-edge", args, outer, added, {"gateway_id": internet.id}, opts)
    address = ec2.Eip(logical, domain="vpc", tags={"Name": logical}, opts=opts)
    nat = ec2.NatGateway(
        logical,
        allocation_id=address.id,
        subnet_id=edge.id,
        tags={"Name": logical},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[internet, edge_routes])),
    )
    subnet, routes = _subnet(logical, args, inner, added, {"nat_gateway_id": nat.id}, opts)
    return WayOut(subnet, [routes])


def _subnet(
    logical: str,
    args: WayOutArgs,
    cidr: ipaddress.IPv4Network,
    added: Resource,
    to: ec2.RouteTableRouteArgsDict,
    opts: ResourceOptions,
) -> tuple[ec2.Subnet, Resource]:
    subnet = ec2.Subnet(
        logical,
        vpc_id=args["network_id"],
        cidr_block=str(cidr),
        availability_zone=args["zone"],
        map_public_ip_on_launch=False,
        tags={"Name": logical},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[added])),
    )
    # The routes are part of the table: one that somebody adds is a change that the next preview shows.
    table = ec2.RouteTable(
        logical,
        vpc_id=args["network_id"],
        routes=[{"cidr_block": ANYWHERE, **to}],
        tags={"Name": logical},
        opts=opts,
    )
    joined = ec2.RouteTableAssociation(logical, subnet_id=subnet.id, route_table_id=table.id, opts=opts)
    return subnet, joined
