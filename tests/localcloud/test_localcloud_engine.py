"""The local cloud under the real Pulumi engine, driven by the Automation API with the published AWS SDK."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws_sdk
import pytest
from localcloud_automation import PASSWORD, MakeStack, counts
from localcloud_world import TRUST
from pulumi import automation

from factory.paths import FactoryRoot

# The SDK's deprecated classes warn on import.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # See `ended_programs`.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def everything() -> None:
    """What the factory itself declares, in one program."""
    password = pulumi.Config().require_secret("password")
    vpc = aws_sdk.ec2.Vpc("net", cidr_block="10.0.0.0/16", enable_dns_hostnames=True, tags={"password": password})
    zones = aws_sdk.get_availability_zones(state="available").names[:2]
    subnets = [
        aws_sdk.ec2.Subnet(f"net-{n}", vpc_id=vpc.id, cidr_block=f"10.0.{n}.0/24", availability_zone=zone)
        for n, zone in enumerate(zones)
    ]
    table = aws_sdk.ec2.RouteTable("routes", vpc_id=vpc.id)
    for number, subnet in enumerate(subnets):
        aws_sdk.ec2.RouteTableAssociation(f"routes-{number}", route_table_id=table.id, subnet_id=subnet.id)
    group = aws_sdk.ec2.SecurityGroup("web", vpc_id=vpc.id)
    aws_sdk.ec2.SecurityGroup(
        "inline",
        vpc_id=vpc.id,
        ingress=[{"protocol": "tcp", "from_port": 80, "to_port": 80, "security_groups": [group.id], "self": True}],
        egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
    )
    aws_sdk.vpc.SecurityGroupIngressRule(
        "in", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/8"
    )
    aws_sdk.vpc.SecurityGroupEgressRule("out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
    account = aws_sdk.get_caller_identity().account_id
    key_policy = aws_sdk.iam.get_policy_document(
        statements=[
            {
                "actions": ["kms:*"],
                "resources": ["*"],
                "principals": [{"type": "AWS", "identifiers": [f"arn:aws:iam::{account}:root"]}],
            }
        ]
    )
    key = aws_sdk.kms.Key("data", policy=key_policy.json, enable_key_rotation=True, deletion_window_in_days=7)
    aws_sdk.kms.Alias("data", target_key_id=key.key_id)
    secret = aws_sdk.secretsmanager.Secret("password", recovery_window_in_days=0, kms_key_id=key.arn)
    aws_sdk.secretsmanager.SecretVersion("password", secret_id=secret.id, secret_string=password)
    role = aws_sdk.iam.Role("run", assume_role_policy=TRUST)
    reads = aws_sdk.iam.get_policy_document_output(
        statements=[{"actions": ["secretsmanager:GetSecretValue"], "resources": [secret.arn]}]
    )
    aws_sdk.iam.RolePolicy("reads", role=role.name, policy=reads.json)
    logs = aws_sdk.cloudwatch.LogGroup("app", retention_in_days=14)
    images = aws_sdk.ecr.Repository(
        "app",
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scan_on_push": True},
        encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
        force_delete=True,
    )
    cluster = aws_sdk.ecs.Cluster("app", settings=[{"name": "containerInsights", "value": "enabled"}])
    container = {
        "name": "web",
        "image": images.repository_url,
        "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "PASSWORD", "value": password}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": logs.name}},
    }
    task = aws_sdk.ecs.TaskDefinition(
        "app",
        family="app",
        cpu="256",
        memory="512",
        network_mode="awsvpc",
        requires_compatibilities=["FARGATE"],
        execution_role_arn=role.arn,
        container_definitions=pulumi.Output.json_dumps([container]),
    )
    balancer = aws_sdk.lb.LoadBalancer(
        "app", subnets=[subnet.id for subnet in subnets], security_groups=[group.id], internal=True, idle_timeout=120
    )
    targets = aws_sdk.lb.TargetGroup(
        "app", vpc_id=vpc.id, port=8080, protocol="HTTP", target_type="ip", health_check={"path": "/healthz"}
    )
    listener = aws_sdk.lb.Listener(
        "app",
        load_balancer_arn=balancer.arn,
        port=80,
        protocol="HTTP",
        default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
    )
    aws_sdk.ecs.Service(
        "app",
        cluster=cluster.arn,
        task_definition=task.arn,
        desired_count=1,
        launch_type="FARGATE",
        deployment_circuit_breaker={"enable": True, "rollback": True},
        network_configuration={"subnets": [subnet.id for subnet in subnets], "security_groups": [group.id]},
        load_balancers=[{"target_group_arn": targets.arn, "container_name": "web", "container_port": 8080}],
        opts=pulumi.ResourceOptions(depends_on=[listener]),
    )
    bucket = aws_sdk.s3.Bucket("files", force_destroy=True)
    aws_sdk.s3.BucketPublicAccessBlock("files", bucket=bucket.id, block_public_acls=True, block_public_policy=True)
    for name, value in {"vpc": vpc.id, "group": group.id, "logs": logs.name, "bucket": bucket.id}.items():
        pulumi.export(name, value)


def test_every_type_goes_up_shows_no_phantom_change_and_comes_down(
    make_stack: MakeStack, tmp_path: Path, aws: Any
) -> None:
    stack = make_stack(everything)
    previewed = stack.preview()
    up = stack.up()
    assert counts(up) == counts(previewed)
    assert "warning" not in (up.stdout + up.stderr).lower()
    assert set(counts(stack.preview())) == {"same"}
    assert set(counts(stack.refresh())) == {"same"}
    assert set(counts(stack.up())) == {"same"}
    files = [path for path in (tmp_path / "backend-dev").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if PASSWORD in path.read_text()]
    vpc = up.outputs["vpc"].value
    assert aws("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert set(counts(stack.destroy())) == {"delete"}
    left = aws("ec2").describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    assert left["Vpcs"] == []


def small(cidr: str = "10.0.0.0/16", days: int = 14) -> Callable[[], None]:
    def program() -> None:
        vpc = aws_sdk.ec2.Vpc("net", cidr_block=cidr)
        logs = aws_sdk.cloudwatch.LogGroup("app", retention_in_days=days)
        pulumi.export("vpc", vpc.id)
        pulumi.export("logs", logs.name)

    return program


@pytest.mark.long
def test_an_outside_edit_is_found_by_refresh_and_mended_by_the_next_update(make_stack: MakeStack, aws: Any) -> None:
    stack = make_stack(small())
    logs = stack.up().outputs["logs"].value
    aws("logs").put_retention_policy(logGroupName=logs, retentionInDays=3)
    assert set(counts(stack.preview())) == {"same"}
    assert counts(stack.refresh())["update"] == 1
    assert counts(stack.up())["update"] == 1
    assert aws("logs").describe_log_groups(logGroupNamePrefix=logs)["logGroups"][0]["retentionInDays"] == 14


def test_what_was_deleted_outside_is_made_again(make_stack: MakeStack, aws: Any) -> None:
    stack = make_stack(small())
    logs = stack.up().outputs["logs"].value
    aws("logs").delete_log_group(logGroupName=logs)
    assert counts(stack.refresh())["delete"] == 1
    assert counts(stack.up())["create"] == 1


@pytest.mark.long
def test_a_changed_network_is_replaced_and_a_changed_retention_updated(make_stack: MakeStack, aws: Any) -> None:
    stack = make_stack(small())
    before = stack.up().outputs["vpc"].value
    stack.workspace.program = small("10.1.0.0/16", days=30)
    preview = counts(stack.preview())
    assert (preview["replace"], preview["update"]) == (1, 1)
    after = stack.up().outputs["vpc"].value
    assert after != before
    assert aws("ec2").describe_vpcs(VpcIds=[after])["Vpcs"][0]["CidrBlock"] == "10.1.0.0/16"
    assert set(counts(stack.preview())) == {"same"}


def test_a_mistake_stops_the_preview_and_names_property_and_type(make_stack: MakeStack) -> None:
    def program() -> None:
        aws_sdk.iam.Role("r", assume_role_policy=TRUST, managed_policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"])

    stack = make_stack(program)
    with pytest.raises(automation.CommandError) as refused:
        stack.preview()
    assert '"managedPolicyArns" of aws:iam/role:Role' in str(refused.value)


def test_an_unsupported_type_stops_the_preview_by_name(make_stack: MakeStack) -> None:
    stack = make_stack(lambda: aws_sdk.efs.FileSystem("q") and None)
    with pytest.raises(automation.CommandError) as refused:
        stack.preview()
    assert "does not support the resource type aws:efs/fileSystem:FileSystem" in str(refused.value)


def test_explicit_providers_keep_their_region_account_and_tags(make_stack: MakeStack) -> None:
    def program() -> None:
        west = aws_sdk.Provider("west", region="us-west-2", default_tags={"tags": {"from": "west"}})
        other = aws_sdk.Provider("other", region="us-east-1", access_key="111122223333", secret_key="unused")
        for name, provider in {"here": None, "west": west, "other": other}.items():
            vpc = aws_sdk.ec2.Vpc(name, cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(provider=provider))
            pulumi.export(name, vpc.arn)
            pulumi.export(f"{name}-tags", vpc.tags_all)

    stack = make_stack(program)
    outputs = {name: output.value for name, output in stack.up().outputs.items()}
    assert outputs["here"].startswith("arn:aws:ec2:eu-central-1:123456789012:")
    assert outputs["west"].startswith("arn:aws:ec2:us-west-2:123456789012:")
    assert outputs["other"].startswith("arn:aws:ec2:us-east-1:111122223333:")
    assert (outputs["here-tags"], outputs["west-tags"]) == ({}, {"from": "west"})
    assert set(counts(stack.refresh())) == {"same"}


def test_ignored_changes_and_imports_work(make_stack: MakeStack, aws: Any) -> None:
    outside = aws("ec2").create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]

    def program(hostnames: bool) -> Callable[[], None]:
        def declare() -> None:
            options = pulumi.ResourceOptions(import_=outside, ignore_changes=["enableDnsHostnames"])
            aws_sdk.ec2.Vpc("net", cidr_block="10.7.0.0/16", enable_dns_hostnames=hostnames, opts=options)

        return declare

    stack = make_stack(program(False))
    assert counts(stack.up())["import"] == 1
    stack.workspace.program = program(True)
    assert set(counts(stack.preview())) == {"same"}


def test_the_installed_plugin_serves_the_engine_without_a_warning(
    make_stack: MakeStack, tmp_path: Path, cloud_root: FactoryRoot
) -> None:
    install_plugin(tmp_path / "home", cloud_root)
    stack = make_stack(small(), attach=False)
    up = stack.up()
    assert counts(up)["create"] == 3
    assert "warning" not in (up.stdout + up.stderr).lower()
    assert set(counts(stack.preview())) == {"same"}


def install_plugin(home: Path, root: FactoryRoot) -> None:
    import sys
    from importlib.metadata import version

    folder = home / "plugins" / f"resource-aws-v{version('pulumi-aws')}"
    folder.mkdir(parents=True)
    executable = folder / "pulumi-resource-aws"
    arguments = json.dumps([sys.executable, "-m", "localcloud.plugin", "--root", str(root.path)])
    quoted = " ".join(f"'{argument}'" for argument in json.loads(arguments))
    executable.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n')
    executable.chmod(0o755)
