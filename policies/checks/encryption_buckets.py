"""Encryption: buckets that nobody outside may read."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.references import naming
from policies.helpers.values import is_true, required
from policies.model import Fail, Finding, Unknown
from policies.resources import Resource, Stack

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_V2: Final = "aws:s3/bucketV2:BucketV2"
PUBLIC_ACCESS: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
FLAGS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
NAMES: Final = ("id", "bucket")


def access_blocked(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 41: every bucket has a public access block, with all four flags."""
    del context
    if resource.type == PUBLIC_ACCESS:
        for flag in FLAGS:
            yield from required(resource.properties, (flag,), is_true, "is not on")


def every_bucket_blocked(stack: Stack, context: Context) -> Iterator[Finding]:
    """Whether each bucket of the stack has one: only the whole stack shows that it is missing."""
    del context
    for bucket in stack.of(BUCKET, BUCKET_V2):
        blocks = [one for _, one in naming(stack, bucket, (PUBLIC_ACCESS,), "bucket", identifiers=NAMES)]
        if any(not one.unknown for one in blocks):
            continue
        if blocks:
            yield Unknown(("bucket",), bucket.urn)
        else:
            yield Fail(("bucket",), "is of a bucket without a BucketPublicAccessBlock", urn=bucket.urn)
