"""S3: the names with V2, which the SDK keeps for older programs. Each is the type without it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from localcloud.records import s3, s3_lifecycle, s3_settings
from localcloud.records.record import Record

OLD_NAMES: Final = (
    "Bucket",
    "BucketAcl",
    "BucketLifecycleConfiguration",
    "BucketObjectLockConfiguration",
    "BucketServerSideEncryptionConfiguration",
    "BucketVersioning",
    "BucketWebsiteConfiguration",
)
# What the older form of a bucket calls otherwise.
RENAMED: Final[Mapping[str, str]] = {
    "logging": "loggings",
    "serverSideEncryptionConfiguration": "serverSideEncryptionConfigurations",
    "versioning": "versionings",
    "website": "websites",
    "replicationConfiguration": "replicationConfigurations",
}


def _named(name: str) -> str:
    return f"aws:s3/{name[0].lower()}{name[1:]}:{name}"


def _older(records: Iterable[Record]) -> tuple[Record, ...]:
    by_type = {record.type: record for record in records}
    return tuple(
        replace(by_type[_named(name)], type=_named(f"{name}V2"), refused=_refused(name, by_type[_named(name)].refused))
        for name in OLD_NAMES
    )


def _refused(name: str, refused: Mapping[str, str]) -> Mapping[str, str]:
    if name != "Bucket":
        return refused
    return {RENAMED.get(prop, prop): reason for prop, reason in refused.items()}


RECORDS = _older((*s3.RECORDS, *s3_settings.RECORDS, *s3_lifecycle.RECORDS))
