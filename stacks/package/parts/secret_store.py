"""`millwright:index:Secrets`: secrets of an app."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from components import CONTENTS, aws
from factory.spec.names import PartName
from factory.spec.parts import Part
from stacks.package.inputs import as_input_errors, values_of
from stacks.package.place import PlaceArgs, checked, placed, provided


class SecretsArgs(TypedDict):
    """What a program says of secrets."""

    place: PlaceArgs
    """Where they stand."""
    names: list[str]
    """Their names; in the cloud each is `<app>/<environment>/<name>`."""
    values: Input[dict[str, Input[str]]]
    """The value of each, by name; marked secret, wherever it comes from."""
    key: Input[str]
    """ARN of the key that encrypts them: `keyId` of a `Keys`."""


class _Secrets(Part):
    names: list[PartName] = Field(min_length=1)


class Secrets(pulumi.ComponentResource):
    """Secrets of an app in one environment, each with its present value."""

    ids: Output[dict[str, str]]
    """ARN of each secret, by name."""

    def __init__(self, name: str, args: SecretsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Secrets", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
            names = checked(_Secrets, name, {"names": args["names"]}).names
            values = values_of(name, "values", args["values"], names)
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.Secrets(
            name,
            {
                "app": place.name,
                "environment": place.environment.value,
                "key_id": args["key"],
                "values": values,
                "recoverable": CONTENTS[place.environment].recoverable,
            },
            child,
        )
        self.ids = made.ids
        self.register_outputs({"ids": self.ids})
