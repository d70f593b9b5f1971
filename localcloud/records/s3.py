"""S3: bucket and its public access block."""

from typing import Any

from localcloud.records.record import REGION, TAGS, Call, Name, Record, View, flag, text

US_EAST_1 = "us-east-1"
BLOCKS = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}
# Fixed per region by AWS; the zone of a region's S3 website endpoints.
# https://docs.aws.amazon.com/general/latest/gr/s3.html
HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-west-3": "Z3R1K369G5AVDG",
    "eu-north-1": "Z3BAZG2TWCNX0D",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD",
}


def create_bucket(call: Call) -> str:
    """Make a bucket."""
    name = str(call.inputs["bucket"])
    where = {} if call.region == US_EAST_1 else {"CreateBucketConfiguration": {"LocationConstraint": call.region}}
    locked = {"ObjectLockEnabledForBucket": True} if call.inputs["objectLockEnabled"] else {}
    call.aws("s3").create_bucket(Bucket=name, **where, **locked)
    return name


def settle_bucket(call: Call) -> None:
    """Tag the new bucket."""
    if call.tags:
        call.aws("s3").put_bucket_tagging(Bucket=call.id, Tagging={"TagSet": call.tag_list})


def update_bucket(call: Call) -> None:
    """Set the tags, keeping none that are not declared."""
    if not call.changed("tagsAll"):
        return
    if call.tags:
        call.aws("s3").put_bucket_tagging(Bucket=call.id, Tagging={"TagSet": call.tag_list})
    else:
        call.aws("s3").delete_bucket_tagging(Bucket=call.id)


def read_bucket(call: Call) -> View:
    """A bucket."""
    s3 = call.aws("s3")
    s3.head_bucket(Bucket=call.id)
    lock = _unless_missing(s3, lambda: s3.get_object_lock_configuration(Bucket=call.id))
    tags = _unless_missing(s3, lambda: s3.get_bucket_tagging(Bucket=call.id))
    enabled = lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
    return {
        "bucket": call.id,
        "objectLockEnabled": enabled,
        "arn": f"arn:aws:s3:::{call.id}",
        "bucketDomainName": f"{call.id}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{call.id}.s3.{call.region}.amazonaws.com",
        "bucketRegion": call.region,
        "hostedZoneId": HOSTED_ZONES.get(call.region),
        "tagsAll": {tag["Key"]: tag["Value"] for tag in tags.get("TagSet", [])},
    }


def _unless_missing(s3: Any, ask: Any) -> Any:
    """The answer, or nothing when the bucket lacks what is asked for (S3 answers that with an error of its own)."""
    try:
        return ask()
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchTagSet", "ObjectLockConfigurationNotFoundError"}:
            return {}
        raise


def delete_bucket(call: Call) -> None:
    """Remove a bucket; one with objects only when declared so."""
    s3 = call.aws("s3")
    if call.inputs.get("forceDestroy"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=call.id):
            objects = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            keys = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in objects]
            if keys:
                s3.delete_objects(Bucket=call.id, Delete={"Objects": keys, "Quiet": True})
    s3.delete_bucket(Bucket=call.id)


def put_block(call: Call) -> str:
    """Set all four switches (S3 has one call for new and changed)."""
    name = str(call.inputs["bucket"])
    switches = {key: call.inputs[prop] for prop, key in BLOCKS.items()}
    call.aws("s3").put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=switches)
    return name


def read_block(call: Call) -> View:
    """A bucket's public access block."""
    block = call.aws("s3").get_public_access_block(Bucket=call.id)["PublicAccessBlockConfiguration"]
    return {"bucket": call.id} | {prop: block.get(key, False) for prop, key in BLOCKS.items()}


def delete_block(call: Call) -> None:
    """Remove the block, unless it is declared to outlive its stack."""
    if not call.inputs.get("skipDestroy"):
        call.aws("s3").delete_public_access_block(Bucket=call.id)


RECORDS = (
    Record(
        type="aws:s3/bucket:Bucket",
        service="s3",
        properties={
            "bucket": text(replaces=True),
            "bucketPrefix": text(replaces=True, unread=True),
            "forceDestroy": flag(default=False, unread=True),
            "objectLockEnabled": flag(default=False, replaces=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "bucketDomainName", "bucketRegionalDomainName", "bucketRegion", "hostedZoneId"),
        name=Name(prop="bucket", prefix_prop="bucketPrefix", limit=63, lower=True, allowed=r"a-z0-9.\-"),
        create=create_bucket,
        settle=settle_bucket,
        read=read_bucket,
        update=update_bucket,
        delete=delete_bucket,
        gone=("NoSuchBucket", "404"),
        refused={
            "accelerationStatus": "deprecated by the SDK, and the local cloud accelerates nothing",
            "acl": "deprecated by the SDK; the local cloud has no bucket ACLs",
            "bucketNamespace": "the local cloud has one namespace of buckets",
            "corsRules": "deprecated by the SDK; the local cloud has no CORS rules",
            "grants": "deprecated by the SDK; the local cloud has no bucket grants",
            "lifecycleRules": "deprecated by the SDK; the local cloud expires nothing",
            "logging": "deprecated by the SDK; the local cloud writes no access logs",
            "objectLockConfiguration": "deprecated by the SDK; give objectLockEnabled",
            "policy": "deprecated by the SDK; the local cloud enforces no bucket policies",
            "replicationConfiguration": "deprecated by the SDK; the local cloud replicates nothing",
            "requestPayer": "deprecated by the SDK; nobody pays for the local cloud",
            "serverSideEncryptionConfiguration": "deprecated by the SDK; the local cloud keeps objects in memory",
            "versioning": "deprecated by the SDK; the local cloud does not take it here",
            "website": "deprecated by the SDK; the local cloud serves no websites",
        },
    ),
    Record(
        type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        service="s3",
        properties={
            "bucket": text(required=True, replaces=True),
            **{prop: flag(default=False) for prop in BLOCKS},
            "skipDestroy": flag(default=False, unread=True),
            **REGION,
        },
        outputs=(),
        unique=("bucket",),
        create=put_block,
        read=read_block,
        update=put_block,
        delete=delete_block,
        gone=("NoSuchBucket", "NoSuchPublicAccessBlockConfiguration"),
    ),
)
