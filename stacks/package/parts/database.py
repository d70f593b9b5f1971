"""`millwright:index:Database`: a PostgreSQL database."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import CONTENTS, aws
from factory.spec import DatabaseSpec
from stacks.package.inputs import as_input_errors
from stacks.package.place import PlaceArgs, checked, placed, provided


class DatabaseArgs(TypedDict):
    """What a program says of a database."""

    place: PlaceArgs
    """Where it stands."""
    network_id: Input[str]
    """Id of its VPC: `networkId` of a `Network`, or one that stands already."""
    subnet_ids: Input[list[str]]
    """Private subnets of it, in two zones at least."""
    key: Input[str]
    """ARN of the key that encrypts its disk, its backups and its secret: `keyId` of a `Keys`."""
    password: Input[str]
    """The password of its owner; marked secret, wherever it comes from."""
    size: NotRequired[str]
    """Memory and cores of its server: `small`, `medium` or `large`; default as in app.yaml."""
    storage: NotRequired[int]
    """Size of its disk, in GiB; default as in app.yaml."""
    backups: NotRequired[int]
    """Days for which automated backups are kept; default as in app.yaml."""


class Database(pulumi.ComponentResource):
    """A private, encrypted PostgreSQL instance. Nothing reaches it until something opens a way through its firewall."""

    database_id: Output[str]
    """ARN of the instance."""
    url_secret: Output[str]
    """ARN of the secret whose value is its whole address, with the password."""
    firewall: Output[str]
    """Id of the security group before it: add a rule to it for whoever may come in."""
    port: Output[int]
    """Its port."""

    def __init__(self, name: str, args: DatabaseArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Database", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
            said = checked(DatabaseSpec, name, {key: args.get(key) for key in ("size", "storage", "backups")})
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.Database(
            name,
            {
                "app": place.name,
                "environment": place.environment.value,
                "database": place.part,
                "network_id": args["network_id"],
                "subnet_ids": args["subnet_ids"],
                "key_id": args["key"],
                "password": Output.secret(args["password"]),
                "size": said.size,
                "storage": said.storage,
                "backups": said.backups,
                "guarded": CONTENTS[place.environment].recoverable,
            },
            child,
        )
        self.database_id, self.url_secret = made.database_id, made.url_secret
        self.firewall = Output.from_input(made.reach["firewall"])
        self.port = Output.from_input(made.reach["port"])
        self.register_outputs(
            {
                "database_id": self.database_id,
                "url_secret": self.url_secret,
                "firewall": self.firewall,
                "port": self.port,
            }
        )
