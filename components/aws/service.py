"""Service: an internal load balancer before an ECS service that keeps one artefact, named by digest, running."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, ec2, ecs, iam, lb

from components.aws.containers import LOG_DAYS, container, variable_name
from components.aws.documents import ROLE_NAME_LIMIT, task_trust
from components.aws.execution import task_starter
from components.aws.firewalls import LISTENER_PORT, firewalls
from components.naming import physical_name

# ELB allows names of 32 characters.
BALANCER_NAME_LIMIT = 32


class ServiceArgs(TypedDict):
    """What a service is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which it runs."""
    network_id: Input[str]
    """Id of the VPC."""
    cidr: Input[str]
    """IPv4 range of the VPC: the only one that reaches the service."""
    subnet_ids: Input[list[str]]
    """Private subnets, in two zones at least."""
    key_id: Input[str]
    """ARN of the key that encrypts the logs and the secrets."""
    secrets: Input[dict[str, str]]
    """ARN of each secret to inject, by name."""
    repository: str
    """Name of the repository that holds the artefact."""
    image: Input[str]
    """The artefact as an image reference by digest."""
    port: int
    """Port the service listens on."""
    health: str
    """Path that answers 200 while the service can serve."""
    replicas: int
    """How many copies are wanted."""
    cpu: int
    """CPU units per copy; 1024 is one core."""
    memory: int
    """Memory per copy, in MiB."""
    command: list[str]
    """What starts it; empty: the image's own."""
    environment: str
    """Name of the environment; the app finds it in APP_ENVIRONMENT."""


class Service(pulumi.ComponentResource):
    """The serving side of an app in one environment, reachable from inside its network only."""

    address: Output[str]
    """DNS name of the load balancer."""
    service_id: Output[str]
    """ARN of the ECS service."""

    def __init__(self, name: str, args: ServiceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Service", name, {}, opts)
        child = ResourceOptions(parent=self)
        front, back = firewalls(name, args, child)
        balancer, targets, listener = _entrance(name, args, front, child)
        cluster = ecs.Cluster(
            name,
            name=name,
            settings=[{"name": "containerInsights", "value": "enabled"}],
            tags={"Name": name},
            opts=child,
        )
        service = ecs.Service(
            name,
            name=name,
            cluster=cluster.arn,
            task_definition=_task(name, args, child).arn,
            desired_count=args["replicas"],
            launch_type="FARGATE",
            network_configuration={
                "subnets": args["subnet_ids"],
                "security_groups": [back.id],
                "assign_public_ip": False,
            },
            load_balancers=[{"target_group_arn": targets.arn, "container_name": name, "container_port": args["port"]}],
            deployment_circuit_breaker={"enable": True, "rollback": True},
            tags={"Name": name},
            # ECS refuses a target group that no listener forwards to.
            opts=ResourceOptions(parent=self, depends_on=[listener]),
        )
        self.address = balancer.dns_name
        self.service_id = service.id
        self.register_outputs({"address": self.address, "service_id": self.service_id})


def _entrance(
    name: str, args: ServiceArgs, firewall: ec2.SecurityGroup, opts: ResourceOptions
) -> tuple[lb.LoadBalancer, lb.TargetGroup, lb.Listener]:
    """An internal load balancer whose one listener forwards to the service's targets."""
    balancer = lb.LoadBalancer(
        name,
        name=physical_name(name, limit=BALANCER_NAME_LIMIT),
        internal=True,
        load_balancer_type="application",
        subnets=args["subnet_ids"],
        security_groups=[firewall.id],
        drop_invalid_header_fields=True,
        tags={"Name": name},
        opts=opts,
    )
    targets = lb.TargetGroup(
        name,
        # Another port is another target group, and the listener uses the old one until the new one is there.
        name=physical_name(name, str(args["port"]), limit=BALANCER_NAME_LIMIT),
        port=args["port"],
        protocol="HTTP",
        target_type="ip",
        vpc_id=args["network_id"],
        health_check={"path": args["health"], "protocol": "HTTP", "matcher": "200"},
        tags={"Name": name},
        opts=opts,
    )
    listener = lb.Listener(
        name,
        load_balancer_arn=balancer.arn,
        port=LISTENER_PORT,
        protocol="HTTP",
        default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
        tags={"Name": name},
        opts=opts,
    )
    return balancer, targets, listener


def _task(name: str, args: ServiceArgs, opts: ResourceOptions) -> ecs.TaskDefinition:
    region, port = args["region"], args["port"]
    logs = cloudwatch.LogGroup(
        name,
        name=f"/millwright/{name}",
        retention_in_days=LOG_DAYS,
        kms_key_id=args["key_id"],
        tags={"Name": name},
        opts=opts,
    )
    role = iam.Role(
        name,
        name=physical_name(name, limit=ROLE_NAME_LIMIT),
        description=f"What {name} itself may do: nothing yet",
        assume_role_policy=Output.from_input(args["account"]).apply(lambda account: task_trust(account, region)),
        tags={"Name": name},
        opts=opts,
    )
    starter = task_starter(
        name,
        {
            "account": args["account"],
            "region": region,
            "repository": args["repository"],
            "log_group": logs.arn,
            "secrets": args["secrets"],
            "key_id": args["key_id"],
        },
        opts,
    )
    definition = Output.all(args["image"], logs.name, args["secrets"]).apply(
        lambda known: container(
            name,
            image=known[0],
            log_group=known[1],
            region=region,
            port=port,
            command=args["command"],
            environment={"APP_ENVIRONMENT": args["environment"]},
            secrets={variable_name(secret): arn for secret, arn in known[2].items()},
        )
    )
    return ecs.TaskDefinition(
        name,
        family=name,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(args["cpu"]),
        memory=str(args["memory"]),
        execution_role_arn=starter.role.arn,
        task_role_arn=role.arn,
        container_definitions=definition,
        tags={"Name": name},
        # A task that starts before its starter's permissions are there fails, and the service would roll back.
        # A revision is replaced by the next one, so it cannot be protected, in production neither.
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[starter.policy], protect=False)),
    )
