"""`millwright:index:AuditTrail`: where records of what was done are kept."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws
from factory.spec.parts import RetentionSpec
from stacks.package.inputs import as_input_errors
from stacks.package.place import PlaceArgs, checked, placed, provided


class AuditTrailArgs(TypedDict):
    """What a program says of an audit trail."""

    place: PlaceArgs
    """Where it stands."""
    key: Input[str]
    """ARN of the key that encrypts the records: `keyId` of a `Keys`."""
    days: NotRequired[int]
    """Days for which a record is kept at least, a year or more; default as in app.yaml."""


class AuditTrail(pulumi.ComponentResource):
    """An encrypted log group that keeps its records for a year at least; who writes it is for its program to say."""

    records_id: Output[str]
    """ARN of the log group."""

    def __init__(self, name: str, args: AuditTrailArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:AuditTrail", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
            said = checked(RetentionSpec, name, {"audit": args.get("days")})
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.AuditTrail(name, {"key_id": args["key"], "days": said.audit}, child)
        self.records_id = made.records_id
        self.register_outputs({"records_id": self.records_id})
