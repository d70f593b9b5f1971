"""What a service's load balancer is watched for, and the topic that is told. ECS takes a rollout back by these."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, lb, sns

from components.aws.documents import document

PERIOD_SECONDS: Final = 60
PERIODS: Final = 3
# More than five failed requests in a minute, in two of three minutes: one crash and its retries stay below, a route
# that always fails is above it when it is asked every ten seconds. A share would go off at a night's first request.
ERRORS: Final = 5
# A copy is told unhealthy after a minute (two checks, 30 s apart) and another one stands within two: a copy that is
# unhealthy for three minutes on end is one whose replacement is no better.
UNHEALTHY: Final = 0
# Seconds. A person's train of thought breaks after one; nineteen of twenty requests stay below it.
# https://www.nngroup.com/articles/response-times-3-important-limits/
SLOW: Final = 1.0


def alarms(
    name: str, account: Input[str], balancer: lb.LoadBalancer, targets: lb.TargetGroup, opts: ResourceOptions
) -> tuple[Output[str], list[Output[str]]]:
    """The topic's ARN, and the names of the alarms that tell it: failed requests, unhealthy copies, slow answers."""
    topic = _topic(name, account, opts)
    place = {"LoadBalancer": balancer.arn_suffix, "TargetGroup": targets.arn_suffix}
    watched: Mapping[str, dict[str, Any]] = {
        "errors": {
            "alarm_description": f"{name} fails more than {ERRORS} requests a minute",
            "metric_name": "HTTPCode_Target_5XX_Count",
            "statistic": "Sum",
            "threshold": ERRORS,
            "datapoints_to_alarm": 2,
        },
        "unhealthy": {
            "alarm_description": f"a copy of {name} stays unhealthy for {PERIODS} minutes",
            "metric_name": "UnHealthyHostCount",
            "statistic": "Maximum",
            "threshold": UNHEALTHY,
        },
        "slow": {
            "alarm_description": f"one of twenty requests to {name} takes longer than {SLOW:g} s",
            "metric_name": "TargetResponseTime",
            "extended_statistic": "p95",
            # Of three requests, the slowest says nothing.
            "evaluate_low_sample_count_percentiles": "ignore",
            "threshold": SLOW,
        },
    }
    made = [
        cloudwatch.MetricAlarm(
            f"{name}-{what}",
            name=f"{name}-{what}",
            namespace="AWS/ApplicationELB",
            comparison_operator="GreaterThanThreshold",
            period=PERIOD_SECONDS,
            evaluation_periods=PERIODS,
            # Nobody asked, so nothing failed.
            treat_missing_data="notBreaching",
            dimensions=place,
            alarm_actions=[topic],
            ok_actions=[topic],
            tags={"Name": f"{name}-{what}"},
            opts=opts,
            **watched_for,
        )
        for what, watched_for in watched.items()
    ]
    return topic, [alarm.name for alarm in made]


def _topic(name: str, account: Input[str], opts: ResourceOptions) -> Output[str]:
    """Its own, beside the budget's: who is woken at night is not who pays. Alarms hold no secret, so no key."""
    logical = f"{name}-alarms"
    topic = sns.Topic(logical, name=logical, tags={"Name": logical}, opts=opts)
    policy = Output.all(topic.arn, account).apply(lambda known: document(*_told_by_alarms(*known)))
    sns.TopicPolicy(logical, arn=topic.arn, policy=policy, opts=opts)
    return topic.arn


def _told_by_alarms(topic: str, account: str) -> Sequence[dict[str, Any]]:
    return [
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
    ]
