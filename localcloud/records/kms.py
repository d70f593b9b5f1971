"""KMS: key and alias."""

from typing import Any

from localcloud.documents import policy_form
from localcloud.records.record import REGION, TAGS, Call, Name, Record, View, document, flag, integer, tags_to, text

DEFAULT_WINDOW_DAYS = 30


def create_key(call: Call) -> str:
    """Make a key."""
    key = call.aws("kms").create_key(
        KeyUsage=call.inputs["keyUsage"],
        KeySpec=call.inputs["customerMasterKeySpec"],
        MultiRegion=call.inputs["multiRegion"],
        Tags=tags_to(call.tags, "TagKey", "TagValue"),
        **call.given(Description=call.inputs.get("description"), Policy=call.inputs.get("policy")),
    )
    return str(key["KeyMetadata"]["KeyId"])


def settle_key(call: Call) -> None:
    """Switch on rotation, switch off the key, as declared."""
    if call.inputs["enableKeyRotation"]:
        call.aws("kms").enable_key_rotation(KeyId=call.id)
    if not call.inputs["isEnabled"]:
        call.aws("kms").disable_key(KeyId=call.id)


def update_key(call: Call) -> None:
    """Change description, policy, rotation, state and tags."""
    kms = call.aws("kms")
    if call.changed("isEnabled") and call.inputs["isEnabled"]:
        kms.enable_key(KeyId=call.id)
    if call.changed("description"):
        kms.update_key_description(KeyId=call.id, Description=call.inputs.get("description") or "")
    if call.changed("policy") and call.inputs.get("policy"):
        kms.put_key_policy(KeyId=call.id, PolicyName="default", Policy=call.inputs["policy"])
    if call.changed("enableKeyRotation"):
        (kms.enable_key_rotation if call.inputs["enableKeyRotation"] else kms.disable_key_rotation)(KeyId=call.id)
    added, removed = call.tag_change()
    if removed:
        kms.untag_resource(KeyId=call.id, TagKeys=removed)
    if added:
        kms.tag_resource(KeyId=call.id, Tags=tags_to(added, "TagKey", "TagValue"))
    if call.changed("isEnabled") and not call.inputs["isEnabled"]:
        kms.disable_key(KeyId=call.id)


def read_key(call: Call) -> View | None:
    """A key; one that waits for its deletion is gone."""
    kms = call.aws("kms")
    key = kms.describe_key(KeyId=call.id)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        return None
    symmetric = key["KeySpec"] == "SYMMETRIC_DEFAULT"
    return {
        "description": key.get("Description"),
        "keyUsage": key["KeyUsage"],
        "customerMasterKeySpec": key["KeySpec"],
        "multiRegion": key.get("MultiRegion", False),
        "isEnabled": key["Enabled"],
        "enableKeyRotation": kms.get_key_rotation_status(KeyId=call.id)["KeyRotationEnabled"] if symmetric else False,
        "policy": kms.get_key_policy(KeyId=call.id, PolicyName="default")["Policy"],
        "keyId": key["KeyId"],
        "arn": key["Arn"],
        "tagsAll": {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=call.id).get("Tags", [])},
    }


def delete_key(call: Call) -> None:
    """Schedule the key's deletion: KMS has no other."""
    kms = call.aws("kms")
    if kms.describe_key(KeyId=call.id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        days = call.inputs.get("deletionWindowInDays") or DEFAULT_WINDOW_DAYS
        kms.schedule_key_deletion(KeyId=call.id, PendingWindowInDays=days)


def key_form(key: Any) -> Any:
    """A key by its id, whether it was given as id or ARN."""
    return str(key).rpartition(":key/")[2] if key else key


def create_alias(call: Call) -> str:
    """Name a key."""
    name = str(call.inputs["name"])
    call.aws("kms").create_alias(AliasName=name, TargetKeyId=call.inputs["targetKeyId"])
    return name


def update_alias(call: Call) -> None:
    """Point the name at another key."""
    call.aws("kms").update_alias(AliasName=call.id, TargetKeyId=call.inputs["targetKeyId"])


def read_alias(call: Call) -> View | None:
    """An alias, found among all (KMS has no call for one)."""
    kms = call.aws("kms")
    for page in kms.get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == call.id and alias.get("TargetKeyId"):
                return {
                    "name": call.id,
                    "targetKeyId": alias["TargetKeyId"],
                    "targetKeyArn": f"arn:aws:kms:{call.region}:{call.account}:key/{key_form(alias['TargetKeyId'])}",
                    "arn": alias["AliasArn"],
                }
    return None


def delete_alias(call: Call) -> None:
    """Take the name away."""
    call.aws("kms").delete_alias(AliasName=call.id)


RECORDS = (
    Record(
        type="aws:kms/key:Key",
        service="kms",
        properties={
            "description": text(cloud_decides=True),
            "keyUsage": text(
                default="ENCRYPT_DECRYPT",
                replaces=True,
                one_of=("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"),
            ),
            "customerMasterKeySpec": text(default="SYMMETRIC_DEFAULT", replaces=True),
            "multiRegion": flag(default=False, replaces=True),
            "policy": document(cloud_decides=True, same_as=policy_form),
            "isEnabled": flag(default=True),
            "enableKeyRotation": flag(default=False),
            "deletionWindowInDays": integer(unread=True),
            "bypassPolicyLockoutSafetyCheck": flag(
                default=False, no_effect="the local cloud checks no policy for a lockout"
            ),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "keyId"),
        create=create_key,
        settle=settle_key,
        read=read_key,
        update=update_key,
        delete=delete_key,
        gone=("NotFoundException",),
        refused={
            "rotationPeriodInDays": "the local cloud rotates nothing; give enableKeyRotation alone",
            "customKeyStoreId": "the local cloud has no custom key stores",
            "xksKeyId": "the local cloud has no external key stores",
        },
    ),
    Record(
        type="aws:kms/alias:Alias",
        service="kms",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "targetKeyId": text(required=True, same_as=key_form),
            **REGION,
        },
        outputs=("arn", "targetKeyArn"),
        recomputed=("targetKeyArn",),
        name=Name(limit=256, lead="alias/", allowed=r"A-Za-z0-9/_\-"),
        create=create_alias,
        read=read_alias,
        update=update_alias,
        delete=delete_alias,
        gone=("NotFoundException",),
        check=lambda inputs: (
            [] if str(inputs["name"]).startswith("alias/") else [("name", 'a key\'s alias must begin with "alias/"')]
        ),
    ),
)
