"""S3: what a bucket is told by calls of its own: policy, versioning, ownership, ACL, website, encryption, lock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from localcloud.documents import policy_form
from localcloud.records.record import (
    REGION,
    Call,
    Prop,
    Record,
    View,
    document,
    flag,
    integer,
    list_of,
    no_problem,
    one,
    text,
)

Json = Any
NO_OWNER: Final = "the local cloud's buckets are told by name alone"
MISSING: Final = (
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchWebsiteConfiguration",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ObjectLockConfigurationNotFoundError",
    "NoSuchLifecycleConfiguration",
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one setting of a bucket is made, changed (one call does both), read and removed."""

    put: Callable[[Call, str], None]
    read: Callable[[Any, str], View | None]
    delete: Callable[[Call, str], None]
    outputs: Callable[[Call, str], View] = lambda *_: {}
    output_names: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Mapping[str, Json]], list[tuple[str, str]]] = no_problem
    # Whether the SDK lets the bucket's owner be named.
    owner: bool = True


def record(name: str, properties: Mapping[str, Prop], setting: Setting) -> Record:
    """The record of a setting: the bucket's name is its id."""

    def create(call: Call) -> str:
        bucket = str(call.inputs["bucket"])
        setting.put(call, bucket)
        return bucket

    def read(call: Call) -> View | None:
        view = setting.read(call.aws("s3"), call.id)
        return None if view is None else {"bucket": call.id, **view, **setting.outputs(call, call.id)}

    owner = {"expectedBucketOwner": NO_OWNER} if setting.owner else {}
    return Record(
        type=f"aws:s3/{name[0].lower()}{name[1:]}:{name}",
        service="s3",
        properties={"bucket": text(required=True, replaces=True), **properties, **REGION},
        outputs=setting.output_names,
        unique=("bucket",),
        create=create,
        read=read,
        update=lambda call: setting.put(call, call.id),
        delete=lambda call: setting.delete(call, call.id),
        gone=MISSING,
        refused={**owner, **setting.refused},
        check=setting.check,
    )


def _put_policy(call: Call, bucket: str) -> None:
    call.aws("s3").put_bucket_policy(Bucket=bucket, Policy=call.inputs["policy"])


def _put_versioning(call: Call, bucket: str) -> None:
    status = call.inputs["versioningConfiguration"]["status"]
    # A bucket that was never versioned cannot be told so.
    if status != "Disabled":
        call.aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def _read_versioning(s3: Any, bucket: str) -> View:
    status = s3.get_bucket_versioning(Bucket=bucket).get("Status") or "Disabled"
    return {"versioningConfiguration": {"status": status}}


def _delete_versioning(call: Call, bucket: str) -> None:
    if _read_versioning(call.aws("s3"), bucket)["versioningConfiguration"]["status"] == "Enabled":
        call.aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def _put_ownership(call: Call, bucket: str) -> None:
    rules = [{"ObjectOwnership": call.inputs["rule"]["objectOwnership"]}]
    call.aws("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})


def _read_ownership(s3: Any, bucket: str) -> View:
    (rule,) = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    return {"rule": {"objectOwnership": rule["ObjectOwnership"]}}


def _put_acl(call: Call, bucket: str) -> None:
    call.aws("s3").put_bucket_acl(Bucket=bucket, ACL=call.inputs["acl"])


def _read_acl(s3: Any, bucket: str) -> View:
    # S3 tells grants and not the name that made them.
    s3.get_bucket_acl(Bucket=bucket)
    return {}


def _website(inputs: Mapping[str, Json]) -> dict[str, Json]:
    everywhere = inputs.get("redirectAllRequestsTo")
    if everywhere:
        protocol = {"Protocol": everywhere["protocol"]} if everywhere.get("protocol") else {}
        return {"RedirectAllRequestsTo": {"HostName": everywhere["hostName"], **protocol}}
    told = {"IndexDocument": {"Suffix": inputs["indexDocument"]["suffix"]}}
    return told | ({"ErrorDocument": {"Key": inputs["errorDocument"]["key"]}} if inputs.get("errorDocument") else {})


def _put_website(call: Call, bucket: str) -> None:
    call.aws("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration=_website(call.inputs))


def _read_website(s3: Any, bucket: str) -> View:
    told = s3.get_bucket_website(Bucket=bucket)
    everywhere = told.get("RedirectAllRequestsTo")
    return {
        "indexDocument": {"suffix": told["IndexDocument"]["Suffix"]} if told.get("IndexDocument") else None,
        "errorDocument": {"key": told["ErrorDocument"]["Key"]} if told.get("ErrorDocument") else None,
        "redirectAllRequestsTo": (
            {"hostName": everywhere["HostName"], "protocol": everywhere.get("Protocol")} if everywhere else None
        ),
    }


def _website_outputs(call: Call, bucket: str) -> View:
    domain = f"s3-website.{call.region}.amazonaws.com"
    return {"websiteDomain": domain, "websiteEndpoint": f"{bucket}.{domain}"}


def _check_website(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    if bool(inputs.get("indexDocument")) == bool(inputs.get("redirectAllRequestsTo")):
        return [("indexDocument", "give indexDocument or redirectAllRequestsTo, one of them")]
    return []


def _put_encryption(call: Call, bucket: str) -> None:
    rules = []
    for rule in call.inputs["rules"]:
        default = rule["applyServerSideEncryptionByDefault"]
        key = {"KMSMasterKeyID": default["kmsMasterKeyId"]} if default.get("kmsMasterKeyId") else {}
        told: dict[str, Json] = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": default["sseAlgorithm"], **key}}
        rules.append(told | {"BucketKeyEnabled": bool(rule.get("bucketKeyEnabled"))})
    call.aws("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _read_encryption(s3: Any, bucket: str) -> View:
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    read = []
    for rule in rules:
        default = rule["ApplyServerSideEncryptionByDefault"]
        told = {"sseAlgorithm": default["SSEAlgorithm"], "kmsMasterKeyId": default.get("KMSMasterKeyID")}
        enabled = str(rule.get("BucketKeyEnabled", False)).lower() == "true"
        read.append({"applyServerSideEncryptionByDefault": told, "bucketKeyEnabled": enabled})
    return {"rules": read}


def _put_lock(call: Call, bucket: str) -> None:
    retention = ((call.inputs.get("rule") or {}).get("defaultRetention")) or {}
    told: dict[str, Json] = {"Mode": retention.get("mode")}
    told |= {"Days": retention["days"]} if retention.get("days") else {}
    told |= {"Years": retention["years"]} if retention.get("years") else {}
    rule = {"Rule": {"DefaultRetention": told}} if retention else {}
    call.aws("s3").put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **rule}
    )


def _read_lock(s3: Any, bucket: str) -> View:
    told = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    retention = (told.get("Rule") or {}).get("DefaultRetention") or {}
    rule = {
        "mode": retention.get("Mode"),
        "days": retention.get("Days") or None,
        "years": retention.get("Years") or None,
    }
    return {"objectLockEnabled": "Enabled", "rule": {"defaultRetention": rule} if retention.get("Mode") else None}


def _delete_lock(call: Call, bucket: str) -> None:
    call.aws("s3").put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )


DEFAULT_ENCRYPTION: Final = one(
    {
        "sseAlgorithm": text(required=True, one_of=("AES256", "aws:kms", "aws:kms:dsse")),
        "kmsMasterKeyId": text(),
    },
    required=True,
)
RECORDS = (
    record(
        "BucketPolicy",
        {"policy": document(required=True, same_as=policy_form)},
        Setting(
            put=_put_policy,
            read=lambda s3, bucket: {"policy": s3.get_bucket_policy(Bucket=bucket)["Policy"]},
            delete=lambda call, bucket: call.aws("s3").delete_bucket_policy(Bucket=bucket),
            owner=False,
        ),
    ),
    record(
        "BucketVersioning",
        {
            "versioningConfiguration": one(
                {"status": text(required=True, one_of=("Enabled", "Suspended", "Disabled"))}, required=True
            )
        },
        Setting(
            put=_put_versioning,
            read=_read_versioning,
            delete=_delete_versioning,
            refused={"mfa": "the local cloud knows no devices"},
        ),
    ),
    record(
        "BucketOwnershipControls",
        {
            "rule": one(
                {
                    "objectOwnership": text(
                        required=True, one_of=("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
                    )
                },
                required=True,
            )
        },
        Setting(
            put=_put_ownership,
            read=_read_ownership,
            delete=lambda call, bucket: call.aws("s3").delete_bucket_ownership_controls(Bucket=bucket),
            owner=False,
        ),
    ),
    record(
        "BucketAcl",
        {
            "acl": text(
                required=True,
                unread=True,
                one_of=("private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write"),
            )
        },
        Setting(
            put=_put_acl,
            read=_read_acl,
            # As on AWS: an ACL cannot be removed.
            delete=lambda *_: None,
            refused={"accessControlPolicy": "give acl"},
        ),
    ),
    record(
        "BucketWebsiteConfiguration",
        {
            "indexDocument": one({"suffix": text(required=True)}),
            "errorDocument": one({"key": text(required=True)}),
            "redirectAllRequestsTo": one({"hostName": text(required=True), "protocol": text(one_of=("http", "https"))}),
        },
        Setting(
            put=_put_website,
            read=_read_website,
            delete=lambda call, bucket: call.aws("s3").delete_bucket_website(Bucket=bucket),
            outputs=_website_outputs,
            output_names=("websiteDomain", "websiteEndpoint"),
            refused={
                "routingRules": "the local cloud serves no websites",
                "routingRuleDetails": "the local cloud serves no websites",
            },
            check=_check_website,
        ),
    ),
    record(
        "BucketServerSideEncryptionConfiguration",
        {
            "rules": list_of(
                {
                    "applyServerSideEncryptionByDefault": DEFAULT_ENCRYPTION,
                    "bucketKeyEnabled": flag(default=False),
                },
                required=True,
            )
        },
        Setting(
            put=_put_encryption,
            read=_read_encryption,
            delete=lambda call, bucket: call.aws("s3").delete_bucket_encryption(Bucket=bucket),
        ),
    ),
    record(
        "BucketObjectLockConfiguration",
        {
            "objectLockEnabled": text(default="Enabled", one_of=("Enabled",)),
            "rule": one(
                {
                    "defaultRetention": one(
                        {
                            "mode": text(required=True, one_of=("GOVERNANCE", "COMPLIANCE")),
                            "days": integer(),
                            "years": integer(),
                        },
                        required=True,
                    )
                }
            ),
        },
        Setting(
            put=_put_lock,
            read=_read_lock,
            delete=_delete_lock,
            refused={"token": "a token is for buckets that were made without a lock; there are none here"},
        ),
    ),
)
