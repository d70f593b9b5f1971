"""S3: when a bucket's objects expire or move to another storage class. The rules are kept; nothing expires here."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import Call, Kind, Prop, Record, View, flag, integer, list_of, one, tags_to, text
from localcloud.records.s3_settings import Setting, record

Json = Any
STORAGE_CLASSES: Final = ("GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR")


def _rule_for_s3(rule: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = {"ID": rule["id"], "Status": rule["status"]}
    if rule.get("prefix"):
        told["Prefix"] = rule["prefix"]
    else:
        told["Filter"] = _filter_for_s3(rule.get("filter") or {})
    if expiration := rule.get("expiration"):
        told["Expiration"] = _times(expiration)
        if expiration.get("expiredObjectDeleteMarker"):
            told["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if transitions := rule.get("transitions"):
        told["Transitions"] = [{**_times(each), "StorageClass": each["storageClass"]} for each in transitions]
    if old := rule.get("noncurrentVersionExpiration"):
        told["NoncurrentVersionExpiration"] = {"NoncurrentDays": old["noncurrentDays"]}
    if moved := rule.get("noncurrentVersionTransitions"):
        told["NoncurrentVersionTransitions"] = [
            {"NoncurrentDays": each["noncurrentDays"], "StorageClass": each["storageClass"]} for each in moved
        ]
    if parts := rule.get("abortIncompleteMultipartUpload"):
        told["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": parts["daysAfterInitiation"]}
    return told


def _times(declared: Mapping[str, Json]) -> dict[str, Json]:
    names = {"days": "Days", "date": "Date"}
    return {key: declared[name] for name, key in names.items() if declared.get(name) is not None}


def _filter_for_s3(declared: Mapping[str, Json]) -> dict[str, Json]:
    if both := declared.get("and"):
        tags = tags_to(both.get("tags") or {})
        return {"And": {"Prefix": both.get("prefix") or "", "Tags": tags}}
    if tag := declared.get("tag"):
        return {"Tag": {"Key": tag["key"], "Value": tag["value"]}}
    return {"Prefix": declared.get("prefix") or ""}


def _filter_for_sdk(told: Mapping[str, Json]) -> dict[str, Json] | None:
    if both := told.get("And"):
        tags = {tag["Key"]: tag["Value"] for tag in both.get("Tags") or []}
        return {"and": {"prefix": both.get("Prefix") or None, "tags": tags}}
    if tag := told.get("Tag"):
        return {"tag": {"key": tag["Key"], "value": tag["Value"]}}
    return {"prefix": told["Prefix"]} if told.get("Prefix") else None


def _rule_for_sdk(told: Mapping[str, Json]) -> dict[str, Json]:
    expiration, old = told.get("Expiration") or {}, told.get("NoncurrentVersionExpiration") or {}
    marker = expiration.get("ExpiredObjectDeleteMarker")
    rule = {
        "id": told["ID"],
        "status": told["Status"],
        "prefix": told.get("Prefix") or None,
        "filter": _filter_for_sdk(told.get("Filter") or {}),
        "expiration": {**_declared_times(expiration), **({"expiredObjectDeleteMarker": True} if marker else {})},
        "transitions": [
            {**_declared_times(each), "storageClass": each["StorageClass"]} for each in told.get("Transitions") or []
        ],
        "noncurrentVersionExpiration": {"noncurrentDays": old["NoncurrentDays"]} if old else None,
        "noncurrentVersionTransitions": [
            {"noncurrentDays": each["NoncurrentDays"], "storageClass": each["StorageClass"]}
            for each in told.get("NoncurrentVersionTransitions") or []
        ],
        "abortIncompleteMultipartUpload": _upload(told.get("AbortIncompleteMultipartUpload")),
    }
    return {name: value for name, value in rule.items() if value}


def _upload(told: Mapping[str, Json] | None) -> dict[str, Json] | None:
    return {"daysAfterInitiation": told["DaysAfterInitiation"]} if told else None


def _declared_times(told: Mapping[str, Json]) -> dict[str, Json]:
    times = {
        "days": told.get("Days"),
        "date": told["Date"].strftime("%Y-%m-%dT%H:%M:%SZ") if told.get("Date") else None,
    }
    return {name: value for name, value in times.items() if value is not None}


def _put(call: Call, bucket: str) -> None:
    rules = [_rule_for_s3(rule) for rule in call.inputs.get("rules") or []]
    call.aws("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _read(s3: Any, bucket: str) -> View:
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return {"rules": [_rule_for_sdk(rule) for rule in rules]}


def filter_form(declared: Mapping[str, Json] | None) -> Json:
    """A filter so that all that choose every object are equal."""
    return _filter_for_s3(declared or {})


FILTER: Final[Mapping[str, Prop]] = {
    "prefix": text(),
    "tag": one({"key": text(required=True), "value": text(required=True)}),
    "and": one({"prefix": text(), "tags": Prop(kind=Kind.MAP)}),
}
RULE: Final[Mapping[str, Prop]] = {
    "id": text(required=True),
    "status": text(required=True, one_of=("Enabled", "Disabled")),
    "prefix": text(),
    "filter": one(FILTER, same_as=filter_form),
    "expiration": one({"days": integer(), "date": text(), "expiredObjectDeleteMarker": flag()}),
    "transitions": list_of(
        {"storageClass": text(required=True, one_of=STORAGE_CLASSES), "days": integer(), "date": text()}
    ),
    "noncurrentVersionExpiration": one({"noncurrentDays": integer(required=True)}),
    "noncurrentVersionTransitions": list_of(
        {"storageClass": text(required=True, one_of=STORAGE_CLASSES), "noncurrentDays": integer(required=True)}
    ),
    "abortIncompleteMultipartUpload": one({"daysAfterInitiation": integer()}),
}
RECORDS: tuple[Record, ...] = (
    record(
        "BucketLifecycleConfiguration",
        {"rules": list_of(RULE)},
        Setting(
            put=_put,
            read=_read,
            delete=lambda call, bucket: call.aws("s3").delete_bucket_lifecycle(Bucket=bucket),
            refused={
                "transitionDefaultMinimumObjectSize": "nothing moves between storage classes here",
                "timeouts": "the local cloud answers at once",
            },
        ),
    ),
)
