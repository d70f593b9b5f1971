"""EgressProxy: the proxy of the agents' allow-lists as a service in the network, and the one way out, for it alone."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_aws import ec2, servicediscovery, vpc

from components.aws.way_out import WayOut, way_out
from components.aws.workload import HTTPS, WorkloadArgs, kept_running, openings
from components.interfaces import Reach
from factory.egress_lists import Lists
from factory.egress_service import ENTRY_POINT
from factory.spec import Environment, egress_rule

ANYWHERE = "0.0.0.0/0"
# It passes bytes on: the smallest that Fargate offers.
CPU, MEMORY = 256, 512
# Seconds for which a client keeps the proxy's address: what a new copy costs at most.
ADDRESS_SECONDS = 10
HOST = "egress"
# What is written is in the driver's hands before anything happens; the default, since June 2025, may drop it.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
BLOCKING = {"mode": "blocking"}


class EgressProxyArgs(TypedDict):
    """What a proxy is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which it runs."""
    network_id: Input[str]
    """Id of the VPC."""
    cidr: ipaddress.IPv4Network
    """A range that nothing else has, of 32 addresses at least: the VPC gets it beside its own."""
    zone: Input[str]
    """Availability zone in which it stands."""
    endpoints: Reach
    """How the cloud's own services are reached."""
    gateways: Sequence[Input[str]]
    """Prefix lists of those that are reached by a route."""
    key_id: Input[str]
    """ARN of the key that encrypts its log."""
    repository: str
    """Name of the repository that holds the runner's image."""
    image: Input[str]
    """The runner's image, by digest."""
    environment: Environment
    """Environment of the agents."""
    lists: Lists
    """Which hosts each function may reach, and its port."""
    log_days: int
    """Days for which its log is kept: the record of what passed, and of what was refused."""


class EgressProxy(pulumi.ComponentResource):
    """The proxy, told apart by port: a function's tasks stand behind a firewall that opens that function's port only.

    No credential is needed, so none can be lost: who reaches a port is a task of its function.
    """

    proxies: dict[str, Output[str]]
    """URL of the proxy for the tasks of each function that has a list."""
    firewalls: dict[str, Output[str]]
    """Id of the security group that such a task has to be started in."""

    def __init__(self, name: str, args: EgressProxyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:EgressProxy", name, {}, opts)
        child = ResourceOptions(parent=self)
        logical = f"{name}-{HOST}"
        way = way_out(logical, args, child)
        firewall = _group(logical, "The egress proxy", args, child)
        doors, self.firewalls = _doors(name, args, firewall, child)
        ways = _outward(logical, args, firewall, child)
        domain, registry = _told(logical, f"{name}.internal", args, child)
        workload = _workload(args, way, registry)
        opened = openings(logical, workload, firewall, child)
        kept_running(logical, workload, firewall, child, after=[*way.ready, *doors, *ways, *opened])
        self.proxies = {
            function: Output.concat("http://", HOST, ".", domain.name, f":{door.port}")
            for function, door in args["lists"].functions.items()
        }
        self.register_outputs(
            {"proxies": Output.from_input(self.proxies), "firewalls": Output.from_input(self.firewalls)}
        )


def _group(logical: str, of: str, args: EgressProxyArgs, opts: ResourceOptions) -> ec2.SecurityGroup:
    return ec2.SecurityGroup(
        logical, name=logical, description=of, vpc_id=args["network_id"], tags={"Name": logical}, opts=opts
    )


def _doors(
    name: str, args: EgressProxyArgs, proxy: ec2.SecurityGroup, opts: ResourceOptions
) -> tuple[list[Resource], dict[str, Output[str]]]:
    """A firewall for each function's tasks: out of it lead its own port of the proxy and the cloud's services."""
    made: list[Resource] = []
    groups: dict[str, Output[str]] = {}
    for function, door in args["lists"].functions.items():
        logical = f"{name}-agents-{function}"
        group = _group(logical, f"The tasks of the {function}", args, opts)
        reaches: Mapping[str, Reach] = {
            HOST: {"firewall": proxy.id, "port": door.port, "opens": True},
            "endpoints": args["endpoints"],
        }
        made += openings(logical, {"reaches": reaches, "gateways": args["gateways"]}, group, opts)
        groups[function] = group.id
    return made, groups


def _outward(logical: str, args: EgressProxyArgs, firewall: ec2.SecurityGroup, opts: ResourceOptions) -> list[Resource]:
    """To any address, at the ports of the lists: which host that is, the proxy decides, for a firewall knows no names.

    Its image comes this way, too, as far as that is in S3.
    """
    hosts = [host for door in args["lists"].functions.values() for host in door.hosts]
    return [
        vpc.SecurityGroupEgressRule(
            f"{logical}-{port}",
            security_group_id=firewall.id,
            description="The hosts of the lists",
            cidr_ipv4=ANYWHERE,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            tags={"Name": f"{logical}-{port}"},
            opts=opts,
        )
        for port in sorted({HTTPS, *(egress_rule(host).port for host in hosts)})
    ]


def _told(
    logical: str, domain: str, args: EgressProxyArgs, opts: ResourceOptions
) -> tuple[servicediscovery.PrivateDnsNamespace, servicediscovery.Service]:
    """A name in the network for the address that the proxy's copy has."""
    namespace = servicediscovery.PrivateDnsNamespace(
        logical, name=domain, vpc=args["network_id"], tags={"Name": logical}, opts=opts
    )
    service = servicediscovery.Service(
        logical,
        name=HOST,
        dns_config={
            "namespace_id": namespace.id,
            "dns_records": [{"type": "A", "ttl": ADDRESS_SECONDS}],
            "routing_policy": "MULTIVALUE",
        },
        tags={"Name": logical},
        opts=opts,
    )
    return namespace, service


def _workload(args: EgressProxyArgs, way: WayOut, registry: servicediscovery.Service) -> WorkloadArgs:
    return {
        "account": args["account"],
        "region": args["region"],
        "network_id": args["network_id"],
        "subnet_ids": Output.all(way.subnet.id).apply(list),
        "key_id": args["key_id"],
        "secrets": {},
        "repository": args["repository"],
        "image": args["image"],
        "replicas": 1,
        "cpu": CPU,
        "memory": MEMORY,
        "entry_point": ENTRY_POINT,
        "command": [args["lists"].model_dump_json()],
        "environment": args["environment"].value,
        "log_days": args["log_days"],
        "log_options": BLOCKING,
        "registry": registry.arn,
        # It stands in a range of its own, which the endpoints' firewall does not let in by itself.
        "reaches": {"endpoints": {**args["endpoints"], "opens": True}},
    }
