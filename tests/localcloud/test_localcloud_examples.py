"""Programs in the style of Pulumi's public AWS examples in Python: up, nothing to change, nothing drifted, down."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from localcloud_automation import MakeStack, counts
from localcloud_world import CONTAINERS

# The SDK's deprecated classes warn on import; see `make_stack` for the rest.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SITE = Path(__file__).parent / "example_site"


def assume_role(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def web_server() -> None:
    """aws-py-webserver"""
    image = aws.ec2.get_ami(
        most_recent=True,
        owners=["amazon"],
        filters=[{"name": "name", "values": ["amzn2-ami-hvm-*-x86_64-*"]}],
    )
    group = aws.ec2.SecurityGroup(
        "web-secgrp",
        description="Enable HTTP access",
        ingress=[{"protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_blocks": ["0.0.0.0/0"]}],
    )
    server = aws.ec2.Instance(
        "web-server-www",
        instance_type="t2.micro",
        vpc_security_group_ids=[group.id],
        user_data="#!/bin/bash\nnohup python -m SimpleHTTPServer 80 &\n",
        ami=image.id,
        tags={"Name": "web-server"},
    )
    pulumi.export("public_ip", server.public_ip)


def static_website() -> None:
    """aws-py-s3-folder"""
    bucket = aws.s3.Bucket("s3-website-bucket")
    website = aws.s3.BucketWebsiteConfiguration(
        "website", bucket=bucket.id, index_document={"suffix": "index.html"}, error_document={"key": "404.html"}
    )
    controls = aws.s3.BucketOwnershipControls("owner", bucket=bucket.id, rule={"object_ownership": "ObjectWriter"})
    block = aws.s3.BucketPublicAccessBlock("open", bucket=bucket.id, block_public_acls=False)
    for page in sorted(SITE.iterdir()):
        aws.s3.BucketObject(
            page.name,
            bucket=bucket.id,
            source=pulumi.FileAsset(str(page)),
            content_type="text/html",
            opts=pulumi.ResourceOptions(depends_on=[controls, block]),
        )
    aws.s3.BucketPolicy(
        "bucket-policy",
        bucket=bucket.id,
        policy=bucket.arn.apply(
            lambda arn: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [f"{arn}/*"]}
                    ],
                }
            )
        ),
        opts=pulumi.ResourceOptions(depends_on=[block]),
    )
    pulumi.export("bucket_name", bucket.id)
    pulumi.export("website_url", website.website_endpoint)


def fargate() -> None:
    """aws-py-fargate"""
    cluster = aws.ecs.Cluster("cluster")
    default_vpc = aws.ec2.get_vpc(default=True)
    subnets = aws.ec2.get_subnets(filters=[{"name": "vpc-id", "values": [default_vpc.id]}])
    group = aws.ec2.SecurityGroup(
        "web-secgrp",
        vpc_id=default_vpc.id,
        ingress=[{"protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_blocks": ["0.0.0.0/0"]}],
        egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
    )
    balancer = aws.lb.LoadBalancer("app-lb", security_groups=[group.id], subnets=subnets.ids)
    targets = aws.lb.TargetGroup("app-tg", port=80, protocol="HTTP", target_type="ip", vpc_id=default_vpc.id)
    listener = aws.lb.Listener(
        "web",
        load_balancer_arn=balancer.arn,
        port=80,
        default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
    )
    role = aws.iam.Role("task-exec-role", assume_role_policy=assume_role("ecs-tasks.amazonaws.com"))
    aws.iam.RolePolicyAttachment(
        "task-exec-policy",
        role=role.name,
        policy_arn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
    )
    task = aws.ecs.TaskDefinition(
        "app-task",
        family="fargate-task-definition",
        cpu="256",
        memory="512",
        network_mode="awsvpc",
        requires_compatibilities=["FARGATE"],
        execution_role_arn=role.arn,
        container_definitions=CONTAINERS,
    )
    aws.ecs.Service(
        "app-svc",
        cluster=cluster.arn,
        desired_count=0,
        launch_type="FARGATE",
        task_definition=task.arn,
        network_configuration={"assign_public_ip": True, "subnets": subnets.ids, "security_groups": [group.id]},
        load_balancers=[{"target_group_arn": targets.arn, "container_name": "web", "container_port": 8080}],
        opts=pulumi.ResourceOptions(depends_on=[listener]),
    )
    pulumi.export("url", balancer.dns_name)


class Spoke(pulumi.ComponentResource):
    """A VPC of two zones, with a way out."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__("example:index:Spoke", name)
        options = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(name, cidr_block=f"10.{number}.0.0/16", enable_dns_hostnames=True, opts=options)
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, opts=options)
        public = aws.ec2.RouteTable(f"{name}-public", vpc_id=vpc.id, opts=options)
        aws.ec2.Route(
            f"{name}-out",
            route_table_id=public.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=options,
        )
        zones = aws.get_availability_zones(state="available").names[:2]
        for place, zone in enumerate(zones):
            subnet = aws.ec2.Subnet(
                f"{name}-{place}",
                vpc_id=vpc.id,
                cidr_block=f"10.{number}.{place}.0/24",
                availability_zone=zone,
                opts=options,
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-{place}", route_table_id=public.id, subnet_id=subnet.id, opts=options
            )
            if not place:
                address = aws.ec2.Eip(name, opts=options)
                aws.ec2.NatGateway(name, subnet_id=subnet.id, allocation_id=address.id, opts=options)
        self.vpc = vpc.id
        self.register_outputs({"vpc": vpc.id})


def hub_and_spoke() -> None:
    """aws-py-hub-and-spoke-network, without its transit gateway"""
    for number, name in enumerate(("hub", "spoke-1", "spoke-2")):
        pulumi.export(name, Spoke(name, number).vpc)


def secrets_manager() -> None:
    """aws-py-secrets-manager"""
    secret = aws.secretsmanager.Secret("secret", recovery_window_in_days=0)
    version = aws.secretsmanager.SecretVersion("secret_version", secret_id=secret.id, secret_string="mysecret")
    parameter = aws.ssm.Parameter("where", type="String", value=secret.arn)
    pulumi.export("secret_id", secret.id)
    pulumi.export("version", version.version_id)
    pulumi.export("parameter", parameter.name)


def step_functions() -> None:
    """aws-py-stepfunctions"""
    lambda_role = aws.iam.Role("lambdaRole", assume_role_policy=assume_role("lambda.amazonaws.com"))
    aws.iam.RolePolicy(
        "lambdaRolePolicy",
        role=lambda_role.id,
        policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": "arn:aws:logs:*:*:*"}],
            }
        ),
    )
    machine_role = aws.iam.Role("sfnRole", assume_role_policy=assume_role("states.eu-central-1.amazonaws.com"))
    hello = aws.lambda_.Function(
        "helloWorldFunction",
        role=lambda_role.arn,
        runtime="python3.12",
        handler="hello.handler",
        code=pulumi.AssetArchive({"hello.py": pulumi.StringAsset("def handler(event, context): return 'Hello'")}),
    )
    machine = aws.sfn.StateMachine(
        "stateMachine",
        role_arn=machine_role.arn,
        definition=hello.arn.apply(
            lambda arn: json.dumps(
                {"StartAt": "Hello", "States": {"Hello": {"Type": "Task", "Resource": arn, "End": True}}}
            )
        ),
    )
    pulumi.export("state_machine_arn", machine.id)


def data() -> None:
    """Queues, topics, tables and a database"""
    letters = aws.sqs.Queue("letters")
    queue = aws.sqs.Queue(
        "orders",
        redrive_policy=letters.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 4})),
    )
    topic = aws.sns.Topic("orders")
    aws.sns.TopicSubscription("orders", topic=topic.arn, protocol="sqs", endpoint=queue.arn)
    table = aws.dynamodb.Table(
        "orders", hash_key="id", attributes=[{"name": "id", "type": "S"}], billing_mode="PAY_PER_REQUEST"
    )
    pulumi.export("table", table.name)


EXAMPLES: list[tuple[Callable[[], None], str]] = [
    (web_server, "public_ip"),
    (static_website, "website_url"),
    (fargate, "url"),
    (hub_and_spoke, "spoke-2"),
    (secrets_manager, "secret_id"),
    (step_functions, "state_machine_arn"),
    (data, "table"),
]


def each_example(short: Callable[[], None]) -> pytest.MarkDecorator:
    """Every program; `short` stands for all in `make test`, CI runs the others as well."""
    return pytest.mark.parametrize(
        ("program", "output"),
        [
            pytest.param(program, output, id=program.__name__, marks=[] if program is short else [pytest.mark.long])
            for program, output in EXAMPLES
        ],
    )


# What is looked up; assets and a component are what is imported.
@each_example(short=web_server)
def test_an_example_goes_up_is_unchanged_and_comes_down(
    make_stack: MakeStack, program: Callable[[], None], output: str
) -> None:
    stack = make_stack(program)
    planned = counts(stack.preview())
    up = stack.up()
    assert counts(up) == planned
    assert up.outputs[output].value
    assert set(counts(stack.preview())) == {"same"}
    assert set(counts(stack.refresh())) == {"same"}
    assert set(counts(stack.destroy())) == {"delete"}


def test_a_website_is_in_its_bucket(make_stack: MakeStack, clients: Any) -> None:
    name = make_stack(static_website).up().outputs["bucket_name"].value
    found = clients("s3").get_object(Bucket=name, Key="index.html")
    assert found["Body"].read() == (SITE / "index.html").read_bytes()
    assert found["ContentType"] == "text/html"


def test_one_stack_reads_what_another_tells(make_stack: MakeStack, clients: Any) -> None:
    """aws-py-stackreference"""

    def team() -> None:
        pulumi.export("vpc", aws.ec2.Vpc("shared", cidr_block="10.50.0.0/16").id)

    def product() -> None:
        reference = pulumi.StackReference("organization/localcloud/team")
        aws.ec2.Subnet("own", vpc_id=reference.get_output("vpc"), cidr_block="10.50.7.0/24")

    vpc = make_stack(team, name="team", backend="shared").up().outputs["vpc"].value
    below = make_stack(product, name="product", backend="shared")
    below.up()
    (subnet,) = clients("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    assert subnet["CidrBlock"] == "10.50.7.0/24"
    assert set(counts(below.preview())) == {"same"}
    below.destroy()
