"""What watches: CloudWatch alarm, GuardDuty detector."""

from collections.abc import Mapping
from typing import Any, Final

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
    integer,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
# The SDK's name, the service's.
ALARM: Final[Mapping[str, str]] = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "extendedStatistic": "ExtendedStatistic",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}


def put_alarm(call: Call) -> str:
    """Write an alarm (there is one call for new and changed)."""
    inputs = call.inputs
    told = {key: inputs[name] for name, key in ALARM.items() if inputs.get(name) is not None}
    dimensions = [{"Name": key, "Value": value} for key, value in (inputs.get("dimensions") or {}).items()]
    call.aws("cloudwatch").put_metric_alarm(
        AlarmName=inputs["name"], Dimensions=dimensions, **told, **({} if call.id else {"Tags": call.tag_list})
    )
    return str(inputs["name"])


def update_alarm(call: Call) -> None:
    """Write the changed alarm, and change tags."""
    put_alarm(call)
    client, arn = call.aws("cloudwatch"), call.state["arn"]
    added, removed = call.tag_change()
    if removed:
        client.untag_resource(ResourceARN=arn, TagKeys=removed)
    if added:
        client.tag_resource(ResourceARN=arn, Tags=tags_to(added))


def read_alarm(call: Call) -> View | None:
    """An alarm."""
    client = call.aws("cloudwatch")
    found = client.describe_alarms(AlarmNames=[call.id])["MetricAlarms"]
    if not found:
        return None
    alarm = found[0]
    view = {name: alarm.get(key) for name, key in ALARM.items()}
    threshold = view["threshold"]
    return view | {
        "threshold": int(threshold) if threshold is not None and float(threshold).is_integer() else threshold,
        "name": alarm["AlarmName"],
        "dimensions": {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []},
        "arn": alarm["AlarmArn"],
        "tagsAll": tags_from(client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]).get("Tags")),
    }


def delete_alarm(call: Call) -> None:
    """Remove an alarm."""
    call.aws("cloudwatch").delete_alarms(AlarmNames=[call.id])


def create_detector(call: Call) -> str:
    """Switch GuardDuty on for the account's region."""
    made = call.aws("guardduty").create_detector(
        Enable=call.inputs["enable"],
        Tags=call.tags,
        **call.given(FindingPublishingFrequency=call.inputs.get("findingPublishingFrequency")),
    )
    return str(made["DetectorId"])


def update_detector(call: Call) -> None:
    """Change whether it is on, and how often it tells."""
    call.aws("guardduty").update_detector(
        DetectorId=call.id,
        Enable=call.inputs["enable"],
        **call.given(FindingPublishingFrequency=call.inputs.get("findingPublishingFrequency")),
    )


def read_detector(call: Call) -> View:
    """A detector."""
    found = call.aws("guardduty").get_detector(DetectorId=call.id)
    return {
        "enable": found["Status"] == "ENABLED",
        "findingPublishingFrequency": found.get("FindingPublishingFrequency"),
        "accountId": call.account,
        "arn": f"arn:aws:guardduty:{call.region}:{call.account}:detector/{call.id}",
        "tagsAll": found.get("Tags") or {},
    }


def delete_detector(call: Call) -> None:
    """Switch it off."""
    call.aws("guardduty").delete_detector(DetectorId=call.id)


def check_alarm(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """An alarm looks at one metric, in one way."""
    if bool(inputs.get("statistic")) == bool(inputs.get("extendedStatistic")):
        return [("statistic", "give statistic or extendedStatistic, one of them")]
    missing = [name for name in ("metricName", "namespace", "period") if not inputs.get(name)]
    return [(name, f"an alarm on a metric needs {name}") for name in missing]


NO_QUERIES: Final = "the local cloud's alarms look at one metric"
RECORDS = (
    Record(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        service="cloudwatch",
        properties={
            "name": text(replaces=True),
            "comparisonOperator": text(required=True),
            "evaluationPeriods": integer(required=True),
            "metricName": text(),
            "namespace": text(),
            "period": integer(),
            "statistic": text(one_of=("SampleCount", "Average", "Sum", "Minimum", "Maximum")),
            "extendedStatistic": text(),
            "threshold": Prop(kind=Kind.NUMBER),
            "unit": text(),
            "datapointsToAlarm": integer(),
            "evaluateLowSampleCountPercentiles": text(one_of=("evaluate", "ignore")),
            "treatMissingData": text(default="missing", one_of=("missing", "ignore", "breaching", "notBreaching")),
            "actionsEnabled": flag(default=True),
            "alarmActions": texts(),
            "okActions": texts(),
            "insufficientDataActions": texts(),
            "alarmDescription": text(),
            "dimensions": Prop(kind=Kind.MAP),
            **TAGS,
            **REGION,
        },
        name=Name(prop="name", prefix_prop="", limit=255, allowed=r"A-Za-z0-9_.\-/ "),
        unique=("name",),
        create=put_alarm,
        read=read_alarm,
        update=update_alarm,
        delete=delete_alarm,
        gone=("ResourceNotFound",),
        check=check_alarm,
        refused={"metricQueries": NO_QUERIES, "thresholdMetricId": NO_QUERIES},
    ),
    Record(
        type="aws:guardduty/detector:Detector",
        service="guardduty",
        properties={
            "enable": flag(default=True),
            "findingPublishingFrequency": text(cloud_decides=True, one_of=("FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS")),
            # In place on AWS; moto changes no tags of a detector.
            "tags": Prop(kind=Kind.MAP, replaces=True),
            **REGION,
        },
        outputs=("accountId", "arn"),
        create=create_detector,
        read=read_detector,
        update=update_detector,
        delete=delete_detector,
        gone=("BadRequestException",),
        refused={"datasources": "deprecated by the SDK; the local cloud finds nothing in any source"},
    ),
)
