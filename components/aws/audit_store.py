"""AuditStore: the account's trail, in every region, and the bucket in which nobody changes what it wrote."""

from collections.abc import Sequence
from typing import Any, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudtrail, s3

from components.aws.closed_bucket import closed_bucket
from components.aws.shared_names import PLATFORM, audit_bucket

# What control 43 of the catalogue asks: the other mode, GOVERNANCE, is lifted by whoever has a permission.
LOCK = "COMPLIANCE"
LOCKED_DAYS = 365
SERVICE = {"Service": "cloudtrail.amazonaws.com"}


class AuditStoreArgs(TypedDict):
    """What an audit store is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Home region of the trail, and region of the bucket."""
    key_id: Input[str]
    """ARN of the key that encrypts the records; its policy has the statements of `trail_uses_key`."""


class AuditStore(pulumi.ComponentResource):
    """A multi-region trail with file validation, and a bucket that locks each file for a year."""

    store_id: Output[str]
    """Name of the bucket."""
    trail_id: Output[str]
    """ARN of the trail."""

    def __init__(self, name: str, args: AuditStoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:AuditStore", name, {}, opts)
        child = ResourceOptions(parent=self)
        account, region = Output.from_input(args["account"]), args["region"]
        logical = f"{name}-audit"
        bucket, ready = closed_bucket(
            logical,
            {
                "bucket": account.apply(audit_bucket),
                "key_id": args["key_id"],
                "lockable": True,
                "statements": account.apply(lambda known: _written_by_the_trail(known, region)),
            },
            child,
        )
        lock = s3.BucketObjectLockConfiguration(
            logical,
            bucket=bucket.id,
            rule={"default_retention": {"mode": LOCK, "days": LOCKED_DAYS}},
            # A lock is of versions.
            opts=ResourceOptions(parent=self, depends_on=ready),
        )
        trail = cloudtrail.Trail(
            name,
            name=PLATFORM,
            s3_bucket_name=bucket.bucket,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            kms_key_id=args["key_id"],
            tags={"Name": name},
            # CloudTrail tries to write when it is told of a bucket; the first file is locked like every other.
            opts=ResourceOptions(parent=self, depends_on=[*ready, lock]),
        )
        self.store_id = bucket.bucket
        self.trail_id = trail.arn
        self.register_outputs({"store_id": self.store_id, "trail_id": self.trail_id})


def trail_uses_key(account: str, region: str) -> list[dict[str, Any]]:
    """What the key's policy says of the trail: it encrypts its own files.

    Source: "Configure AWS KMS key policies for CloudTrail".
    """
    own = {"StringEquals": {"aws:SourceArn": _trail(account, region)}}
    context = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account}:trail/*"}}
    return [
        _allowed("TrailEncrypts", "kms:GenerateDataKey*", "*", own | context),
        _allowed("TrailLooks", "kms:DescribeKey", "*", own),
    ]


def _written_by_the_trail(account: str, region: str) -> Sequence[dict[str, Any]]:
    """Source: "Amazon S3 bucket policy for CloudTrail"."""
    bucket = f"arn:aws:s3:::{audit_bucket(account)}"
    own = {"aws:SourceArn": _trail(account, region)}
    written = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", **own}}
    return [
        _allowed("TrailLooks", "s3:GetBucketAcl", bucket, {"StringEquals": own}),
        _allowed("TrailWrites", "s3:PutObject", f"{bucket}/AWSLogs/{account}/*", written),
    ]


def _allowed(sid: str, action: str, resource: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": SERVICE,
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }


def _trail(account: str, region: str) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{PLATFORM}"
