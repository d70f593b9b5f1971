"""CloudWatch Logs: log group (the SDK files it under cloudwatch)."""

from localcloud.records.record import REGION, TAGS, Call, Name, Record, View, flag, integer, text

KEPT_DAYS = frozenset(
    {0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)


def create_group(call: Call) -> str:
    """Make a log group."""
    name = str(call.inputs["name"])
    call.aws("logs").create_log_group(
        logGroupName=name,
        **call.given(kmsKeyId=call.inputs.get("kmsKeyId"), tags=call.tags or None),
    )
    return name


def settle_group(call: Call) -> None:
    """Set how long events are kept."""
    if days := call.inputs["retentionInDays"]:
        call.aws("logs").put_retention_policy(logGroupName=call.id, retentionInDays=days)


def update_group(call: Call) -> None:
    """Change retention, key and tags."""
    logs = call.aws("logs")
    if call.changed("retentionInDays"):
        if days := call.inputs["retentionInDays"]:
            logs.put_retention_policy(logGroupName=call.id, retentionInDays=days)
        else:
            logs.delete_retention_policy(logGroupName=call.id)
    if call.changed("kmsKeyId"):
        if key := call.inputs.get("kmsKeyId"):
            logs.associate_kms_key(logGroupName=call.id, kmsKeyId=key)
        else:
            logs.disassociate_kms_key(logGroupName=call.id)
    added, removed = call.tag_change()
    if removed:
        logs.untag_resource(resourceArn=_arn(call), tagKeys=removed)
    if added:
        logs.tag_resource(resourceArn=_arn(call), tags=added)


def _arn(call: Call) -> str:
    return f"arn:aws:logs:{call.region}:{call.account}:log-group:{call.id}"


def read_group(call: Call) -> View | None:
    """A log group, found by its exact name."""
    logs = call.aws("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=call.id)["logGroups"]
    group = next((item for item in groups if item["logGroupName"] == call.id), None)
    if group is None:
        return None
    return {
        "name": call.id,
        "retentionInDays": group.get("retentionInDays", 0),
        "kmsKeyId": group.get("kmsKeyId"),
        "arn": _arn(call),
        "tagsAll": logs.list_tags_for_resource(resourceArn=_arn(call)).get("tags", {}),
    }


def delete_group(call: Call) -> None:
    """Remove a log group, unless it is declared to outlive its stack."""
    if not call.inputs.get("skipDestroy"):
        call.aws("logs").delete_log_group(logGroupName=call.id)


RECORDS = (
    Record(
        type="aws:cloudwatch/logGroup:LogGroup",
        service="logs",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "retentionInDays": integer(default=0),
            "kmsKeyId": text(),
            "skipDestroy": flag(default=False, unread=True),
            "logGroupClass": text(
                default="STANDARD",
                replaces=True,
                one_of=("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
                no_effect="the local cloud keeps all logs in one class",
            ),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        name=Name(limit=512, allowed=r"A-Za-z0-9_/.#\-"),
        create=create_group,
        settle=settle_group,
        read=read_group,
        update=update_group,
        delete=delete_group,
        gone=("ResourceNotFoundException",),
        refused={"deletionProtectionEnabled": "the local cloud protects no log groups; use the protect option"},
        check=lambda inputs: (
            []
            if inputs["retentionInDays"] in KEPT_DAYS
            else [("retentionInDays", f"retentionInDays must be one of {sorted(KEPT_DAYS)}")]
        ),
    ),
)
