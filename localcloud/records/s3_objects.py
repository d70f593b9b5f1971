"""S3: objects of a bucket."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from localcloud.provider.assets import content
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Kind,
    Name,
    Prop,
    Record,
    View,
    flag,
    text,
)

Json = Any
# The SDK's name, the service's.
HEADERS: Final[Mapping[str, str]] = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "websiteRedirect": "WebsiteRedirectLocation",
}
WRITTEN: Final = (
    *HEADERS,
    "content",
    "contentBase64",
    "source",
    "sourceHash",
    "etag",
    "metadata",
    "storageClass",
    "acl",
)


def put_object(call: Call) -> str:
    """Write an object (S3 has one call for new and changed); the SDK's id is bucket and key."""
    inputs = call.inputs
    headers = {key: inputs[name] for name, key in HEADERS.items() if inputs.get(name) is not None}
    call.aws("s3").put_object(
        Bucket=inputs["bucket"],
        Key=inputs["key"],
        Body=_body(inputs),
        StorageClass=inputs["storageClass"],
        **headers,
        **call.given(
            ACL=inputs.get("acl"),
            Metadata=inputs.get("metadata"),
            ServerSideEncryption=inputs.get("serverSideEncryption"),
            SSEKMSKeyId=inputs.get("kmsKeyId"),
        ),
    )
    if call.tags:
        call.aws("s3").put_object_tagging(Bucket=inputs["bucket"], Key=inputs["key"], Tagging={"TagSet": call.tag_list})
    return f"{inputs['bucket']}/{inputs['key']}"


def _body(inputs: Mapping[str, Json]) -> bytes:
    if inputs.get("source") is not None:
        return content(inputs["source"])
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    return str(inputs.get("content") or "").encode()


def update_object(call: Call) -> None:
    """Write the changed object, or its tags only."""
    if call.changed(*WRITTEN, "serverSideEncryption", "kmsKeyId"):
        put_object(call)
    elif call.tags:
        bucket, _, key = call.id.partition("/")
        call.aws("s3").put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": call.tag_list})
    if call.changed("tagsAll") and not call.tags:
        bucket, _, key = call.id.partition("/")
        call.aws("s3").delete_object_tagging(Bucket=bucket, Key=key)


def read_object(call: Call) -> View:
    """An object; its content is known by its ETag only."""
    s3 = call.aws("s3")
    bucket, _, key = call.id.partition("/")
    found = s3.head_object(Bucket=bucket, Key=key)
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    view = {name: found.get(header) for name, header in HEADERS.items()}
    return view | {
        "bucket": bucket,
        "key": key,
        "etag": found["ETag"].strip('"'),
        "metadata": found.get("Metadata") or None,
        "storageClass": found.get("StorageClass") or "STANDARD",
        "serverSideEncryption": found.get("ServerSideEncryption"),
        "kmsKeyId": found.get("SSEKMSKeyId"),
        "versionId": found.get("VersionId"),
        "arn": f"arn:aws:s3:::{bucket}/{key}",
        "tagsAll": {tag["Key"]: tag["Value"] for tag in tags},
    }


def delete_object(call: Call) -> None:
    """Remove an object, with all its versions as the SDK does."""
    s3 = call.aws("s3")
    bucket, _, key = call.id.partition("/")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            if item["Key"] == key:
                s3.delete_object(Bucket=bucket, Key=key, VersionId=item["VersionId"])


def check_object(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """An object has at most one content."""
    given = [name for name in ("source", "content", "contentBase64") if inputs.get(name) is not None]
    if len(given) > 1:
        return [(given[1], f"give one of {', '.join(given)}")]
    try:
        base64.b64decode(inputs.get("contentBase64") or "", validate=True)
    except binascii.Error:
        return [("contentBase64", "this is no Base64")]
    return []


OBJECT: Final[Mapping[str, Prop]] = {
    "bucket": text(required=True, replaces=True),
    "key": text(replaces=True),
    "source": Prop(kind=Kind.ASSET, unread=True),
    "sourceHash": text(unread=True),
    "content": text(unread=True),
    "contentBase64": text(unread=True),
    "etag": text(cloud_decides=True),
    **{name: text() for name in HEADERS if name != "contentType"},
    "contentType": text(cloud_decides=True),
    "metadata": Prop(kind=Kind.MAP),
    "storageClass": text(default="STANDARD"),
    "serverSideEncryption": text(cloud_decides=True, one_of=("AES256", "aws:kms")),
    "kmsKeyId": text(cloud_decides=True),
    "acl": text(unread=True),
    "forceDestroy": flag(default=False, unread=True),
    **TAGS,
    **REGION,
}


def _object(name: str) -> Record:
    return Record(
        type=f"aws:s3/{name[0].lower()}{name[1:]}:{name}",
        service="s3",
        properties=OBJECT,
        outputs=("arn", "versionId"),
        recomputed=("versionId", "etag"),
        name=Name(prop="key", prefix_prop="", limit=1024, exact=True),
        unique=("bucket", "key"),
        create=put_object,
        read=read_object,
        update=update_object,
        delete=delete_object,
        gone=("NoSuchKey", "NoSuchBucket", "404"),
        check=check_object,
        refused={
            "objectLockMode": "the local cloud locks no single objects",
            "objectLockRetainUntilDate": "the local cloud locks no single objects",
            "objectLockLegalHoldStatus": "the local cloud locks no single objects",
            "bucketKeyEnabled": "the local cloud has no bucket keys",
        },
    )


RECORDS = (_object("BucketObject"), _object("BucketObjectv2"))
