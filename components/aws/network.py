"""Network: a VPC of the environment's own: private subnets, no public addresses, no route to the outside."""

import ipaddress
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, ec2, iam
from pulumi_aws import vpc as rules

from components.aws.documents import ROLE_NAME_LIMIT, document, statement
from components.interfaces import Reach
from components.naming import physical_name

ZONES = 2
HTTPS = 443
# What a container needs before its first line runs, and its role's tokens.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
ENDPOINTS = ("ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sts")
# Seconds over which a flow log sums up: the shortest, so that an attack is seen within a minute.
FLOW_SECONDS = 60


class FlowLogsArgs(TypedDict):
    """What flow logs are made from; the arguments of a network have these keys too."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region of the network."""
    key_id: Input[str]
    """ARN of the key that encrypts them."""
    log_days: int
    """Days for which they are kept."""


class NetworkArgs(TypedDict):
    """What a network is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region of the network."""
    cidr: str
    """The IPv4 range of the VPC; it is split evenly over the subnets."""
    zones: Input[list[str]]
    """Availability zones; the first two get a subnet each."""
    key_id: Input[str]
    """ARN of the key that encrypts the flow logs."""
    log_days: int
    """Days for which flow logs are kept."""
    endpoints: NotRequired[Sequence[str]]
    """Services of the cloud that are reached beside those every container needs, as `sqs`."""


class Network(pulumi.ComponentResource):
    """A VPC whose only route is the local one: what leaves it goes through something declared, or not at all."""

    network_id: Output[str]
    """Id of the VPC."""
    cidr: Output[str]
    """The VPC's IPv4 range."""
    subnet_ids: Output[list[str]]
    """Ids of the private subnets, one per zone."""
    endpoints: Reach
    """How the cloud's own services are reached."""
    gateways: list[Output[str]]
    """Prefix lists of those that are reached by a route."""

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
        # What is put into no group of its own reaches nothing and is reached by nothing.
        ec2.DefaultSecurityGroup(name, vpc_id=vpc.id, ingress=[], egress=[], tags={"Name": name}, opts=child)
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
        flow_logs(name, args, vpc.id, child)

        self.network_id = vpc.id
        self.cidr = vpc.cidr_block
        self.subnet_ids = Output.all(*(subnet.id for subnet in subnets)).apply(list)
        self.endpoints = _interfaces(name, args, vpc, self.subnet_ids, child)
        self.gateways = [_gateway(name, args, vpc, routes, child)]
        self.register_outputs(
            {
                "network_id": self.network_id,
                "cidr": self.cidr,
                "subnet_ids": self.subnet_ids,
                "endpoints": Output.from_input({"firewall": self.endpoints["firewall"], "port": HTTPS}),
                "gateways": Output.all(*self.gateways),
            }
        )


def _interfaces(
    name: str, args: NetworkArgs, vpc: ec2.Vpc, subnet_ids: Output[list[str]], opts: ResourceOptions
) -> Reach:
    """Endpoints of the cloud's services inside the network, behind one firewall that lets the network in."""
    logical = f"{name}-endpoints"
    firewall = ec2.SecurityGroup(
        logical,
        name=logical,
        description="Reaches the cloud's own services",
        vpc_id=vpc.id,
        tags={"Name": logical},
        opts=opts,
    )
    opened = rules.SecurityGroupIngressRule(
        logical,
        security_group_id=firewall.id,
        description="The app's own network",
        cidr_ipv4=args["cidr"],
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        tags={"Name": logical},
        opts=opts,
    )
    made = [
        ec2.VpcEndpoint(
            f"{name}-{service.replace('.', '-')}",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args['region']}.{service}",
            vpc_endpoint_type="Interface",
            subnet_ids=subnet_ids,
            security_group_ids=[firewall.id],
            private_dns_enabled=True,
            policy=_own_account_only(args["account"]),
            tags={"Name": f"{name}-{service.replace('.', '-')}"},
            opts=opts,
        )
        for service in sorted({*ENDPOINTS, *args.get("endpoints", ())})
    ]
    # Not an output that waits for all: one endpoint more would make the ways of everybody unknown, and replace them.
    return {"firewall": firewall.id, "port": HTTPS, "opens": False, "after": [opened, *made]}


def _gateway(name: str, args: NetworkArgs, vpc: ec2.Vpc, routes: ec2.RouteTable, opts: ResourceOptions) -> Output[str]:
    """S3, where the layers of images are, by a route."""
    endpoint = ec2.VpcEndpoint(
        f"{name}-s3",
        vpc_id=vpc.id,
        service_name=f"com.amazonaws.{args['region']}.s3",
        vpc_endpoint_type="Gateway",
        route_table_ids=[routes.id],
        tags={"Name": f"{name}-s3"},
        opts=opts,
    )
    return endpoint.prefix_list_id


def _own_account_only(account: Input[str]) -> Output[str]:
    """Nothing is carried out through an endpoint with the credentials of another account."""

    def policy(known: str) -> str:
        condition = {"StringEquals": {"aws:PrincipalAccount": known}}
        return document({"Principal": "*", **statement(["*"], ["*"], Condition=condition)})

    return Output.from_input(account).apply(policy)


def flow_logs(name: str, args: FlowLogsArgs, vpc_id: Input[str], opts: ResourceOptions) -> None:
    """Every connection, accepted or refused, in a log of its own."""
    logical = f"{name}-flows"
    logs = cloudwatch.LogGroup(
        logical,
        name=f"/millwright/{logical}",
        retention_in_days=args["log_days"],
        kms_key_id=args["key_id"],
        tags={"Name": logical},
        opts=opts,
    )
    role = iam.Role(
        logical,
        name=physical_name(logical, limit=ROLE_NAME_LIMIT),
        description=f"Writes the flow log of {name}",
        assume_role_policy=Output.from_input(args["account"]).apply(lambda account: _trust(account, args["region"])),
        tags={"Name": logical},
        opts=opts,
    )
    iam.RolePolicy(
        logical,
        name="flows",
        role=role.id,
        policy=logs.arn.apply(
            lambda arn: document(
                statement(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [f"{arn}:*"])
            )
        ),
        opts=opts,
    )
    ec2.FlowLog(
        logical,
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=logs.arn,
        iam_role_arn=role.arn,
        max_aggregation_interval=FLOW_SECONDS,
        tags={"Name": logical},
        opts=opts,
    )


def _trust(account: str, region: str) -> str:
    trust: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{region}:{account}:vpc-flow-log/*"},
        },
    }
    return document(trust)
