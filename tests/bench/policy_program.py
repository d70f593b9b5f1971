"""The program that the policy pack is measured on: one network, and small services in it, until there are enough.

Every kind is one that controls read, and all of it is clean: what is measured is judging, not reporting. Importing it
imports the SDK.
"""

import json
from collections.abc import Iterator
from itertools import count, islice
from typing import Any, Final

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import Provider, budgets, cloudwatch, ec2, ecr, ecs, iam, kms, s3, secretsmanager, sns, sqs, vpc

from tests.bench.plan import ACCOUNT, NETWORK, REGION

APP, ENVIRONMENT = "bench", "build"
TAGS: Final = {"app": APP, "environment": ENVIRONMENT, "owner": "web-team", "cost-center": "web-team"}
# What all services share, and one of them.
WITH_ONE_SERVICE: Final = 11 + 21
PORT: Final = 8080
DIGEST: Final = "sha256:" + "0123456789abcdef" * 4
ENCRYPTION: Final = [
    "kms:Encrypt*",
    "kms:Decrypt*",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:Describe*",
]
WHAT_THE_KEY_IS_FOR: Final = {
    "Effect": "Allow",
    "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
    "Action": ENCRYPTION,
    "Resource": "*",
    "Condition": {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"},
    },
}


def declare(resources: int, *, broken: bool = False) -> None:
    """Declare so many resources, the provider not counted; `broken` adds a few that controls refuse."""
    provider = Provider(
        "aws", region=REGION, allowed_account_ids=[ACCOUNT], default_tags={"tags": {**TAGS, "managed-by": "bench"}}
    )
    opts = ResourceOptions(provider=provider)
    for _ in islice(_everything(opts), resources):
        pass
    if broken:
        _refused(opts)


def _refused(opts: ResourceOptions) -> None:
    rule = {"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}
    ec2.SecurityGroup("open", description="Open", ingress=[rule], opts=opts)
    iam.Policy("admin", policy=_document({"Effect": "Allow", "Action": "*", "Resource": "*"}), opts=opts)
    # What only the whole stack shows: nothing closes this one.
    s3.Bucket("left-open", bucket=f"{APP}-left-open", opts=opts)
    ec2.Vpc("not-logged", cidr_block="10.9.0.0/16", opts=opts)


def _everything(opts: ResourceOptions) -> Iterator[pulumi.Resource]:
    key = kms.Key(
        APP,
        description="Encrypts what is kept",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        policy=_document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            WHAT_THE_KEY_IS_FOR,
        ),
        opts=opts,
    )
    yield key
    network = ec2.Vpc(APP, cidr_block=NETWORK, enable_dns_support=True, tags={"Name": APP}, opts=opts)
    yield network
    yield from _recorded(network, key, opts)
    yield from _paid(opts)
    for number in count():
        yield from _service(f"{APP}-{number}", network, key, opts)


def _recorded(network: ec2.Vpc, key: kms.Key, opts: ResourceOptions) -> Iterator[pulumi.Resource]:
    """What a network is to have: a flow log, and a default group that lets nothing through."""
    group = cloudwatch.LogGroup("flows", name="/bench/flows", retention_in_days=365, kms_key_id=key.arn, opts=opts)
    yield group
    source = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-flow-log/*"},
    }
    role = iam.Role(
        "flows", name=f"{APP}-flows", assume_role_policy=_assumed("vpc-flow-logs.amazonaws.com", source), opts=opts
    )
    yield role
    yield iam.RolePolicy(
        "flows",
        name="flows",
        role=role.id,
        policy=group.arn.apply(
            lambda arn: _allowed(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [f"{arn}:*"])
        ),
        opts=opts,
    )
    yield ec2.FlowLog(
        "flows",
        vpc_id=network.id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        opts=opts,
    )
    yield ec2.DefaultSecurityGroup("closed", vpc_id=network.id, ingress=[], egress=[], opts=opts)


def _paid(opts: ResourceOptions) -> Iterator[pulumi.Resource]:
    """A budget, and who is told of it; and images are scanned, which is a setting of the account."""
    topic = sns.Topic("budget", name=f"{APP}-budget", opts=opts)
    yield topic
    yield budgets.Budget(
        APP,
        name=APP,
        account_id=ACCOUNT,
        budget_type="COST",
        limit_amount="200",
        limit_unit="USD",
        time_unit="MONTHLY",
        cost_filters=[{"name": "TagKeyValue", "values": [f"user:app${APP}"]}],
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": "ACTUAL",
                "threshold": 80.0,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [topic.arn],
            }
        ],
        opts=opts,
    )
    filters = [{"filter": "*", "filter_type": "WILDCARD"}]
    yield ecr.RegistryScanningConfiguration(
        "scanning",
        scan_type="BASIC",
        rules=[{"scan_frequency": "SCAN_ON_PUSH", "repository_filters": filters}],
        opts=opts,
    )
    yield ecs.Cluster(APP, name=APP, settings=[{"name": "containerInsights", "value": "enabled"}], opts=opts)


def _service(name: str, network: ec2.Vpc, key: kms.Key, opts: ResourceOptions) -> Iterator[pulumi.Resource]:
    yield from _firewalls(name, network, opts)
    bucket = s3.Bucket(name, bucket=f"{name}-{ACCOUNT}", tags={"Name": name}, opts=opts)
    yield bucket
    yield from _closed(name, bucket, key, opts)
    logs = cloudwatch.LogGroup(name, name=f"/bench/{name}", retention_in_days=365, kms_key_id=key.arn, opts=opts)
    yield logs
    queue = sqs.Queue(name, name=name, kms_master_key_id=key.arn, message_retention_seconds=86_400, opts=opts)
    yield queue
    secret = secretsmanager.Secret(name, name=f"{APP}/{ENVIRONMENT}/{name}", kms_key_id=key.arn, opts=opts)
    yield secret
    yield secretsmanager.SecretVersion(
        name, secret_id=secret.id, secret_string=f"of {name}, for a benchmark", opts=opts
    )
    repository = ecr.Repository(
        name,
        name=name,
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scan_on_push": True},
        encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
        opts=opts,
    )
    yield repository
    works = iam.Role(f"{name}-works", name=f"{name}-works", assume_role_policy=_by_tasks(), opts=opts)
    yield works
    yield iam.RolePolicy(
        f"{name}-works",
        name="works",
        role=works.id,
        policy=_what_it_does(name),
        opts=opts,
    )
    starts = iam.Role(f"{name}-starts", name=f"{name}-starts", assume_role_policy=_by_tasks(), opts=opts)
    yield starts
    pulls = iam.Policy(
        f"{name}-starts",
        name=f"{name}-starts",
        policy=Output.all(repository.arn, secret.arn, logs.arn).apply(_what_starts_it),
        opts=opts,
    )
    yield pulls
    yield iam.RolePolicyAttachment(f"{name}-starts", role=starts.name, policy_arn=pulls.arn, opts=opts)
    yield ecs.TaskDefinition(
        name,
        family=name,
        cpu="256",
        memory="512",
        network_mode="awsvpc",
        requires_compatibilities=["FARGATE"],
        execution_role_arn=starts.arn,
        task_role_arn=works.arn,
        container_definitions=_container(name),
        opts=opts,
    )


def _firewalls(name: str, network: ec2.Vpc, opts: ResourceOptions) -> Iterator[pulumi.Resource]:
    front, back = (
        ec2.SecurityGroup(
            f"{name}-{side}", name=f"{name}-{side}", description=f"Reaches the {side}", vpc_id=network.id, opts=opts
        )
        for side in ("front", "back")
    )
    yield front
    yield back
    ports: dict[str, Any] = {"ip_protocol": "tcp", "from_port": PORT, "to_port": PORT, "opts": opts}
    yield vpc.SecurityGroupIngressRule(
        f"{name}-front", security_group_id=front.id, description="The network", cidr_ipv4=NETWORK, **ports
    )
    yield vpc.SecurityGroupEgressRule(
        f"{name}-front",
        security_group_id=front.id,
        description="The service",
        referenced_security_group_id=back.id,
        **ports,
    )
    yield vpc.SecurityGroupIngressRule(
        f"{name}-back",
        security_group_id=back.id,
        description="The balancer",
        referenced_security_group_id=front.id,
        **ports,
    )


def _closed(name: str, bucket: s3.Bucket, key: kms.Key, opts: ResourceOptions) -> Iterator[pulumi.Resource]:
    yield s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    yield s3.BucketVersioning(name, bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=opts)
    by_key = {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}
    yield s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.id,
        rules=[{"apply_server_side_encryption_by_default": by_key, "bucket_key_enabled": True}],
        opts=opts,
    )
    yield s3.BucketPolicy(name, bucket=bucket.id, policy=bucket.arn.apply(_tls_only), opts=opts)


def _tls_only(arn: str) -> str:
    return _document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def _by_tasks() -> str:
    source = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"},
    }
    return _assumed("ecs-tasks.amazonaws.com", source)


def _assumed(service: str, condition: dict[str, Any]) -> str:
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
    )


def _what_it_does(name: str) -> str:
    """By names and not by outputs: what is known in a preview already is read there."""
    objects, queue = f"arn:aws:s3:::{name}-{ACCOUNT}/*", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    return _document(
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [objects]},
        {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": [queue]},
    )


def _what_starts_it(arns: list[str]) -> str:
    repository, secret, logs = arns
    pulls = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return _document(
        # It takes no resource: AWS, "Actions, resources, and condition keys for Amazon ECR".
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        {"Effect": "Allow", "Action": pulls, "Resource": [repository]},
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [secret]},
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [f"{logs}:*"]},
    )


def _allowed(actions: list[str], resources: list[str]) -> str:
    return _document({"Effect": "Allow", "Action": actions, "Resource": resources})


def _container(name: str) -> str:
    options = {"awslogs-group": f"/bench/{name}", "awslogs-region": REGION, "awslogs-stream-prefix": name}
    container = {
        "name": name,
        "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}@{DIGEST}",
        "essential": True,
        "user": "65532:65532",
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    return json.dumps([container])


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
