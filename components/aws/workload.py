"""What services and workers have in common: ways out, a log, a role of their own, a task, and an ECS service."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_aws import cloudwatch, ec2, ecs, iam, vpc

from components.aws.containers import container
from components.aws.documents import ROLE_NAME_LIMIT, document, task_trust
from components.aws.execution import task_starter
from components.interfaces import Reach
from components.naming import physical_name
from factory.spec import variable_name

HTTPS = 443


class WaysArgs(TypedDict):
    """Where a workload may go; the arguments of one have these keys too."""

    reaches: NotRequired[Mapping[str, Reach]]
    """What it reaches over the network beside AWS's own endpoints, by name."""
    gateways: NotRequired[Sequence[Input[str]]]
    """Prefix lists of the network's gateway endpoints, which it reaches by HTTPS."""


class WorkloadArgs(WaysArgs):
    """What a workload is made from; the arguments of a service and of a worker have these keys."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which it runs."""
    network_id: Input[str]
    """Id of the VPC."""
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
    log_days: int
    """Days for which its logs are kept."""
    variables: NotRequired[Mapping[str, Input[str]]]
    """Further environment variables, none of them secret."""
    permissions: NotRequired[Input[Sequence[dict[str, Any]]]]
    """IAM statements of what it may do in the cloud; default: nothing."""
    entry_point: NotRequired[Sequence[str]]
    """What starts it in place of the image's own entry point."""
    log_options: NotRequired[Mapping[str, str]]
    """Further options of its log driver."""
    registry: NotRequired[Input[str]]
    """ARN of the Cloud Map service that tells the addresses of its copies; default: nobody does."""


class Entrance(TypedDict):
    """How requests come to what is kept running."""

    port: int
    """Port of the container."""
    targets: Input[str]
    """ARN of the target group that its copies join."""
    alarms: Sequence[Input[str]]
    """Names of the alarms that take a rollout back."""


def kept_running(
    name: str,
    args: WorkloadArgs,
    firewall: ec2.SecurityGroup,
    opts: ResourceOptions,
    *,
    after: Sequence[Resource],
    entrance: Entrance | None = None,
) -> ecs.Service:
    """A cluster of its own and the service that keeps the artefact running there; it starts when `after` is there.

    A rollout that does not come up, or that an alarm goes off in, is taken back by ECS itself.
    """
    cluster = ecs.Cluster(
        name,
        name=name,
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags={"Name": name},
        opts=opts,
    )
    return ecs.Service(
        name,
        name=name,
        cluster=cluster.arn,
        task_definition=task_of(name, args, opts, entrance["port"] if entrance else None).arn,
        desired_count=args["replicas"],
        launch_type="FARGATE",
        network_configuration={
            "subnets": args["subnet_ids"],
            "security_groups": [firewall.id],
            "assign_public_ip": False,
        },
        load_balancers=[
            {"target_group_arn": entrance["targets"], "container_name": name, "container_port": entrance["port"]}
        ]
        if entrance
        else None,
        service_registries={"registry_arn": args["registry"]} if "registry" in args else None,
        deployment_circuit_breaker={"enable": True, "rollback": True},
        alarms={"alarm_names": entrance["alarms"], "enable": True, "rollback": True} if entrance else None,
        tags={"Name": name},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(after))),
    )


def openings(name: str, args: WaysArgs, firewall: ec2.SecurityGroup, opts: ResourceOptions) -> list[Resource]:
    """Both ends of each way out: the workload may go there, and that place lets it in."""
    made: list[Resource] = []
    for target, reach in args.get("reaches", {}).items():
        logical, port = f"{name}-{target}", reach["port"]
        later = ResourceOptions.merge(opts, ResourceOptions(depends_on=list(reach.get("after", ()))))
        made.append(
            vpc.SecurityGroupEgressRule(
                logical,
                security_group_id=firewall.id,
                description=f"To {target}",
                referenced_security_group_id=reach["firewall"],
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags={"Name": logical},
                opts=later,
            )
        )
        if reach["opens"]:
            made.append(
                vpc.SecurityGroupIngressRule(
                    logical,
                    security_group_id=reach["firewall"],
                    description=f"From {name}",
                    referenced_security_group_id=firewall.id,
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    tags={"Name": logical},
                    opts=opts,
                )
            )
    return made + [
        _to_gateway(f"{name}-gateway-{n}", g, firewall, opts) for n, g in enumerate(args.get("gateways", ()))
    ]


def _to_gateway(name: str, gateway: Input[str], firewall: ec2.SecurityGroup, opts: ResourceOptions) -> Resource:
    return vpc.SecurityGroupEgressRule(
        name,
        security_group_id=firewall.id,
        description="To a gateway endpoint",
        prefix_list_id=gateway,
        ip_protocol="tcp",
        from_port=HTTPS,
        to_port=HTTPS,
        tags={"Name": name},
        opts=opts,
    )


def task_of(name: str, args: WorkloadArgs, opts: ResourceOptions, port: int | None = None) -> ecs.TaskDefinition:
    """One hardened container with its log and two roles: its own, and the one that starts it."""
    region = args["region"]
    logs = cloudwatch.LogGroup(
        name,
        name=f"/millwright/{name}",
        retention_in_days=args["log_days"],
        kms_key_id=args["key_id"],
        tags={"Name": name},
        opts=opts,
    )
    role = _role(name, args, opts)
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
    variables = Output.all(APP_ENVIRONMENT=args["environment"], **args.get("variables", {}))
    definition = Output.all(args["image"], logs.name, args["secrets"], variables).apply(
        lambda known: container(
            name,
            image=known[0],
            log_group=known[1],
            region=region,
            port=port,
            entry_point=args.get("entry_point", ()),
            command=args["command"],
            log_options=args.get("log_options"),
            environment=known[3],
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


def _role(name: str, args: WorkloadArgs, opts: ResourceOptions) -> iam.Role:
    region = args["region"]
    role = iam.Role(
        name,
        name=physical_name(name, limit=ROLE_NAME_LIMIT),
        description=f"What {name} itself may do",
        assume_role_policy=Output.from_input(args["account"]).apply(lambda account: task_trust(account, region)),
        tags={"Name": name},
        opts=opts,
    )
    if "permissions" in args:
        iam.RolePolicy(
            name,
            name="work",
            role=role.id,
            policy=Output.from_input(args["permissions"]).apply(lambda statements: document(*statements)),
            opts=opts,
        )
    return role
