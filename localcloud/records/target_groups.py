"""Elastic Load Balancing v2: target group (the SDK files it under lb)."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.elb_shared import as_text, attributes, from_text, retag, tags_of
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
    text,
)

Json = Any


GROUP_ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "slowStart": "slow_start.duration_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
}


STICKINESS = {"enabled": "stickiness.enabled", "type": "stickiness.type"}


COOKIE = {"lb_cookie": "stickiness.lb_cookie.duration_seconds", "app_cookie": "stickiness.app_cookie.duration_seconds"}


APP_COOKIE_NAME = "stickiness.app_cookie.cookie_name"


# Health check: SDK property and argument of the API.
HEALTH = {
    "enabled": "HealthCheckEnabled",
    "interval": "HealthCheckIntervalSeconds",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "protocol": "HealthCheckProtocol",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthyThreshold": "HealthyThresholdCount",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}


def _health(check: Mapping[str, Json] | None) -> dict[str, Json]:
    if not check:
        return {}
    arguments = {argument: check[name] for name, argument in HEALTH.items() if check.get(name) is not None}
    return arguments | ({"Matcher": {"HttpCode": check["matcher"]}} if check.get("matcher") else {})


def create_group(call: Call) -> str:
    """Make a target group."""
    inputs = call.inputs
    group = call.aws("elbv2").create_target_group(
        Name=inputs["name"],
        TargetType=inputs["targetType"],
        **call.given(
            Tags=call.tag_list or None,
            Protocol=inputs.get("protocol"),
            Port=inputs.get("port"),
            VpcId=inputs.get("vpcId"),
            ProtocolVersion=inputs.get("protocolVersion"),
            IpAddressType=inputs.get("ipAddressType"),
        ),
        **_health(inputs.get("healthCheck")),
    )
    return str(group["TargetGroups"][0]["TargetGroupArn"])


def set_group_attributes(call: Call) -> None:
    """Set what differs, stickiness included."""
    wanted = attributes(GROUP, GROUP_ATTRIBUTES, call)
    if call.changed("stickiness") and (sticky := call.inputs.get("stickiness")):
        wanted += [{"Key": key, "Value": as_text(sticky.get(name, True))} for name, key in STICKINESS.items()]
        if sticky.get("cookieDuration") and sticky["type"] in COOKIE:
            wanted.append({"Key": COOKIE[sticky["type"]], "Value": str(sticky["cookieDuration"])})
        if sticky.get("cookieName"):
            wanted.append({"Key": APP_COOKIE_NAME, "Value": sticky["cookieName"]})
    if wanted:
        call.aws("elbv2").modify_target_group_attributes(TargetGroupArn=call.id, Attributes=wanted)


def update_group(call: Call) -> None:
    """Change health check, attributes and tags."""
    if call.changed("healthCheck") and (health := _health(call.inputs.get("healthCheck"))):
        call.aws("elbv2").modify_target_group(TargetGroupArn=call.id, **health)
    set_group_attributes(call)
    retag(call)


def read_group(call: Call) -> View:
    """A target group."""
    elb = call.aws("elbv2")
    group = elb.describe_target_groups(TargetGroupArns=[call.id])["TargetGroups"][0]
    found = elb.describe_target_group_attributes(TargetGroupArn=call.id)["Attributes"]
    kept = {item["Key"]: item["Value"] for item in found}
    kind = kept.get("stickiness.type")
    cookie = kept.get(COOKIE.get(kind or "", ""))
    return {name: from_text(GROUP[name], kept.get(key)) for name, key in GROUP_ATTRIBUTES.items()} | {
        "name": group["TargetGroupName"],
        "targetType": group.get("TargetType"),
        "port": group.get("Port"),
        "protocol": group.get("Protocol"),
        "protocolVersion": group.get("ProtocolVersion"),
        "vpcId": group.get("VpcId"),
        "ipAddressType": group.get("IpAddressType"),
        "healthCheck": {name: group.get(argument) for name, argument in HEALTH.items()}
        | {"matcher": (group.get("Matcher") or {}).get("HttpCode")},
        "stickiness": {
            "type": kind,
            "enabled": kept.get("stickiness.enabled") == "true",
            "cookieDuration": int(cookie) if cookie else None,
            "cookieName": kept.get(APP_COOKIE_NAME) or None,
        },
        "arn": call.id,
        "arnSuffix": call.id.rpartition(":")[2],
        "tagsAll": tags_of(call),
    }


def delete_group(call: Call) -> None:
    """Remove a target group."""
    elb = call.aws("elbv2")
    elb.describe_target_groups(TargetGroupArns=[call.id])
    elb.delete_target_group(TargetGroupArn=call.id)


HEALTH_CHECK: Mapping[str, Prop] = {
    "enabled": flag(default=True),
    "interval": integer(cloud_decides=True),
    "path": text(cloud_decides=True),
    "port": text(cloud_decides=True),
    "protocol": text(cloud_decides=True),
    "timeout": integer(cloud_decides=True),
    "healthyThreshold": integer(cloud_decides=True),
    "unhealthyThreshold": integer(cloud_decides=True),
    "matcher": text(cloud_decides=True),
}


GROUP: Mapping[str, Prop] = {
    "name": text(replaces=True),
    "namePrefix": text(replaces=True, unread=True),
    "targetType": text(default="instance", replaces=True, one_of=("instance", "ip", "lambda", "alb")),
    "port": integer(replaces=True),
    "protocol": text(replaces=True),
    "protocolVersion": text(cloud_decides=True, replaces=True),
    "vpcId": text(replaces=True),
    "ipAddressType": text(cloud_decides=True, replaces=True),
    "healthCheck": one(HEALTH_CHECK, cloud_decides=True),
    "deregistrationDelay": integer(default=300),
    "slowStart": integer(default=0),
    "loadBalancingAlgorithmType": text(cloud_decides=True),
    "stickiness": one(
        {
            "type": text(required=True),
            "enabled": flag(default=True),
            "cookieDuration": integer(cloud_decides=True),
            "cookieName": text(),
        },
        cloud_decides=True,
    ),
    **TAGS,
    **REGION,
}


RECORDS = (
    Record(
        type="aws:lb/targetGroup:TargetGroup",
        service="elbv2",
        properties=GROUP,
        outputs=("arn", "arnSuffix"),
        name=Name(limit=32, allowed=r"A-Za-z0-9\-"),
        create=create_group,
        settle=set_group_attributes,
        read=read_group,
        update=update_group,
        delete=delete_group,
        gone=("TargetGroupNotFound",),
        refused={
            "connectionTermination": "the local cloud terminates no connections",
            "lambdaMultiValueHeadersEnabled": "the local cloud's targets are no functions",
            "loadBalancingAnomalyMitigation": "the local cloud detects no anomalies",
            "loadBalancingCrossZoneEnabled": "the local cloud has one zone of targets",
            "preserveClientIp": "the local cloud's targets are on loopback",
            "proxyProtocolV2": "the local cloud's targets are on loopback",
            "targetControlPort": "the local cloud has no target optimiser",
            "targetFailovers": "the local cloud has no gateway load balancers",
            "targetGroupHealth": "the local cloud fails over to nothing",
            "targetHealthStates": "the local cloud terminates no connections",
        },
    ),
)
