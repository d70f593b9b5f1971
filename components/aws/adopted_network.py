"""AdoptedNetwork: a VPC that stands already, looked up and checked; nothing of it is made, changed or removed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Input, InvokeOptions, Output, ResourceOptions
from pulumi_aws import ec2

from components.aws.network import ENDPOINTS, HTTPS, ZONES, flow_logs
from components.interfaces import Reach

Found = Mapping[str, Any]


class AdoptedNetworkArgs(TypedDict):
    """What an adopted network is known by, and what watches it."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region of the network."""
    vpc: str
    """Id of the VPC."""
    subnets: Sequence[str]
    """Ids of the private subnets to use, in two zones at least."""
    cidr: str
    """The IPv4 range that the VPC must have."""
    key_id: Input[str]
    """ARN of the key that encrypts the flow logs."""
    log_days: int
    """Days for which flow logs are kept."""
    endpoints: NotRequired[Sequence[str]]
    """Services of the cloud that are reached beside those every container needs, as `sqs`."""


class AdoptedNetwork(pulumi.ComponentResource):
    """Somebody else's VPC. Of its own it has a flow log, so that what the app does in it can be told."""

    network_id: Output[str]
    """Id of the VPC."""
    cidr: Output[str]
    """The VPC's IPv4 range."""
    subnet_ids: Output[list[str]]
    """Ids of the private subnets, as declared."""
    endpoints: Reach
    """How the cloud's own services are reached."""
    gateways: list[Output[str]]
    """Prefix lists of those that are reached by a route."""

    def __init__(self, name: str, args: AdoptedNetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:AdoptedNetwork", name, {}, opts)
        asks = InvokeOptions(parent=self)
        vpc = ec2.get_vpc_output(id=args["vpc"], opts=asks)
        subnets = [ec2.get_subnet_output(id=subnet, opts=asks) for subnet in args["subnets"]]
        services = sorted({*ENDPOINTS, *args.get("endpoints", ())})
        interfaces = [_endpoint(args, service, asks) for service in services]
        gateway = _endpoint(args, "s3", asks)
        checked = Output.all(
            _told(vpc, "cidr_block", "enable_dns_support", "enable_dns_hostnames"),
            Output.all(*(_told(each, *SUBNET) for each in subnets)),
            Output.all(*(_told(each, *ENDPOINT) for each in interfaces)),
            _told(gateway, *ENDPOINT),
        ).apply(lambda known: _fit(name, args, services, known))

        # Whatever asks for a part of it waits for all of the checks.
        self.network_id = checked.apply(lambda _: args["vpc"])
        self.cidr = checked.apply(lambda _: args["cidr"])
        self.subnet_ids = checked.apply(lambda _: list(args["subnets"]))
        self.endpoints = {"firewall": checked.apply(lambda found: found["firewall"]), "port": HTTPS, "opens": False}
        self.gateways = [checked.apply(lambda found: found["gateway"])]
        flow_logs(name, args, self.network_id, ResourceOptions(parent=self))
        self.register_outputs(
            {
                "network_id": self.network_id,
                "cidr": self.cidr,
                "subnet_ids": self.subnet_ids,
                "endpoints": Output.from_input(self.endpoints),
                "gateways": Output.all(*self.gateways),
            }
        )


SUBNET = ("vpc_id", "availability_zone", "map_public_ip_on_launch")
ENDPOINT = ("security_group_ids", "private_dns_enabled", "prefix_list_id")


def _endpoint(args: AdoptedNetworkArgs, service: str, opts: InvokeOptions) -> Output[Any]:
    name = f"com.amazonaws.{args['region']}.{service}"
    return ec2.get_vpc_endpoint_output(vpc_id=args["vpc"], service_name=name, state="available", opts=opts)


def _told(found: Output[Any], *names: str) -> Output[dict[str, Any]]:
    return found.apply(lambda known: {name: getattr(known, name) for name in names})


def unfit(args: AdoptedNetworkArgs, services: Sequence[str], known: Sequence[Any]) -> list[str]:
    """What is wrong with a network as it was found: the VPC, its subnets, its endpoints; empty when it will do."""
    vpc, subnets, interfaces, gateway = known
    wrong = []
    if vpc["cidr_block"] != args["cidr"]:
        wrong.append(f"its range is {vpc['cidr_block']}, and app.yaml says {args['cidr']}")
    if not (vpc["enable_dns_support"] and vpc["enable_dns_hostnames"]):
        wrong.append("it resolves no names of its own: enable DNS support and DNS host names")
    wrong += _unfit_subnets(args, subnets)
    hidden = [name for name, found in zip(services, interfaces, strict=True) if not found["private_dns_enabled"]]
    if hidden:
        wrong.append(f"endpoints without a private name: {', '.join(hidden)}: enable their private DNS")
    if not _shared(interfaces):
        wrong.append("its endpoints share no security group: put all behind one that lets the network in at 443")
    if not gateway["prefix_list_id"]:
        wrong.append("its endpoint of s3 is none by a route: make it a gateway")
    return wrong


def _unfit_subnets(args: AdoptedNetworkArgs, subnets: Sequence[Found]) -> Iterator[str]:
    for subnet, found in zip(args["subnets"], subnets, strict=True):
        if found["vpc_id"] != args["vpc"]:
            yield f"{subnet} is in another one: {found['vpc_id']}"
        if found["map_public_ip_on_launch"]:
            yield f"{subnet} gives out public addresses: take a private one"
    if len({found["availability_zone"] for found in subnets}) < ZONES:
        yield "its subnets are all in one zone: name some in two at least"


def _shared(interfaces: Sequence[Found]) -> list[str]:
    groups = [set(found["security_group_ids"]) for found in interfaces]
    return sorted(set.intersection(*groups))


def _fit(name: str, args: AdoptedNetworkArgs, services: Sequence[str], known: Sequence[Any]) -> dict[str, str]:
    """What the app needs of the network. Raises RunError that says everything that is wrong with it."""
    if wrong := unfit(args, services, known):
        raise pulumi.RunError(f"{name}: {args['vpc']} cannot be adopted: {'; '.join(wrong)}")
    return {"firewall": _shared(known[2])[0], "gateway": str(known[3]["prefix_list_id"])}
