"""The contract cases of a bucket's settings and objects."""

from dataclasses import replace
from typing import Any

from localcloud_cases_core import CASES as CORE
from localcloud_door import Made
from localcloud_world import LIST_ALL, READ_ALL, Aws, Case, World

from localcloud.provider.assets import SIGNED_ASSET
from localcloud.provider.values import SIGNATURE
from localcloud.records import RECORDS


def bucket(world: World, name: str, **inputs: Any) -> str:
    return world.one("aws:s3/bucket:Bucket", name, **inputs).id


def text_asset(text: str, digest: str) -> dict[str, str]:
    return {SIGNATURE: SIGNED_ASSET, "hash": digest, "text": text}


def website_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("s3").get_bucket_website(Bucket=made.id)
    return {
        "indexDocument": {"suffix": told["IndexDocument"]["Suffix"]},
        "errorDocument": {"key": told["ErrorDocument"]["Key"]},
    }


def put_website(call: Aws, made: Made, _: World) -> None:
    call("s3").put_bucket_website(Bucket=made.id, WebsiteConfiguration={"IndexDocument": {"Suffix": "edited.html"}})


def encryption_told(call: Aws, made: Made) -> dict[str, Any]:
    (rule,) = call("s3").get_bucket_encryption(Bucket=made.id)["ServerSideEncryptionConfiguration"]["Rules"]
    algorithm = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    return {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}


def put_encryption(call: Aws, made: Made, _: World) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    call("s3").put_bucket_encryption(Bucket=made.id, ServerSideEncryptionConfiguration={"Rules": rules})


def lock_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("s3").get_object_lock_configuration(Bucket=made.id)["ObjectLockConfiguration"]
    retention = told["Rule"]["DefaultRetention"]
    return {"rule": {"defaultRetention": {"mode": retention["Mode"], "days": retention["Days"]}}}


def put_lock(call: Aws, made: Made, _: World) -> None:
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 9}}
    call("s3").put_object_lock_configuration(
        Bucket=made.id, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )


def object_told(call: Aws, made: Made) -> dict[str, Any]:
    where, _, key = made.id.partition("/")
    found = call("s3").get_object(Bucket=where, Key=key)
    assert found["Body"].read() == b"<h1>hello</h1>"
    return {"contentType": found["ContentType"], "metadata": found["Metadata"]}


def overwrite(call: Aws, made: Made, _: World) -> None:
    where, _, key = made.id.partition("/")
    call("s3").put_object(Bucket=where, Key=key, Body=b"edited", ContentType="text/plain")


def object_case(type: str, name: str) -> Case:
    return Case(
        type=type,
        declare=lambda w: {
            "bucket": bucket(w, name),
            "key": "site/index.html",
            "source": text_asset("<h1>hello</h1>", "1"),
            "contentType": "text/html",
            "metadata": {"kind": "page"},
        },
        told=object_told,
        change=lambda _: {"contentType": "text/html; charset=utf-8", "tags": {"a": "b"}},
        edit=overwrite,
        drifts="contentType",
    )


def expiring(days: int) -> dict[str, Any]:
    return {
        "id": "old",
        "status": "Enabled",
        "filter": {"and": {"prefix": "logs/", "tags": {"kind": "log"}}},
        "expiration": {"days": days},
        "transitions": [{"days": 10, "storageClass": "STANDARD_IA"}],
        "noncurrentVersionExpiration": {"noncurrentDays": 5},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 2},
    }


def lifecycle_told(call: Aws, made: Made) -> dict[str, Any]:
    (rule,) = call("s3").get_bucket_lifecycle_configuration(Bucket=made.id)["Rules"]
    assert rule["Filter"]["And"] == {"Prefix": "logs/", "Tags": [{"Key": "kind", "Value": "log"}]}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    return {"rules": [expiring(rule["Expiration"]["Days"])]}


def put_lifecycle(call: Aws, made: Made, _: World) -> None:
    rule = {"ID": "now", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    call("s3").put_bucket_lifecycle_configuration(Bucket=made.id, LifecycleConfiguration={"Rules": [rule]})


def older(case: Case) -> Case:
    """The same case by the SDK's older name."""
    head, _, name = case.type.rpartition(":")
    return replace(case, type=f"{head}V2:{name}V2")


SETTINGS = (
    Case(
        type="aws:s3/bucketPolicy:BucketPolicy",
        declare=lambda w: {"bucket": bucket(w, "world-policed"), "policy": READ_ALL},
        told=lambda aws, made: {"policy": aws("s3").get_bucket_policy(Bucket=made.id)["Policy"]},
        change=lambda _: {"policy": LIST_ALL},
        edit=lambda aws, made, _: aws("s3").put_bucket_policy(Bucket=made.id, Policy=LIST_ALL),
        drifts="policy",
    ),
    Case(
        type="aws:s3/bucketVersioning:BucketVersioning",
        declare=lambda w: {
            "bucket": bucket(w, "world-versioned"),
            "versioningConfiguration": {"status": "Enabled"},
        },
        told=lambda aws, made: {
            "versioningConfiguration": {"status": aws("s3").get_bucket_versioning(Bucket=made.id)["Status"]}
        },
        change=lambda _: {"versioningConfiguration": {"status": "Suspended"}},
        edit=lambda aws, made, _: aws("s3").put_bucket_versioning(
            Bucket=made.id, VersioningConfiguration={"Status": "Suspended"}
        ),
        drifts="versioningConfiguration",
        outlives_deletion=True,
    ),
    Case(
        type="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        declare=lambda w: {"bucket": bucket(w, "world-owned"), "rule": {"objectOwnership": "ObjectWriter"}},
        told=lambda aws, made: {
            "rule": {
                "objectOwnership": aws("s3").get_bucket_ownership_controls(Bucket=made.id)["OwnershipControls"][
                    "Rules"
                ][0]["ObjectOwnership"]
            }
        },
        change=lambda _: {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
        edit=lambda aws, made, _: aws("s3").put_bucket_ownership_controls(
            Bucket=made.id, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        ),
        drifts="rule",
    ),
    Case(
        type="aws:s3/bucketAcl:BucketAcl",
        declare=lambda w: {"bucket": bucket(w, "world-listed"), "acl": "public-read"},
        told=lambda aws, made: {
            "acl": {2: "public-read", 1: "private"}[len(aws("s3").get_bucket_acl(Bucket=made.id)["Grants"])]
        },
        change=lambda _: {"acl": "private"},
        outlives_deletion=True,
    ),
    Case(
        type="aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration",
        declare=lambda w: {
            "bucket": bucket(w, "world-site"),
            "indexDocument": {"suffix": "index.html"},
            "errorDocument": {"key": "error.html"},
        },
        told=website_told,
        change=lambda _: {"errorDocument": {"key": "lost.html"}},
        edit=put_website,
        drifts="indexDocument",
    ),
    Case(
        type="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        declare=lambda w: {
            "bucket": bucket(w, "world-sealed"),
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}],
        },
        told=encryption_told,
        change=lambda _: {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        edit=put_encryption,
        drifts="rules",
    ),
    Case(
        type="aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        declare=lambda w: {
            "bucket": bucket(w, "world-locked", objectLockEnabled=True),
            "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 5}},
        },
        told=lock_told,
        change=lambda _: {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 7}}},
        edit=put_lock,
        drifts="rule",
        outlives_deletion=True,
    ),
    Case(
        type="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        declare=lambda w: {"bucket": bucket(w, "world-expiring"), "rules": [expiring(30)]},
        told=lifecycle_told,
        change=lambda _: {"rules": [expiring(60)]},
        edit=put_lifecycle,
        drifts="rules",
    ),
)
OBJECTS = (
    object_case("aws:s3/bucketObject:BucketObject", "world-objects"),
    object_case("aws:s3/bucketObjectv2:BucketObjectv2", "world-objects-2"),
)
(BUCKET,) = (case for case in CORE if case.type == "aws:s3/bucket:Bucket")
OLDER = tuple(older(case) for case in SETTINGS if older(case).type in RECORDS)
CASES = (*SETTINGS, *OBJECTS, *OLDER, older(BUCKET))
