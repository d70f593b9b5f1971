"""Network: a VPC of the environment's own, two private subnets, no public addresses, no route to the outside."""

import ipaddress
from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import ec2

ZONES = 2


class NetworkArgs(TypedDict):
    """What a network is made from."""

    cidr: str
    """The IPv4 range of the VPC; it is split evenly over the subnets."""
    zones: Input[list[str]]
    """Availability zones; the first two get a subnet each."""


class Network(pulumi.ComponentResource):
    """A VPC whose only route is the local one: what leaves it goes through something declared, or not at all."""

    network_id: Output[str]
    """Id of the VPC."""
    cidr: Output[str]
    """The VPC's IPv4 range."""
    subnet_ids: Output[list[str]]
    """Ids of the private subnets, one per zone."""

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Network", name, {}, opts)
        child = ResourceOptions(parent=self)
        zones = Output.from_input(args["zones"])
        ranges = list(ipaddress.IPv4Network(args["cidr"]).subnets(prefixlen_diff=ZONES.bit_length() - 1))

        vpc = ec2.Vpc(
            name,
            cidr_block=args["cidr"],
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": name},
            opts=child,
        )
        routes = ec2.RouteTable(name, vpc_id=vpc.id, tags={"Name": name}, opts=child)
        subnets = []
        for index in range(ZONES):
            subnet = ec2.Subnet(
                f"{name}-{index}",
                vpc_id=vpc.id,
                cidr_block=str(ranges[index]),
                availability_zone=zones[index],
                map_public_ip_on_launch=False,
                tags={"Name": f"{name}-{index}"},
                opts=child,
            )
            ec2.RouteTableAssociation(f"{name}-{index}", subnet_id=subnet.id, route_table_id=routes.id, opts=child)
            subnets.append(subnet)

        self.network_id = vpc.id
        self.cidr = vpc.cidr_block
        self.subnet_ids = Output.all(*(subnet.id for subnet in subnets)).apply(list)
        self.register_outputs({"network_id": self.network_id, "cidr": self.cidr, "subnet_ids": self.subnet_ids})
