"""`millwright:index:Network`: a network of its own."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions
from pydantic import Field

from components import aws
from factory.errors import InputError
from factory.spec import app_names
from factory.spec.loading import networks_in
from factory.spec.names import VpcCidr
from factory.spec.parts import Part, RetentionSpec
from stacks.package.inputs import as_input_errors, the_factory
from stacks.package.place import PlaceArgs, checked, placed, provided


class NetworkArgs(TypedDict):
    """What a program says of a network."""

    place: PlaceArgs
    """Where it stands."""
    cidr: str
    """Its private IPv4 range, such as 10.60.0.0/18, which no other app of the factory has."""
    key: Input[str]
    """ARN of the key that encrypts its flow logs: `keyId` of a `Keys`."""
    endpoints: NotRequired[list[str]]
    """Services of the cloud that are reached from it beside those that every container needs, as `sqs`."""


class _Network(Part):
    cidr: VpcCidr
    endpoints: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")]] = Field(default=[])


class Network(pulumi.ComponentResource):
    """A network with private subnets in two zones: nothing leaves it but to the cloud's own services; flow logs."""

    network_id: Output[str]
    """Id of the VPC."""
    cidr: Output[str]
    """Its IPv4 range."""
    subnet_ids: Output[list[str]]
    """Ids of its private subnets, one per zone."""

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Network", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
            said = checked(_Network, name, {"cidr": args["cidr"], "endpoints": args.get("endpoints")})
            _require_apart(name, place.name, said.cidr)
        child, provider = provided(place, name, ResourceOptions(parent=self))
        invoke = InvokeOptions(provider=provider)
        made = aws.Network(
            name,
            {
                "account": place.account,
                "region": place.region,
                "cidr": said.cidr,
                "zones": pulumi_aws.get_availability_zones_output(state="available", opts=invoke).names,
                "key_id": args["key"],
                "log_days": RetentionSpec().logs,
                "endpoints": said.endpoints,
            },
            child,
        )
        self.network_id, self.cidr, self.subnet_ids = made.network_id, made.cidr, made.subnet_ids
        self.register_outputs({"network_id": self.network_id, "cidr": self.cidr, "subnet_ids": self.subnet_ids})


def _require_apart(name: str, app: str, cidr: str) -> None:
    own = IPv4Network(cidr)
    if taken := next((each for each in _of_others(app) if each[1].overlaps(own)), None):
        raise InputError(
            f"{name}: cidr: {cidr} overlaps {taken[1]}, the network of {taken[0]}", hint="give it another range"
        )


def _of_others(app: str) -> Iterator[tuple[str, IPv4Network]]:
    root = the_factory()
    for other in app_names(root):
        if other != app:
            yield from ((other, network) for network in networks_in(root.apps / other / "app.yaml"))
