"""What a cloud really holds, asked through boto3: independent of Pulumi, its state and our provider."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from factory.settings import LOCAL_ACCOUNT


@dataclass(frozen=True)
class Cloud:
    """boto3 clients of one region. Without an endpoint: the real cloud, by the SDK's own credentials."""

    region: str
    endpoint: str | None = None

    def client(self, service: str) -> Any:
        """A client of one service."""
        if self.endpoint is None:
            return boto3.client(service, region_name=self.region)
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint,
            # Twelve digits are an account to the stand-in; it checks no signature.
            aws_access_key_id=LOCAL_ACCOUNT,
            aws_secret_access_key="local",  # noqa: S106 -- the stand-in checks no signature
            config=Config(retries={"max_attempts": 1}, proxies={}),
        )


def inventory(cloud: Cloud) -> dict[str, list[str]]:
    """Identifiers of everything in the region that somebody made, by kind; empty kinds are left out.

    What AWS itself puts into every region (default VPC and its parts, its own keys) does not count, nor do keys that
    wait for the end of their deletion window.
    """
    found = {kind: sorted(list_kind(cloud)) for kind, list_kind in KINDS.items()}
    return {kind: identifiers for kind, identifiers in found.items() if identifiers}


def _pages(cloud: Cloud, service: str, operation: str, key: str, **arguments: Any) -> Iterable[Any]:
    client = cloud.client(service)
    for page in client.get_paginator(operation).paginate(**arguments):
        # S3 leaves out what it has none of.
        yield from page.get(key, ())


def _default_vpcs(cloud: Cloud) -> set[str]:
    return {vpc["VpcId"] for vpc in _pages(cloud, "ec2", "describe_vpcs", "Vpcs") if vpc["IsDefault"]}


def _vpcs(cloud: Cloud) -> list[str]:
    return [vpc["VpcId"] for vpc in _pages(cloud, "ec2", "describe_vpcs", "Vpcs") if not vpc["IsDefault"]]


def _subnets(cloud: Cloud) -> list[str]:
    subnets = _pages(cloud, "ec2", "describe_subnets", "Subnets")
    return [subnet["SubnetId"] for subnet in subnets if not subnet["DefaultForAz"]]


def _route_tables(cloud: Cloud) -> list[str]:
    tables = _pages(cloud, "ec2", "describe_route_tables", "RouteTables")
    return [table["RouteTableId"] for table in tables if not any(a.get("Main") for a in table["Associations"])]


def _security_groups(cloud: Cloud) -> list[str]:
    groups = _pages(cloud, "ec2", "describe_security_groups", "SecurityGroups")
    return [group["GroupId"] for group in groups if group["GroupName"] != "default"]


def _security_group_rules(cloud: Cloud) -> list[str]:
    made = set(_security_groups(cloud))
    rules = _pages(cloud, "ec2", "describe_security_group_rules", "SecurityGroupRules")
    return [rule["SecurityGroupRuleId"] for rule in rules if rule["GroupId"] in made]


def _keys(cloud: Cloud) -> list[str]:
    client = cloud.client("kms")
    keys = [client.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in _pages(cloud, "kms", "list_keys", "Keys")]
    return [key["Arn"] for key in keys if key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion"]


def keys_in_deletion(cloud: Cloud) -> list[str]:
    """Keys that were deleted and wait for the end of their window, in which AWS lets them be restored."""
    client = cloud.client("kms")
    keys = [client.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in _pages(cloud, "kms", "list_keys", "Keys")]
    return [key["Arn"] for key in keys if key["KeyState"] == "PendingDeletion"]


def _aliases(cloud: Cloud) -> list[str]:
    aliases = _pages(cloud, "kms", "list_aliases", "Aliases")
    return [alias["AliasName"] for alias in aliases if not alias["AliasName"].startswith("alias/aws/")]


def _roles(cloud: Cloud) -> list[str]:
    roles = _pages(cloud, "iam", "list_roles", "Roles")
    return [role["RoleName"] for role in roles if not role["Path"].startswith("/aws-service-role/")]


def _clusters(cloud: Cloud) -> list[str]:
    arns = list(_pages(cloud, "ecs", "list_clusters", "clusterArns"))
    clusters = cloud.client("ecs").describe_clusters(clusters=arns)["clusters"] if arns else []
    return [cluster["clusterArn"] for cluster in clusters if cluster["status"] == "ACTIVE"]


def _services(cloud: Cloud) -> list[str]:
    return [
        arn
        for cluster in _clusters(cloud)
        for arn in _pages(cloud, "ecs", "list_services", "serviceArns", cluster=cluster)
    ]


def _listeners(cloud: Cloud) -> list[str]:
    balancers = list(_pages(cloud, "elbv2", "describe_load_balancers", "LoadBalancers"))
    return [
        listener["ListenerArn"]
        for balancer in balancers
        for listener in _pages(
            cloud, "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]
        )
    ]


def _endpoints(cloud: Cloud) -> list[str]:
    endpoints = _pages(cloud, "ec2", "describe_vpc_endpoints", "VpcEndpoints")
    return [each["VpcEndpointId"] for each in endpoints if each["State"].lower() not in ("deleting", "deleted")]


def _budgets(cloud: Cloud) -> list[str]:
    account = cloud.client("sts").get_caller_identity()["Account"]
    return [each["BudgetName"] for each in cloud.client("budgets").describe_budgets(AccountId=account)["Budgets"]]


def database_snapshots(cloud: Cloud) -> list[str]:
    """Snapshots that somebody asked for, as the final one of production's database; not those of RDS's own backups."""
    found = _pages(cloud, "rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual")
    return [each["DBSnapshotIdentifier"] for each in found]


def audit_records(cloud: Cloud, store: str) -> list[str]:
    """What the platform's audit store holds; nothing where there is no such store."""
    if store not in {each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]}:
        return []
    return [each["Key"] for each in _pages(cloud, "s3", "list_object_versions", "Versions", Bucket=store)]


def _named(service: str, operation: str, key: str, name: str, **arguments: Any) -> Callable[[Cloud], list[str]]:
    return lambda cloud: [item[name] for item in _pages(cloud, service, operation, key, **arguments)]


KINDS: dict[str, Callable[[Cloud], list[str]]] = {
    "network": _vpcs,
    "subnet": _subnets,
    "route table": _route_tables,
    "firewall": _security_groups,
    "firewall rule": _security_group_rules,
    "endpoint": _endpoints,
    "flow log": _named("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    "key": _keys,
    "key alias": _aliases,
    "secret": _named("secretsmanager", "list_secrets", "SecretList", "Name"),
    "role": _roles,
    "policy": _named("iam", "list_policies", "Policies", "PolicyName", Scope="Local"),
    "log group": _named("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "image repository": _named("ecr", "describe_repositories", "repositories", "repositoryName"),
    "cluster": _clusters,
    "task definition": lambda cloud: list(
        _pages(cloud, "ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE")
    ),
    "service": _services,
    "load balancer": _named("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
    "target group": _named("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
    "listener": _listeners,
    "database": _named("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    "database network": _named("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    "database snapshot": database_snapshots,
    "queue": lambda cloud: cloud.client("sqs").list_queues(MaxResults=1000).get("QueueUrls", []),
    "pipeline": _named("codepipeline", "list_pipelines", "pipelines", "name"),
    "build project": lambda cloud: list(_pages(cloud, "codebuild", "list_projects", "projects")),
    "alarm": _named("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "topic": _named("sns", "list_topics", "Topics", "TopicArn"),
    "budget": _budgets,
    "trail": _named("cloudtrail", "list_trails", "Trails", "Name"),
    "identity provider": lambda cloud: [
        each["Arn"] for each in cloud.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    ],
    "bucket": lambda cloud: [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]],
}
