"""Who reaches whom: the network the load balancer, the balancer the service, and nothing else either of them."""

from typing import TypedDict

from pulumi import Input, ResourceOptions
from pulumi_aws import ec2, vpc

HTTP = 80
HTTPS = 443


class FirewallsArgs(TypedDict):
    """What the firewalls are made from; the arguments of a service have these keys too."""

    network_id: Input[str]
    """Id of the VPC."""
    cidr: Input[str]
    """IPv4 range of the VPC: the only one that reaches the balancer."""
    port: int
    """Port the service listens on."""
    domain: str | None
    """Name at which it serves over TLS; None: nothing speaks TLS."""


def firewalls(name: str, args: FirewallsArgs, opts: ResourceOptions) -> tuple[ec2.SecurityGroup, ec2.SecurityGroup]:
    """The network reaches the balancer, the balancer reaches the service, and nothing else reaches either."""
    front = ec2.SecurityGroup(
        f"{name}-front",
        name=f"{name}-front",
        description="Reaches the load balancer",
        vpc_id=args["network_id"],
        tags={"Name": f"{name}-front"},
        opts=opts,
    )
    back = ec2.SecurityGroup(
        f"{name}-back",
        name=f"{name}-back",
        description="Reaches the service",
        vpc_id=args["network_id"],
        tags={"Name": f"{name}-back"},
        opts=opts,
    )
    _rules(name, args, front, back, opts)
    return front, back


def _rules(
    name: str, args: FirewallsArgs, front: ec2.SecurityGroup, back: ec2.SecurityGroup, opts: ResourceOptions
) -> None:
    ports = {f"{name}-front": HTTP} | ({f"{name}-front-tls": HTTPS} if args["domain"] else {})
    for logical, listens in ports.items():
        vpc.SecurityGroupIngressRule(
            logical,
            security_group_id=front.id,
            description="The app's own network",
            cidr_ipv4=args["cidr"],
            ip_protocol="tcp",
            from_port=listens,
            to_port=listens,
            tags={"Name": logical},
            opts=opts,
        )
    vpc.SecurityGroupEgressRule(
        f"{name}-front",
        security_group_id=front.id,
        description="The service",
        referenced_security_group_id=back.id,
        ip_protocol="tcp",
        from_port=args["port"],
        to_port=args["port"],
        tags={"Name": f"{name}-front"},
        opts=opts,
    )
    vpc.SecurityGroupIngressRule(
        f"{name}-back",
        security_group_id=back.id,
        description="The load balancer",
        referenced_security_group_id=front.id,
        ip_protocol="tcp",
        from_port=args["port"],
        to_port=args["port"],
        tags={"Name": f"{name}-back"},
        opts=opts,
    )
