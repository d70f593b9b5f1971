"""CloudTrail: trail. It is kept, and nothing is written to its bucket."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Prop,
    Record,
    View,
    flag,
    list_of,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
# What CreateTrail and UpdateTrail take alike, by SDK name.
SETTINGS: Final = {
    "s3BucketName": "S3BucketName",
    "s3KeyPrefix": "S3KeyPrefix",
    "snsTopicName": "SnsTopicName",
    "includeGlobalServiceEvents": "IncludeGlobalServiceEvents",
    "isMultiRegionTrail": "IsMultiRegionTrail",
    "isOrganizationTrail": "IsOrganizationTrail",
    "enableLogFileValidation": "EnableLogFileValidation",
    "cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn",
    "cloudWatchLogsRoleArn": "CloudWatchLogsRoleArn",
    "kmsKeyId": "KmsKeyId",
}
TOLD: Final = SETTINGS | {"enableLogFileValidation": "LogFileValidationEnabled"}
# What a trail records when nothing is declared: every management event.
EVERYTHING: Final = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
SELECTORS: Final = {
    "equals": "Equals",
    "notEquals": "NotEquals",
    "startsWiths": "StartsWith",
    "notStartsWiths": "NotStartsWith",
    "endsWiths": "EndsWith",
    "notEndsWiths": "NotEndsWith",
}


def create_trail(call: Call) -> str:
    """Make a trail; its ARN."""
    given = {key: call.inputs.get(name) for name, key in SETTINGS.items()}
    made = call.aws("cloudtrail").create_trail(
        Name=call.inputs["name"], TagsList=call.tag_list, **call.given(**{k: v for k, v in given.items() if v != ""})
    )
    return str(made["TrailARN"])


def settle_trail(call: Call) -> None:
    """Choose the events and begin."""
    trail = call.aws("cloudtrail")
    if call.inputs.get("eventSelectors") or call.inputs.get("advancedEventSelectors"):
        trail.put_event_selectors(TrailName=call.id, **_chosen(call))
    if call.inputs["enableLogging"]:
        trail.start_logging(Name=call.id)


def _chosen(call: Call) -> dict[str, Json]:
    if advanced := call.inputs.get("advancedEventSelectors"):
        return {"AdvancedEventSelectors": [_advanced(each) for each in advanced]}
    basic = call.inputs.get("eventSelectors") or []
    return {"EventSelectors": [_basic(each) for each in basic] or EVERYTHING}


def _basic(selector: Mapping[str, Json]) -> dict[str, Json]:
    excluded = selector.get("excludeManagementEventSources")
    return {
        "ReadWriteType": selector.get("readWriteType") or "All",
        "IncludeManagementEvents": selector.get("includeManagementEvents", True),
        "DataResources": [
            {"Type": each["type"], "Values": each["values"]} for each in selector.get("dataResources") or []
        ],
        **({"ExcludeManagementEventSources": excluded} if excluded else {}),
    }


def _advanced(selector: Mapping[str, Json]) -> dict[str, Json]:
    fields = [
        {"Field": field["field"]} | {key: field[name] for name, key in SELECTORS.items() if field.get(name)}
        for field in selector["fieldSelectors"]
    ]
    return {"FieldSelectors": fields} | ({"Name": selector["name"]} if selector.get("name") else {})


def update_trail(call: Call) -> None:
    """Change settings, events, whether it records, and tags."""
    trail = call.aws("cloudtrail")
    changed = {key: call.inputs.get(name) for name, key in SETTINGS.items() if call.changed(name)}
    if changed:
        # What is declared no more is taken away by an empty text.
        trail.update_trail(Name=call.id, **{key: "" if value is None else value for key, value in changed.items()})
    if call.changed("eventSelectors", "advancedEventSelectors"):
        trail.put_event_selectors(TrailName=call.id, **_chosen(call))
    if call.changed("enableLogging"):
        (trail.start_logging if call.inputs["enableLogging"] else trail.stop_logging)(Name=call.id)
    added, removed = call.tag_change()
    if removed:
        trail.remove_tags(ResourceId=call.id, TagsList=[{"Key": key} for key in removed])
    if added:
        trail.add_tags(ResourceId=call.id, TagsList=tags_to(added))


def read_trail(call: Call) -> View:
    """A trail."""
    client = call.aws("cloudtrail")
    trail = client.get_trail(Name=call.id)["Trail"]
    events = client.get_event_selectors(TrailName=call.id)
    tags = client.list_tags(ResourceIdList=[call.id])["ResourceTagList"][0].get("TagsList")
    basic = [each for each in events.get("EventSelectors") or [] if each != EVERYTHING[0]]
    advanced = [] if basic else events.get("AdvancedEventSelectors") or []
    return {name: trail.get(key) or None for name, key in TOLD.items()} | {
        "name": trail["Name"],
        "enableLogging": client.get_trail_status(Name=call.id)["IsLogging"],
        "eventSelectors": [_basic_declared(each) for each in basic],
        "advancedEventSelectors": [_advanced_declared(each) for each in advanced],
        "arn": trail["TrailARN"],
        "homeRegion": trail.get("HomeRegion") or call.region,
        "snsTopicArn": trail.get("SnsTopicARN"),
        "tagsAll": tags_from(tags),
    }


def _basic_declared(told: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "readWriteType": told["ReadWriteType"],
        "includeManagementEvents": told["IncludeManagementEvents"],
        "dataResources": [{"type": each["Type"], "values": each["Values"]} for each in told.get("DataResources") or []],
        "excludeManagementEventSources": told.get("ExcludeManagementEventSources") or [],
    }


def _advanced_declared(told: Mapping[str, Json]) -> dict[str, Json]:
    fields = [
        {"field": field["Field"]} | {name: field[key] for name, key in SELECTORS.items() if field.get(key)}
        for field in told["FieldSelectors"]
    ]
    return {"name": told.get("Name"), "fieldSelectors": fields}


def delete_trail(call: Call) -> None:
    """Remove a trail."""
    # moto looks for the name only.
    call.aws("cloudtrail").delete_trail(Name=call.id.rpartition("/")[2])


FIELD: Final[Mapping[str, Prop]] = {"field": text(required=True), **{name: texts() for name in SELECTORS}}
RECORDS = (
    Record(
        type="aws:cloudtrail/trail:Trail",
        service="cloudtrail",
        properties={
            "name": text(replaces=True),
            "s3BucketName": text(required=True),
            "s3KeyPrefix": text(),
            "snsTopicName": text(),
            "includeGlobalServiceEvents": flag(default=True),
            "isMultiRegionTrail": flag(default=False),
            "isOrganizationTrail": flag(default=False),
            "enableLogFileValidation": flag(default=False),
            "enableLogging": flag(default=True),
            "cloudWatchLogsGroupArn": text(),
            "cloudWatchLogsRoleArn": text(),
            "kmsKeyId": text(),
            "eventSelectors": list_of(
                {
                    "readWriteType": text(default="All", one_of=("All", "ReadOnly", "WriteOnly")),
                    "includeManagementEvents": flag(default=True),
                    "dataResources": list_of({"type": text(required=True), "values": texts(required=True)}),
                    "excludeManagementEventSources": texts(),
                }
            ),
            "advancedEventSelectors": list_of({"name": text(), "fieldSelectors": list_of(FIELD, required=True)}),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "homeRegion", "snsTopicArn"),
        recomputed=("snsTopicArn",),
        name=Name(limit=128, allowed=r"A-Za-z0-9._\-"),
        create=create_trail,
        settle=settle_trail,
        read=read_trail,
        update=update_trail,
        delete=delete_trail,
        gone=("TrailNotFoundException",),
        refused={"insightSelectors": "nothing looks for unusual activity here"},
    ),
)
