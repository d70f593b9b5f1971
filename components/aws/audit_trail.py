"""AuditTrail: where the factory keeps what was done on an app in one environment, out of reach of all of its roles."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch

from factory.spec import LOG_DAYS


class AuditTrailArgs(TypedDict):
    """What an audit trail is made from."""

    key_id: Input[str]
    """ARN of the key that encrypts the records."""
    days: int
    """Days for which a record is kept at least; CloudWatch's next longer period is what it becomes."""


class AuditTrail(pulumi.ComponentResource):
    """A log group that no role of the environment may write, change or remove: who writes it is none of them."""

    records_id: Output[str]
    """ARN of the log group."""

    def __init__(self, name: str, args: AuditTrailArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:AuditTrail", name, {}, opts)
        logical = f"{name}-audit"
        records = cloudwatch.LogGroup(
            logical,
            name=f"/millwright/{logical}",
            retention_in_days=next(days for days in LOG_DAYS if days >= args["days"]),
            kms_key_id=args["key_id"],
            tags={"Name": logical},
            opts=ResourceOptions(parent=self),
        )
        self.records_id = records.arn
        self.register_outputs({"records_id": self.records_id})
