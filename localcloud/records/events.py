"""EventBridge (the SDK files it under cloudwatch): rule and target."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import REGION, TAGS, Call, Name, Record, View, document, flag, tags_from, tags_to, text

Json = Any
DEFAULT_BUS: Final = "default"


def put_rule(call: Call) -> str:
    """Write a rule (there is one call for new and changed)."""
    inputs = call.inputs
    call.aws("events").put_rule(
        Name=inputs["name"],
        EventBusName=inputs["eventBusName"],
        State=inputs["state"],
        **call.given(
            ScheduleExpression=inputs.get("scheduleExpression"),
            EventPattern=inputs.get("eventPattern"),
            Description=inputs.get("description"),
            RoleArn=inputs.get("roleArn"),
        ),
        **({"Tags": call.tag_list} if call.tags and not call.id else {}),
    )
    return str(inputs["name"])


def update_rule(call: Call) -> None:
    """Write the changed rule, and change tags."""
    put_rule(call)
    events, arn = call.aws("events"), call.state["arn"]
    added, removed = call.tag_change()
    if removed:
        events.untag_resource(ResourceARN=arn, TagKeys=removed)
    if added:
        events.tag_resource(ResourceARN=arn, Tags=tags_to(added))


def _bus(call: Call) -> str:
    return str(call.inputs.get("eventBusName") or call.state.get("eventBusName") or DEFAULT_BUS)


def read_rule(call: Call) -> View:
    """A rule."""
    events = call.aws("events")
    found = events.describe_rule(Name=call.id, EventBusName=_bus(call))
    return {
        "name": found["Name"],
        "eventBusName": found.get("EventBusName", DEFAULT_BUS),
        "state": found["State"],
        "scheduleExpression": found.get("ScheduleExpression") or None,
        "eventPattern": found.get("EventPattern") or None,
        "description": found.get("Description") or None,
        "roleArn": found.get("RoleArn") or None,
        "arn": found["Arn"],
        "tagsAll": tags_from(events.list_tags_for_resource(ResourceARN=found["Arn"]).get("Tags")),
    }


def delete_rule(call: Call) -> None:
    """Remove a rule; with forceDestroy, also its targets."""
    events = call.aws("events")
    if call.inputs.get("forceDestroy"):
        targets = events.list_targets_by_rule(Rule=call.id, EventBusName=_bus(call))["Targets"]
        if targets:
            events.remove_targets(Rule=call.id, EventBusName=_bus(call), Ids=[each["Id"] for each in targets])
    events.delete_rule(Name=call.id, EventBusName=_bus(call))


def check_rule(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A rule waits for something."""
    if not inputs.get("scheduleExpression") and not inputs.get("eventPattern"):
        return [("eventPattern", "give scheduleExpression or eventPattern, or both")]
    return []


def put_target(call: Call) -> str:
    """Write a rule's target; the SDK's id is made of rule and target."""
    inputs = call.inputs
    target = call.given(
        Id=inputs["targetId"],
        Arn=inputs["arn"],
        RoleArn=inputs.get("roleArn"),
        Input=inputs.get("input"),
        InputPath=inputs.get("inputPath"),
    )
    call.aws("events").put_targets(Rule=inputs["rule"], EventBusName=inputs["eventBusName"], Targets=[target])
    return f"{inputs['rule']}-{inputs['targetId']}"


def read_target(call: Call) -> View | None:
    """A target, found among its rule's; imported as bus, rule and target, with slashes between."""
    bus, rule, target = _place(call)
    for found in call.aws("events").list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]:
        if found["Id"] == target:
            return {
                "id": f"{rule}-{target}",
                "rule": rule,
                "eventBusName": bus,
                "targetId": target,
                "arn": found["Arn"],
                "roleArn": found.get("RoleArn") or None,
                "input": found.get("Input") or None,
                "inputPath": found.get("InputPath") or None,
            }
    return None


def _place(call: Call) -> tuple[str, str, str]:
    if "/" in call.id:
        *bus, rule, target = call.id.split("/")
        return "/".join(bus) or DEFAULT_BUS, rule, target
    known = {**call.state, **call.inputs}
    rule = str(known.get("rule") or "")
    return _bus(call), rule, str(known.get("targetId") or call.id.removeprefix(f"{rule}-"))


def delete_target(call: Call) -> None:
    """Take a target from its rule."""
    bus, rule, target = _place(call)
    call.aws("events").remove_targets(Rule=rule, EventBusName=bus, Ids=[target])


RECORDS = (
    Record(
        type="aws:cloudwatch/eventRule:EventRule",
        service="events",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "eventBusName": text(default=DEFAULT_BUS, replaces=True),
            "scheduleExpression": text(),
            "eventPattern": document(),
            "description": text(),
            "roleArn": text(),
            "state": text(
                default="ENABLED",
                one_of=("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"),
            ),
            "forceDestroy": flag(default=False, unread=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        name=Name(limit=64, allowed=r"A-Za-z0-9_.\-"),
        create=put_rule,
        read=read_rule,
        update=update_rule,
        delete=delete_rule,
        gone=("ResourceNotFoundException",),
        check=check_rule,
        refused={"isEnabled": "deprecated by the SDK; give state"},
    ),
    Record(
        type="aws:cloudwatch/eventTarget:EventTarget",
        service="events",
        properties={
            "rule": text(required=True, replaces=True),
            "eventBusName": text(default=DEFAULT_BUS, replaces=True),
            "targetId": text(replaces=True),
            "arn": text(required=True),
            "roleArn": text(),
            "input": text(),
            "inputPath": text(),
            **REGION,
        },
        outputs=(),
        name=Name(prop="targetId", prefix_prop="", limit=64, allowed=r"A-Za-z0-9_.\-"),
        create=put_target,
        read=read_target,
        update=put_target,
        delete=delete_target,
        gone=("ResourceNotFoundException",),
        refused={
            "ecsTarget": "the local cloud starts no task for an event",
            "inputTransformer": "the local cloud changes no events",
            "deadLetterConfig": "the local cloud keeps no events that were not delivered",
            "retryPolicy": "the local cloud delivers an event once",
        },
    ),
)
