"""DynamoDB: table."""

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
    integer,
    one,
    set_of,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
PROVISIONED: Final = "PROVISIONED"


def create_table(call: Call) -> str:
    """Make a table."""
    inputs = call.inputs
    name = str(inputs["name"])
    call.aws("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=_attributes(call),
        KeySchema=_keys(inputs),
        BillingMode=inputs["billingMode"],
        Tags=call.tag_list,
        DeletionProtectionEnabled=inputs["deletionProtectionEnabled"],
        **call.given(
            ProvisionedThroughput=_throughput(inputs) if inputs["billingMode"] == PROVISIONED else None,
            GlobalSecondaryIndexes=[_global_index(call, each) for each in inputs.get("globalSecondaryIndexes") or []]
            or None,
            LocalSecondaryIndexes=[
                {
                    "IndexName": each["name"],
                    "KeySchema": _index_keys(inputs["hashKey"], each),
                    "Projection": _shown(each),
                }
                for each in inputs.get("localSecondaryIndexes") or []
            ]
            or None,
            StreamSpecification=_stream(inputs) if inputs["streamEnabled"] else None,
            SSESpecification=_encryption(inputs.get("serverSideEncryption")),
            TableClass=inputs.get("tableClass"),
        ),
    )
    return name


def _attributes(call: Call) -> list[dict[str, str]]:
    return [
        {"AttributeName": each["name"], "AttributeType": each["type"]} for each in call.inputs.get("attributes") or []
    ]


def _keys(inputs: Mapping[str, Json]) -> list[dict[str, str]]:
    return _index_keys(inputs["hashKey"], inputs)


def _index_keys(hash_key: str, index: Mapping[str, Json]) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if index.get("rangeKey"):
        keys.append({"AttributeName": index["rangeKey"], "KeyType": "RANGE"})
    return keys


def _throughput(given: Mapping[str, Json]) -> dict[str, int]:
    return {"ReadCapacityUnits": given.get("readCapacity") or 1, "WriteCapacityUnits": given.get("writeCapacity") or 1}


def _shown(index: Mapping[str, Json]) -> dict[str, Json]:
    shown: dict[str, Json] = {"ProjectionType": index["projectionType"]}
    return shown | ({"NonKeyAttributes": index["nonKeyAttributes"]} if index.get("nonKeyAttributes") else {})


def _global_index(call: Call, index: Mapping[str, Json]) -> dict[str, Json]:
    made = {
        "IndexName": index["name"],
        "KeySchema": _index_keys(index["hashKey"], index),
        "Projection": _shown(index),
    }
    if call.inputs["billingMode"] == PROVISIONED:
        made["ProvisionedThroughput"] = _throughput(index)
    return made


def _local_index(hash_key: str, index: Mapping[str, Json]) -> dict[str, Json]:
    return {"IndexName": index["name"], "KeySchema": _index_keys(hash_key, index), "Projection": _shown(index)}


def _stream(inputs: Mapping[str, Json]) -> dict[str, Json]:
    return {"StreamEnabled": True, "StreamViewType": inputs.get("streamViewType") or "NEW_AND_OLD_IMAGES"}


def _encryption(given: Mapping[str, Json] | None) -> dict[str, Json] | None:
    if not given or not given["enabled"]:
        return None
    key = {"KMSMasterKeyId": given["kmsKeyArn"]} if given.get("kmsKeyArn") else {}
    return {"Enabled": True, "SSEType": "KMS", **key}


def settle_table(call: Call) -> None:
    """Switch on what has calls of its own."""
    if (call.inputs.get("ttl") or {}).get("enabled"):
        _set_ttl(call)
    if (call.inputs.get("pointInTimeRecovery") or {}).get("enabled"):
        _set_recovery(call)


def _set_ttl(call: Call) -> None:
    ttl = call.inputs.get("ttl") or (call.old.get("ttl") or {}) | {"enabled": False}
    call.aws("dynamodb").update_time_to_live(
        TableName=call.id,
        TimeToLiveSpecification={"Enabled": bool(ttl.get("enabled")), "AttributeName": ttl["attributeName"]},
    )


def _set_recovery(call: Call) -> None:
    wanted = bool((call.inputs.get("pointInTimeRecovery") or {}).get("enabled"))
    call.aws("dynamodb").update_continuous_backups(
        TableName=call.id, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": wanted}
    )


def update_table(call: Call) -> None:
    """Change capacity, protection, stream, expiry, recovery and tags."""
    dynamodb, inputs = call.aws("dynamodb"), call.inputs
    changes: dict[str, Json] = {}
    if call.changed("billingMode", "readCapacity", "writeCapacity"):
        changes["BillingMode"] = inputs["billingMode"]
        if inputs["billingMode"] == PROVISIONED:
            changes["ProvisionedThroughput"] = _throughput(inputs)
    if call.changed("deletionProtectionEnabled"):
        changes["DeletionProtectionEnabled"] = inputs["deletionProtectionEnabled"]
    if call.changed("streamEnabled", "streamViewType"):
        changes["StreamSpecification"] = _stream(inputs) if inputs["streamEnabled"] else {"StreamEnabled": False}
    if changes:
        dynamodb.update_table(TableName=call.id, **changes)
    if call.changed("ttl"):
        _set_ttl(call)
    if call.changed("pointInTimeRecovery"):
        _set_recovery(call)
    arn = str(call.state["arn"])
    added, removed = call.tag_change()
    if removed:
        dynamodb.untag_resource(ResourceArn=arn, TagKeys=removed)
    if added:
        dynamodb.tag_resource(ResourceArn=arn, Tags=tags_to(added))


def read_table(call: Call) -> View:
    """A table."""
    dynamodb = call.aws("dynamodb")
    table = dynamodb.describe_table(TableName=call.id)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=call.id)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=call.id)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    keys = _read_keys(table["KeySchema"])
    billing = (table.get("BillingModeSummary") or {}).get("BillingMode", PROVISIONED)
    throughput = table.get("ProvisionedThroughput") or {}
    encryption = table.get("SSEDescription") or {}
    stream = table.get("StreamSpecification") or {}
    enabled = ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return {
        "name": table["TableName"],
        "hashKey": keys["hashKey"],
        "rangeKey": keys.get("rangeKey"),
        "attributes": [
            {"name": each["AttributeName"], "type": each["AttributeType"]} for each in table["AttributeDefinitions"]
        ],
        "billingMode": billing,
        "readCapacity": throughput.get("ReadCapacityUnits") if billing == PROVISIONED else None,
        "writeCapacity": throughput.get("WriteCapacityUnits") if billing == PROVISIONED else None,
        "globalSecondaryIndexes": [_read_index(each, billing) for each in table.get("GlobalSecondaryIndexes") or []],
        "localSecondaryIndexes": [
            {key: value for key, value in _read_index(each, "").items() if key != "hashKey"}
            for each in table.get("LocalSecondaryIndexes") or []
        ],
        "streamEnabled": bool(stream.get("StreamEnabled")),
        "streamViewType": stream.get("StreamViewType"),
        "ttl": {"attributeName": ttl["AttributeName"], "enabled": True} if enabled else None,
        "pointInTimeRecovery": {"enabled": recovery},
        "serverSideEncryption": (
            {"enabled": True, "kmsKeyArn": encryption.get("KMSMasterKeyArn")}
            if encryption.get("Status") == "ENABLED"
            else None
        ),
        "tableClass": (table.get("TableClassSummary") or {}).get("TableClass"),
        "deletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
        "arn": table["TableArn"],
        "streamArn": table.get("LatestStreamArn"),
        "streamLabel": table.get("LatestStreamLabel"),
        "tagsAll": tags_from(dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"]).get("Tags")),
    }


def _read_keys(schema: list[dict[str, str]]) -> dict[str, str]:
    names = {"HASH": "hashKey", "RANGE": "rangeKey"}
    return {names[each["KeyType"]]: each["AttributeName"] for each in schema}


def _read_index(index: Mapping[str, Json], billing: str) -> dict[str, Json]:
    throughput = index.get("ProvisionedThroughput") or {}
    capacity = (
        {"readCapacity": throughput.get("ReadCapacityUnits"), "writeCapacity": throughput.get("WriteCapacityUnits")}
        if billing == PROVISIONED
        else {}
    )
    told = {
        "name": index["IndexName"],
        **_read_keys(index["KeySchema"]),
        "projectionType": index["Projection"]["ProjectionType"],
        "nonKeyAttributes": index["Projection"].get("NonKeyAttributes"),
        **capacity,
    }
    return {name: value for name, value in told.items() if value is not None}


def delete_table(call: Call) -> None:
    """Remove a table with its items."""
    call.aws("dynamodb").delete_table(TableName=call.id)


def check_table(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Every key has a type, and every typed attribute is a key of something."""
    found = []
    indexes = [*(inputs.get("globalSecondaryIndexes") or []), *(inputs.get("localSecondaryIndexes") or [])]
    keys = {each.get(name) for each in (inputs, *indexes) for name in ("hashKey", "rangeKey")} - {None}
    typed = {each["name"] for each in inputs.get("attributes") or []}
    if missing := sorted(keys - typed):
        found.append(("attributes", f"the keys {', '.join(missing)} need an attribute with a type"))
    if unused := sorted(typed - keys):
        found.append(("attributes", f"{', '.join(unused)} is no key of the table or of an index"))
    return found


INDEX: Final[Mapping[str, Prop]] = {
    "name": text(required=True),
    "projectionType": text(required=True, one_of=("ALL", "INCLUDE", "KEYS_ONLY")),
    "nonKeyAttributes": texts(),
    "rangeKey": text(),
}
TABLE: Final[Mapping[str, Prop]] = {
    "name": text(replaces=True),
    "hashKey": text(required=True, replaces=True),
    "rangeKey": text(replaces=True),
    "attributes": set_of(
        {"name": text(required=True), "type": text(required=True, one_of=("S", "N", "B"))}, replaces=True
    ),
    "billingMode": text(default=PROVISIONED, one_of=(PROVISIONED, "PAY_PER_REQUEST")),
    "readCapacity": integer(cloud_decides=True),
    "writeCapacity": integer(cloud_decides=True),
    # In place on AWS, one at a time and slowly.
    "globalSecondaryIndexes": set_of(
        {**INDEX, "hashKey": text(required=True), "readCapacity": integer(), "writeCapacity": integer()}, replaces=True
    ),
    "localSecondaryIndexes": set_of({**INDEX, "rangeKey": text(required=True)}, replaces=True),
    "streamEnabled": flag(default=False),
    "streamViewType": text(cloud_decides=True, one_of=("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")),
    "ttl": one({"attributeName": text(required=True), "enabled": flag(default=False)}),
    "pointInTimeRecovery": one({"enabled": flag(required=True)}, cloud_decides=True),
    "serverSideEncryption": one({"enabled": flag(required=True), "kmsKeyArn": text()}, replaces=True),
    "tableClass": text(cloud_decides=True, one_of=("STANDARD", "STANDARD_INFREQUENT_ACCESS")),
    "deletionProtectionEnabled": flag(default=False),
    **TAGS,
    **REGION,
}
RECORDS = (
    Record(
        type="aws:dynamodb/table:Table",
        service="dynamodb",
        properties=TABLE,
        outputs=("arn", "streamArn", "streamLabel"),
        recomputed=("streamArn", "streamLabel"),
        name=Name(limit=255, allowed=r"A-Za-z0-9_.\-"),
        create=create_table,
        settle=settle_table,
        read=read_table,
        update=update_table,
        delete=delete_table,
        gone=("ResourceNotFoundException",),
        check=check_table,
        refused={
            "replicas": "the local cloud keeps a table in one region",
            "importTable": "the local cloud imports nothing from S3",
            "restoreSourceName": "the local cloud restores no backups",
            "onDemandThroughput": "the local cloud limits no requests",
        },
    ),
)
