"""Secrets Manager: secret and its versions."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from localcloud.documents import policy_form
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Record,
    View,
    document,
    flag,
    integer,
    tags_from,
    tags_to,
    text,
    texts,
)

DEFAULT_WINDOW_DAYS = 30
CURRENT = "AWSCURRENT"


def create_secret(call: Call) -> str:
    """Make a secret without a value."""
    secret = call.aws("secretsmanager").create_secret(
        Name=call.inputs["name"],
        Tags=call.tag_list,
        **call.given(Description=call.inputs.get("description"), KmsKeyId=call.inputs.get("kmsKeyId")),
    )
    return str(secret["ARN"])


def settle_secret(call: Call) -> None:
    """Attach the resource policy."""
    if call.inputs.get("policy"):
        call.aws("secretsmanager").put_resource_policy(SecretId=call.id, ResourcePolicy=call.inputs["policy"])


def update_secret(call: Call) -> None:
    """Change description, key, policy and tags."""
    secrets = call.aws("secretsmanager")
    if call.changed("description", "kmsKeyId"):
        secrets.update_secret(
            SecretId=call.id,
            Description=call.inputs.get("description") or "",
            **call.given(KmsKeyId=call.inputs.get("kmsKeyId")),
        )
    if call.changed("policy") and call.inputs.get("policy"):
        secrets.put_resource_policy(SecretId=call.id, ResourcePolicy=call.inputs["policy"])
    added, removed = call.tag_change()
    if removed:
        secrets.untag_resource(SecretId=call.id, TagKeys=removed)
    if added:
        secrets.tag_resource(SecretId=call.id, Tags=tags_to(added))


def read_secret(call: Call) -> View | None:
    """A secret; one that waits for its deletion is gone."""
    secrets = call.aws("secretsmanager")
    secret = secrets.describe_secret(SecretId=call.id)
    if secret.get("DeletedDate"):
        return None
    return {
        "name": secret["Name"],
        "description": secret.get("Description"),
        "kmsKeyId": secret.get("KmsKeyId"),
        "policy": secrets.get_resource_policy(SecretId=call.id).get("ResourcePolicy"),
        "arn": secret["ARN"],
        "id": secret["ARN"],
        "tagsAll": tags_from(secret.get("Tags")),
    }


def delete_secret(call: Call) -> None:
    """Schedule the deletion, or delete at once when the recovery window is zero."""
    secrets = call.aws("secretsmanager")
    if secrets.describe_secret(SecretId=call.id).get("DeletedDate"):
        return
    days = call.inputs.get("recoveryWindowInDays")
    if days == 0:
        secrets.delete_secret(SecretId=call.id, ForceDeleteWithoutRecovery=True)
    else:
        secrets.delete_secret(SecretId=call.id, RecoveryWindowInDays=days or DEFAULT_WINDOW_DAYS)


def secret_form(secret: Any) -> Any:
    """A secret by its name, whether it was given as name or ARN (an ARN ends in a dash and six random characters)."""
    return re.sub(r"^arn:[^:]*:secretsmanager:[^:]*:\d*:secret:(.*)-\w{6}$", r"\1", str(secret))


def create_version(call: Call) -> str:
    """Give a secret a value."""
    binary = call.inputs.get("secretBinary")
    version = call.aws("secretsmanager").put_secret_value(
        SecretId=call.inputs["secretId"],
        **call.given(
            SecretString=call.inputs.get("secretString"),
            SecretBinary=base64.b64decode(binary) if binary else None,
            VersionStages=call.inputs.get("versionStages"),
        ),
    )
    return f"{version['ARN']}|{version['VersionId']}"


def update_version(call: Call) -> None:
    """Move the staging labels; the value itself never changes."""
    arn, _, version = call.id.partition("|")
    secrets = call.aws("secretsmanager")
    wanted, there = call.inputs.get("versionStages") or [], (read_version(call) or {}).get("versionStages") or []
    for label in [item for item in wanted if item not in there]:
        secrets.update_secret_version_stage(SecretId=arn, VersionStage=label, MoveToVersionId=version)
    for label in [item for item in there if item not in wanted and item != CURRENT]:
        secrets.update_secret_version_stage(SecretId=arn, VersionStage=label, RemoveFromVersionId=version)


def read_version(call: Call) -> View | None:
    """A version with its value."""
    arn, _, version = call.id.partition("|")
    secrets = call.aws("secretsmanager")
    secret = secrets.describe_secret(SecretId=arn)
    if secret.get("DeletedDate") or version not in (secret.get("VersionIdsToStages") or {}):
        return None
    value = secrets.get_secret_value(SecretId=arn, VersionId=version)
    binary = value.get("SecretBinary")
    return {
        "secretId": secret["ARN"],
        "secretString": value.get("SecretString"),
        "secretBinary": base64.b64encode(binary).decode() if binary else None,
        "versionStages": sorted(secret["VersionIdsToStages"][version]),
        "arn": secret["ARN"],
        "versionId": version,
        "secretArn": secret["ARN"],
        "hasSecretStringWo": False,
    }


def delete_version(call: Call) -> None:
    """Take the version's labels; AWS keeps the current one until its secret goes."""
    arn, _, version = call.id.partition("|")
    for label in (read_version(call) or {}).get("versionStages") or []:
        if label != CURRENT:
            call.aws("secretsmanager").update_secret_version_stage(
                SecretId=arn, VersionStage=label, RemoveFromVersionId=version
            )


def check_version(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A version holds one value."""
    if ("secretString" in inputs) != ("secretBinary" in inputs):
        return []
    return [("secretString", "give secretString or secretBinary, one of them")]


RECORDS = (
    Record(
        type="aws:secretsmanager/secret:Secret",
        service="secretsmanager",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "description": text(),
            "kmsKeyId": text(),
            "policy": document(cloud_decides=True, same_as=policy_form),
            "recoveryWindowInDays": integer(default=DEFAULT_WINDOW_DAYS, unread=True),
            "forceOverwriteReplicaSecret": flag(default=False, no_effect="the local cloud has no replicas"),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        name=Name(limit=512, allowed=r"A-Za-z0-9/_+=.@\-"),
        create=create_secret,
        settle=settle_secret,
        read=read_secret,
        update=update_secret,
        delete=delete_secret,
        gone=("ResourceNotFoundException",),
        refused={
            "replicas": "the local cloud keeps a secret in one region",
            "type": "the local cloud has no managed external secrets",
        },
    ),
    Record(
        type="aws:secretsmanager/secretVersion:SecretVersion",
        service="secretsmanager",
        properties={
            "secretId": text(required=True, replaces=True, same_as=secret_form),
            "secretString": text(replaces=True, secret=True),
            "secretBinary": text(replaces=True, secret=True),
            "versionStages": texts(cloud_decides=True),
            **REGION,
        },
        outputs=("arn", "secretArn", "versionId", "hasSecretStringWo"),
        create=create_version,
        read=read_version,
        update=update_version,
        delete=delete_version,
        gone=("ResourceNotFoundException",),
        check=check_version,
        refused={
            "secretStringWo": "the local cloud cannot keep a value out of the engine; give secretString",
            "secretStringWoVersion": "it belongs to secretStringWo",
        },
    ),
)
