"""`millwright:index:Keys`: an encryption key."""

from typing import TypedDict

import pulumi
from pulumi import Output, ResourceOptions

from components import aws
from stacks.package.inputs import as_input_errors
from stacks.package.place import PlaceArgs, placed, provided


class KeysArgs(TypedDict):
    """What a program says of a key."""

    place: PlaceArgs
    """Where it stands."""


class Keys(pulumi.ComponentResource):
    """One customer-managed encryption key that is rotated every year; its account and its logs use it, nobody else."""

    key_id: Output[str]
    """ARN of the key: what the other components take as `key`."""

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Keys", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.Keys(name, {"account": place.account, "region": place.region}, child)
        self.key_id = made.key_id
        self.register_outputs({"key_id": self.key_id})
