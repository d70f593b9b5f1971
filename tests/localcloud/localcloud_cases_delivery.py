"""The contract cases of what builds, delivers, watches the bill and the account, and rotates secrets."""

from typing import Any

from localcloud_cases_s3 import bucket
from localcloud_cases_serverless import function
from localcloud_door import Made
from localcloud_world import Aws, Case, World, policy

ASSUMED = policy(
    {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
)
KIND = {"owner": "AWS", "version": "1"}
SOURCE = {
    "name": "Source",
    "actions": [
        {
            **KIND,
            "name": "pull",
            "category": "Source",
            "provider": "CodeCommit",
            "outputArtifacts": ["source"],
            "configuration": {"RepositoryName": "app", "BranchName": "main"},
        }
    ],
}


def approval(name: str) -> dict[str, Any]:
    return {
        "name": "Production",
        "actions": [{**KIND, "name": name, "category": "Approval", "provider": "Manual"}],
    }


def asking(*commands: str) -> dict[str, Any]:
    action = {**KIND, "name": "ask", "category": "Compute", "provider": "Commands", "inputArtifacts": ["source"]}
    return {"name": "Deploy", "actions": [action | {"commands": list(commands)}]}


def pipeline_role(world: World) -> str:
    return str(world.one("aws:iam/role:Role", "world-pipeline-role", assumeRolePolicy=ASSUMED).outputs["arn"])


def pipeline_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("codepipeline").get_pipeline(name=made.id)["pipeline"]
    store = found["artifactStore"]
    assert [stage["name"] for stage in found["stages"]] == ["Source", "Production", "Deploy"]
    assert found["stages"][2]["actions"][0]["commands"][-1] == "deploy"
    assert found["stages"][0]["actions"][0]["outputArtifacts"] == [{"name": "source"}]
    return {"artifactStores": [{"location": store["location"], "type": store["type"]}], "roleArn": found["roleArn"]}


def other_approval(call: Aws, made: Made, _: World) -> None:
    pipeline = call("codepipeline").get_pipeline(name=made.id)["pipeline"]
    # Somebody lets production run without a person.
    action = {"category": "Invoke", "owner": "AWS", "provider": "Lambda", "version": "1"}
    pipeline["stages"][1]["actions"][0]["actionTypeId"] = action
    call("codepipeline").update_pipeline(pipeline=pipeline)


def build_role(world: World) -> str:
    assumed = ASSUMED.replace("codepipeline", "codebuild")
    return str(world.one("aws:iam/role:Role", "world-build-role", assumeRolePolicy=assumed).outputs["arn"])


def building(*phases: str) -> dict[str, Any]:
    return {"type": "CODEPIPELINE", "buildspec": f"version: 0.2\nphases: {{build: {{commands: {list(phases)}}}}}"}


def project_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("codebuild").batch_get_projects(names=[made.id])["projects"]
    logs = found["logsConfig"]["cloudWatchLogs"]
    assert found["environment"]["environmentVariables"][0]["value"] == "test"
    assert found["vpcConfig"]["subnets"]
    return {
        "serviceRole": found["serviceRole"],
        "source": found["source"],
        "artifacts": {"type": found["artifacts"]["type"]},
        "description": found["description"],
        "logsConfig": {"cloudwatchLogs": {"groupName": logs["groupName"]}},
        "buildTimeout": found["timeoutInMinutes"],
    }


def privileged(call: Aws, made: Made, _: World) -> None:
    (found,) = call("codebuild").batch_get_projects(names=[made.id])["projects"]
    # Somebody lets builds reach the host.
    environment = found["environment"] | {"privilegedMode": True}
    call("codebuild").update_project(name=found["name"], environment=environment)


def notification(threshold: float) -> dict[str, Any]:
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberSnsTopicArns": ["arn:aws:sns:eu-central-1:123456789012:bills"],
    }


def budget_told(call: Aws, made: Made) -> dict[str, Any]:
    account, _, name = made.id.partition(":")
    found = call("budgets").describe_budget(AccountId=account, BudgetName=name)["Budget"]
    told = call("budgets").describe_notifications_for_budget(AccountId=account, BudgetName=name)["Notifications"]
    subscribers = call("budgets").describe_subscribers_for_notification(
        AccountId=account, BudgetName=name, Notification=told[0]
    )["Subscribers"]
    return {
        "limitAmount": found["BudgetLimit"]["Amount"],
        "costFilters": [{"name": key, "values": values} for key, values in found["CostFilters"].items()],
        "notifications": [
            notification(told[0]["Threshold"]) | {"subscriberSnsTopicArns": [each["Address"] for each in subscribers]}
        ],
    }


def spend_more(call: Aws, made: Made, _: World) -> None:
    account, _, name = made.id.partition(":")
    found = call("budgets").describe_budget(AccountId=account, BudgetName=name)["Budget"]
    for told in ("CalculatedSpend", "LastUpdatedTime", "CostTypes"):
        found.pop(told)
    call("budgets").update_budget(AccountId=account, NewBudget=found | {"BudgetLimit": {"Amount": "9", "Unit": "USD"}})


def trail_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("cloudtrail").get_trail(Name=made.id)["Trail"]
    return {
        "s3BucketName": found["S3BucketName"],
        "isMultiRegionTrail": found["IsMultiRegionTrail"],
        "enableLogFileValidation": found["LogFileValidationEnabled"],
        "enableLogging": call("cloudtrail").get_trail_status(Name=made.id)["IsLogging"],
    }


def namespace_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("servicediscovery").get_namespace(Id=made.id)["Namespace"]
    zone = call("route53").get_hosted_zone(Id=found["Properties"]["DnsProperties"]["HostedZoneId"])
    assert zone["HostedZone"]["Config"]["PrivateZone"]
    assert zone["HostedZone"]["Name"] == f"{found['Name']}."
    return {"name": found["Name"], "description": found["Description"], "vpc": zone["VPCs"][0]["VPCId"]}


def rotation_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("secretsmanager").describe_secret(SecretId=made.id)
    assert found["RotationEnabled"]
    return {
        "rotationLambdaArn": found["RotationLambdaARN"],
        "rotationRules": {"automaticallyAfterDays": found["RotationRules"]["AutomaticallyAfterDays"]},
    }


def rotator(world: World) -> str:
    function(world)
    return str(world.one("aws:lambda/function:Function", "world-function").outputs["arn"])


def rotated(world: World) -> str:
    return world.one("aws:secretsmanager/secret:Secret", "world-rotated", recoveryWindowInDays=0).id


def cluster(world: World) -> str:
    return str(world.one("aws:ecs/cluster:Cluster", "world-capacity").outputs["name"])


def providers_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("ecs").describe_clusters(clusters=[made.id])["clusters"]
    return {"capacityProviders": found["capacityProviders"]}


CASES = (
    Case(
        type="aws:codepipeline/pipeline:Pipeline",
        declare=lambda w: {
            "roleArn": pipeline_role(w),
            "artifactStores": [{"location": bucket(w, "world-artifacts"), "type": "S3"}],
            "pipelineType": "V2",
            "stages": [SOURCE, approval("approve"), asking("deploy")],
        },
        told=pipeline_told,
        change=lambda _: {"stages": [SOURCE, approval("decide"), asking("build", "deploy")], "tags": {"a": "b"}},
        edit=other_approval,
        drifts="stages",
    ),
    Case(
        type="aws:codebuild/project:Project",
        declare=lambda w: {
            "serviceRole": build_role(w),
            "source": building("make test"),
            "artifacts": {"type": "CODEPIPELINE"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "environmentVariables": [{"name": "STAGE", "value": "test"}],
            },
            "vpcConfig": {"vpcId": w.vpc, "subnets": [w.subnet(1)], "securityGroupIds": [w.group]},
            "logsConfig": {"cloudwatchLogs": {"groupName": "builds"}},
            "description": "tests",
            "buildTimeout": 15,
        },
        told=project_told,
        change=lambda _: {
            "source": building("make test", "make lint"),
            "description": "all tests",
            "badgeEnabled": True,
            "tags": {"a": "b"},
        },
        edit=privileged,
        drifts="environment",
    ),
    Case(
        type="aws:budgets/budget:Budget",
        declare=lambda _: {
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "limitAmount": "100",
            "limitUnit": "USD",
            "timePeriodStart": "2026-01-01_00:00",
            "costFilters": [{"name": "TagKeyValue", "values": ["user:app$demo"]}],
            "notifications": [notification(80)],
        },
        told=budget_told,
        change=lambda _: {"limitAmount": "200", "notifications": [notification(90)], "tags": {"a": "b"}},
        edit=spend_more,
        drifts="limitAmount",
    ),
    Case(
        type="aws:cloudtrail/trail:Trail",
        declare=lambda w: {
            "s3BucketName": bucket(w, "world-trail"),
            "isMultiRegionTrail": True,
            "enableLogFileValidation": True,
            "eventSelectors": [{"dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]}],
        },
        told=trail_told,
        change=lambda _: {"s3KeyPrefix": "all", "eventSelectors": [{"readWriteType": "ReadOnly"}], "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("cloudtrail").stop_logging(Name=made.id),
        drifts="enableLogging",
    ),
    Case(
        type="aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
        declare=lambda w: {"vpc": w.vpc, "description": "ours"},
        told=namespace_told,
        change=lambda _: {"description": "still ours", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("servicediscovery").update_private_dns_namespace(
            Id=made.id, Namespace={"Description": "edited"}
        ),
        drifts="description",
    ),
    Case(
        type="aws:secretsmanager/secretRotation:SecretRotation",
        declare=lambda w: {
            "secretId": rotated(w),
            "rotationLambdaArn": rotator(w),
            "rotationRules": {"automaticallyAfterDays": 30},
        },
        told=rotation_told,
        change=lambda _: {"rotationRules": {"automaticallyAfterDays": 7}},
        edit=lambda aws, made, _: aws("secretsmanager").rotate_secret(
            SecretId=made.id, RotationRules={"AutomaticallyAfterDays": 99}
        ),
        drifts="rotationRules",
    ),
    Case(
        type="aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        declare=lambda w: {
            "clusterName": cluster(w),
            "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
        },
        told=providers_told,
        change=lambda _: {"capacityProviders": ["FARGATE", "FARGATE_SPOT"]},
        edit=lambda aws, made, _: aws("ecs").put_cluster_capacity_providers(
            cluster=made.id, capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[]
        ),
        drifts="capacityProviders",
        outlives_deletion=True,
    ),
)
