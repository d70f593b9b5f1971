"""Encryption: of what is stored, and of the keys that do it."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.values import if_set, is_true, number, required
from policies.model import UNKNOWN, Finding, Plain, Unknown
from policies.resources import Resource

INSTANCE: Final = "aws:rds/instance:Instance"
CLUSTER: Final = "aws:rds/cluster:Cluster"
FILE_SYSTEM: Final = "aws:efs/fileSystem:FileSystem"
VOLUME: Final = "aws:ebs/volume:Volume"
KEY: Final = "aws:kms/key:Key"
GCP_KEY: Final = "gcp:kms/cryptoKey:CryptoKey"

_FLAGS: Final = {
    INSTANCE: "storageEncrypted",
    CLUSTER: "storageEncrypted",
    FILE_SYSTEM: "encrypted",
    VOLUME: "encrypted",
}
# The provider ignores the flag for a replica from another region, which is encrypted when it is given a key.
_REPLICA_OF: Final = {INSTANCE: "replicateSourceDb", CLUSTER: "replicationSourceIdentifier"}
# Source: KMS, "Rotate AWS KMS keys"; 365 is AWS's default, 90 is Google's advice and CIS Google Cloud 1.10.
ROTATION_DAYS: Final = 365
GCP_ROTATION_SECONDS: Final = 90 * 86_400
# Source: KMS API, CreateKey, KeySpec: what is no SYMMETRIC_DEFAULT. KMS rotates none of these.
_UNROTATABLE: Final = re.compile(r"(RSA|ECC|HMAC|ML_DSA|SM2)(_\w+)?")
_GCP_UNROTATABLE: Final = ("ASYMMETRIC_SIGN", "ASYMMETRIC_DECRYPT", "MAC", "RAW_ENCRYPT_DECRYPT")


def encrypted_at_rest(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 38: databases, file systems and volumes are encrypted."""
    del context
    properties = resource.properties
    source = properties.get(_REPLICA_OF.get(resource.type, ""))
    if _text(source) and _text(properties.get("kmsKeyId")):
        return
    flag = _FLAGS[resource.type]
    yield from required(properties, (flag,), is_true, "is not on: what is stored is not encrypted")


def keys_rotated(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 39: keys that the cloud can rotate are rotated: every year in AWS, every 90 days in Google Cloud."""
    del context
    kinds = _kinds(resource)
    findings = list(_google(resource) if resource.type == GCP_KEY else _amazon(resource))
    if not findings or any(rotates is False for _, rotates in kinds):
        return
    undecided = [Unknown((name,)) for name, rotates in kinds if rotates is None]
    yield from undecided or findings


def _kinds(resource: Resource) -> list[tuple[str, bool | None]]:
    """The properties that say what kind of key it is, and whether the cloud rotates such a key; None: not known."""

    def rotates(name: str, exempt: bool) -> tuple[str, bool | None]:
        return name, None if resource.properties.get(name) is UNKNOWN else not exempt

    properties = resource.properties
    if resource.type == GCP_KEY:
        return [rotates("purpose", properties.get("purpose") in _GCP_UNROTATABLE)]
    spec = properties.get("customerMasterKeySpec")
    return [
        rotates("customerMasterKeySpec", isinstance(spec, str) and _UNROTATABLE.fullmatch(spec) is not None),
        rotates("customKeyStoreId", _text(properties.get("customKeyStoreId"))),
    ]


def _amazon(resource: Resource) -> Iterator[Finding]:
    yield from required(resource.properties, ("enableKeyRotation",), is_true, "is not on")
    yield from if_set(
        resource.properties,
        ("rotationPeriodInDays",),
        lambda days: 0 < (number(days) or 0) <= ROTATION_DAYS,
        f"is longer than {ROTATION_DAYS} days",
    )


def _google(resource: Resource) -> Iterator[Finding]:
    yield from required(
        resource.properties,
        ("rotationPeriod",),
        _within_ninety_days,
        "is no period of up to 90 days, in seconds (7776000s)",
    )


def _within_ninety_days(period: Plain) -> bool:
    seconds = number(period[:-1]) if isinstance(period, str) and period.endswith("s") else None
    return seconds is not None and 0 < seconds <= GCP_ROTATION_SECONDS


def _text(value: Plain) -> bool:
    return isinstance(value, str) and bool(value.strip())
