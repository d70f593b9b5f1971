"""The contract cases of functions, state machines and events."""

import json
from typing import Any

from localcloud_cases_s3 import text_asset
from localcloud_door import Made
from localcloud_world import TRUST, Aws, Case, World

from localcloud.provider.assets import SIGNED_ARCHIVE
from localcloud.provider.values import SIGNATURE

HANDLER = "def handle(event, context): return event"
PASS = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}})
WAIT = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Wait", "Seconds": 1, "End": True}}})


def code(digest: str) -> dict[str, Any]:
    return {SIGNATURE: SIGNED_ARCHIVE, "hash": digest, "assets": {"main.py": text_asset(HANDLER, digest)}}


def function(world: World) -> str:
    inputs = {"role": role(world), "runtime": "python3.12", "handler": "main.handle", "code": code("9")}
    return world.one("aws:lambda/function:Function", "world-function", **inputs).id


def role(world: World) -> str:
    return str(world.one("aws:iam/role:Role", "world-runner", assumeRolePolicy=TRUST).outputs["arn"])


def function_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("lambda").get_function(FunctionName=made.id)["Configuration"]
    return {
        "runtime": found["Runtime"],
        "handler": found["Handler"],
        "memorySize": found["MemorySize"],
        "environment": {"variables": found["Environment"]["Variables"]},
        "role": found["Role"],
    }


def permission_told(call: Aws, made: Made) -> dict[str, Any]:
    policy = json.loads(call("lambda").get_policy(FunctionName=made.inputs["function"])["Policy"])
    (found,) = [each for each in policy["Statement"] if each["Sid"] == made.id]
    return {"action": found["Action"], "principal": found["Principal"]["Service"]}


def machine_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("stepfunctions").describe_state_machine(stateMachineArn=made.id)
    return {"definition": found["definition"], "roleArn": found["roleArn"]}


def rule_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("events").describe_rule(Name=made.id)
    return {"scheduleExpression": found["ScheduleExpression"], "description": found["Description"]}


def rule(world: World) -> str:
    return world.one("aws:cloudwatch/eventRule:EventRule", "world-rule", scheduleExpression="rate(1 day)").id


def queue_arn(world: World, name: str) -> str:
    return str(world.one("aws:sqs/queue:Queue", name).outputs["arn"])


def target_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("events").list_targets_by_rule(Rule=made.inputs["rule"])["Targets"]
    (target,) = [each for each in found if each["Id"] == made.inputs["targetId"]]
    return {"arn": target["Arn"], "input": target["Input"]}


def move_target(call: Aws, made: Made, world: World) -> None:
    target = {"Id": made.inputs["targetId"], "Arn": queue_arn(world, "world-events-2"), "Input": "{}"}
    call("events").put_targets(Rule=made.inputs["rule"], Targets=[target])


CASES = (
    Case(
        type="aws:lambda/function:Function",
        declare=lambda w: {
            "role": role(w),
            "runtime": "python3.12",
            "handler": "main.handle",
            "code": code("1"),
            "environment": {"variables": {"TABLE": "orders"}},
            "memorySize": 256,
        },
        told=function_told,
        change=lambda _: {"memorySize": 512, "code": code("2"), "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("lambda").update_function_configuration(FunctionName=made.id, Timeout=60),
        drifts="timeout",
    ),
    Case(
        type="aws:lambda/permission:Permission",
        declare=lambda w: {
            "function": function(w),
            "action": "lambda:InvokeFunction",
            "principal": "events.amazonaws.com",
        },
        told=permission_told,
        change=lambda _: {"principal": "s3.amazonaws.com"},
        replaces=True,
        import_id=lambda made: f"{made.inputs['function']}/{made.id}",
    ),
    Case(
        type="aws:sfn/stateMachine:StateMachine",
        declare=lambda w: {"roleArn": role(w), "definition": PASS},
        told=machine_told,
        change=lambda _: {"definition": WAIT, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("stepfunctions").update_state_machine(stateMachineArn=made.id, definition=WAIT),
        drifts="definition",
    ),
    Case(
        type="aws:cloudwatch/eventRule:EventRule",
        declare=lambda _: {"scheduleExpression": "rate(5 minutes)", "description": "often"},
        told=rule_told,
        change=lambda _: {"scheduleExpression": "rate(1 hour)", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("events").disable_rule(Name=made.id),
        drifts="state",
    ),
    Case(
        type="aws:cloudwatch/eventTarget:EventTarget",
        declare=lambda w: {"rule": rule(w), "arn": queue_arn(w, "world-events"), "input": "{}"},
        told=target_told,
        change=lambda w: {"arn": queue_arn(w, "world-events-2")},
        edit=move_target,
        drifts="arn",
        import_id=lambda made: f"{made.inputs['rule']}/{made.inputs['targetId']}",
    ),
)
