"""The contract cases of policies on one thing, of DNS, and of what watches."""

import json
from typing import Any

from localcloud_door import Made
from localcloud_world import Aws, Case, World, policy

PULL = policy({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"})
NO_PULL = policy({"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage"})
READ = policy({"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"})
NO_READ = policy({"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"})


def expiry(days: int) -> str:
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    rule = {"rulePriority": 1, "description": "old ones", "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


def repository(world: World) -> str:
    return world.one("aws:ecr/repository:Repository", "world-repository").id


def zone(world: World) -> str:
    return world.one("aws:route53/zone:Zone", "world-zone", name="example.org").id


def record_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("route53").list_resource_record_sets(HostedZoneId=made.inputs["zoneId"])["ResourceRecordSets"]
    (record,) = [each for each in found if each["Type"] == "A"]
    return {"ttl": record["TTL"], "records": [each["Value"] for each in record["ResourceRecords"]]}


def lead_elsewhere(call: Aws, made: Made, _: World) -> None:
    record = {"Name": "www.example.org", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.9"}]}
    call("route53").change_resource_record_sets(
        HostedZoneId=made.inputs["zoneId"],
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )


def alarm_told(call: Aws, made: Made) -> dict[str, Any]:
    (alarm,) = call("cloudwatch").describe_alarms(AlarmNames=[made.id])["MetricAlarms"]
    return {
        "threshold": alarm["Threshold"],
        "period": alarm["Period"],
        "metricName": alarm["MetricName"],
        "evaluateLowSampleCountPercentiles": alarm["EvaluateLowSampleCountPercentile"],
    }


def other_alarm(call: Aws, made: Made, _: World) -> None:
    call("cloudwatch").put_metric_alarm(
        AlarmName=made.id,
        MetricName="CPUUtilization",
        Namespace="AWS/EC2",
        ExtendedStatistic="p95",
        EvaluateLowSampleCountPercentile="ignore",
        Period=60,
        EvaluationPeriods=2,
        Threshold=95,
        ComparisonOperator="GreaterThanThreshold",
    )


def scanning_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
    return {"scanType": told["scanType"], "rules": told["rules"]}


EVERY_PUSH = [
    {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]},
]

CASES = (
    Case(
        type="aws:secretsmanager/secretPolicy:SecretPolicy",
        declare=lambda w: {"secretArn": w.secret, "policy": READ},
        told=lambda aws, made: {
            "policy": aws("secretsmanager").get_resource_policy(SecretId=made.id)["ResourcePolicy"]
        },
        change=lambda _: {"policy": NO_READ},
        edit=lambda aws, made, _: aws("secretsmanager").put_resource_policy(SecretId=made.id, ResourcePolicy=NO_READ),
        drifts="policy",
    ),
    Case(
        type="aws:ecr/repositoryPolicy:RepositoryPolicy",
        declare=lambda w: {"repository": repository(w), "policy": PULL},
        told=lambda aws, made: {"policy": aws("ecr").get_repository_policy(repositoryName=made.id)["policyText"]},
        change=lambda _: {"policy": NO_PULL},
        edit=lambda aws, made, _: aws("ecr").set_repository_policy(repositoryName=made.id, policyText=NO_PULL),
        drifts="policy",
    ),
    Case(
        type="aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
        declare=lambda _: {"scanType": "BASIC", "rules": EVERY_PUSH},
        told=scanning_told,
        change=lambda _: {"scanType": "ENHANCED"},
        edit=lambda aws, made, _: aws("ecr").put_registry_scanning_configuration(scanType="BASIC", rules=[]),
        drifts="rules",
        # A region has one registry, which scans somehow.
        outlives_deletion=True,
    ),
    Case(
        type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        declare=lambda w: {"repository": repository(w), "policy": expiry(14)},
        told=lambda aws, made: {
            "policy": aws("ecr").get_lifecycle_policy(repositoryName=made.id)["lifecyclePolicyText"]
        },
        change=lambda _: {"policy": expiry(30)},
        edit=lambda aws, made, _: aws("ecr").put_lifecycle_policy(
            repositoryName=made.id, lifecyclePolicyText=expiry(7)
        ),
        drifts="policy",
    ),
    Case(
        type="aws:route53/zone:Zone",
        declare=lambda _: {"name": "example.com", "comment": "ours"},
        told=lambda aws, made: {
            "comment": aws("route53").get_hosted_zone(Id=made.id)["HostedZone"]["Config"]["Comment"]
        },
        change=lambda _: {"comment": "still ours", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("route53").update_hosted_zone_comment(Id=made.id, Comment="edited"),
        drifts="comment",
    ),
    Case(
        type="aws:route53/record:Record",
        declare=lambda w: {
            "zoneId": zone(w),
            "name": "www.example.org",
            "type": "A",
            "ttl": 300,
            "records": ["192.0.2.1", "192.0.2.2"],
        },
        told=record_told,
        change=lambda _: {"ttl": 60, "records": ["192.0.2.3"]},
        edit=lead_elsewhere,
        drifts="records",
    ),
    Case(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        declare=lambda _: {
            "comparisonOperator": "GreaterThanThreshold",
            "evaluationPeriods": 2,
            "metricName": "CPUUtilization",
            "namespace": "AWS/EC2",
            "period": 60,
            "extendedStatistic": "p95",
            "evaluateLowSampleCountPercentiles": "ignore",
            "threshold": 80,
        },
        told=alarm_told,
        change=lambda _: {"threshold": 90.5, "tags": {"a": "b"}},
        edit=other_alarm,
        drifts="threshold",
    ),
    Case(
        type="aws:guardduty/detector:Detector",
        declare=lambda _: {"enable": True, "findingPublishingFrequency": "ONE_HOUR"},
        told=lambda aws, made: {
            "findingPublishingFrequency": aws("guardduty").get_detector(DetectorId=made.id)[
                "FindingPublishingFrequency"
            ]
        },
        change=lambda _: {"findingPublishingFrequency": "SIX_HOURS"},
        edit=lambda aws, made, _: aws("guardduty").update_detector(
            DetectorId=made.id, FindingPublishingFrequency="FIFTEEN_MINUTES"
        ),
        drifts="findingPublishingFrequency",
    ),
)
