"""`millwright:index:Registry`: where artefacts are kept."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws
from stacks.package.inputs import as_input_errors
from stacks.package.place import PlaceArgs, placed, provided


class RegistryArgs(TypedDict):
    """What a program says of a registry."""

    place: PlaceArgs
    """Where it stands."""
    key: Input[str]
    """ARN of the key that encrypts the images: `keyId` of a `Keys`."""


class Registry(pulumi.ComponentResource):
    """An image repository in which a tag never moves, and a closed bucket; neither goes while it holds anything."""

    images: Output[str]
    """URL of the image repository, which has this resource's name."""
    artefacts: Output[str]
    """Name of the bucket."""

    def __init__(self, name: str, args: RegistryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Registry", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.Registry(name, {"repository": name, "account": place.account, "key_id": args["key"]}, child)
        self.images, self.artefacts = made.images, made.artefacts
        self.register_outputs({"images": self.images, "artefacts": self.artefacts})
