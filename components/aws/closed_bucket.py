"""A bucket of what all apps share: versioned, encrypted, by TLS only, closed to the public and to every app's roles."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_aws import s3

from components.aws.documents import document, tls_only
from components.aws.shared_names import PLATFORM


class ClosedBucketArgs(TypedDict):
    """What a closed bucket is made from."""

    bucket: Input[str]
    """Its name."""
    key_id: Input[str]
    """ARN of the key that encrypts what is put into it."""
    lockable: bool
    """Whether what is in it can be locked against changes; a bucket is made so or never is."""
    statements: Input[Sequence[dict[str, Any]]]
    """Further statements of its policy."""


class ClosedBucket(NamedTuple):
    """The bucket, and what must stand before anything is put into it."""

    bucket: s3.Bucket
    ready: list[Resource]


def closed_bucket(name: str, args: ClosedBucketArgs, opts: ResourceOptions) -> ClosedBucket:
    """The bucket with its settings, as children of the caller's component. It never goes while it holds anything."""
    bucket = s3.Bucket(
        name,
        bucket=args["bucket"],
        object_lock_enabled=args["lockable"],
        force_destroy=False,
        tags={"Name": name},
        opts=opts,
    )
    closed = s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    versions = s3.BucketVersioning(name, bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=opts)
    encryption = s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.id,
        rules=[
            {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": args["key_id"],
                },
                "bucket_key_enabled": True,
            }
        ],
        opts=opts,
    )
    policy = s3.BucketPolicy(
        name,
        bucket=bucket.id,
        policy=Output.all(bucket.arn, args["statements"]).apply(lambda known: _policy(known[0], known[1])),
        opts=opts,
    )
    return ClosedBucket(bucket, [closed, versions, encryption, policy])


def _policy(arn: str, more: Sequence[dict[str, Any]]) -> str:
    return document(
        tls_only(arn),
        {
            "Sid": "NoRoleOfAnApp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            # Whoever this factory has made for an app, whatever permissions somebody gives it.
            "Condition": {
                "StringEquals": {"aws:PrincipalTag/managed-by": "millwright"},
                "StringNotEquals": {"aws:PrincipalTag/app": PLATFORM},
            },
        },
        *more,
    )
