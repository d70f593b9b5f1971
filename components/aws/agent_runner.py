"""AgentRunner: a cluster, a log group, and one task definition per agent function, image by digest."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, ecs

from components.aws.containers import container
from components.aws.execution import task_starter


class RunnerTask(TypedDict):
    """The size of one function's tasks."""

    cpu: int
    """CPU units; 1024 is one core."""
    memory: int
    """Memory in MiB."""


class AgentRunnerArgs(TypedDict):
    """What a runner is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which the tasks run."""
    key_id: Input[str]
    """ARN of the key that encrypts the logs."""
    repository: str
    """Name of the repository that holds the runner's image."""
    image: Input[str]
    """The runner's image, by digest."""
    identities: Input[dict[str, str]]
    """ARN of each function's role, by function."""
    functions: dict[str, RunnerTask]
    """The functions that can be run."""
    proxies: NotRequired[Mapping[str, Input[str]]]
    """URL of the proxy that takes a function's tasks out of the network, by function; the others reach nothing."""
    log_days: int
    """Days for which their logs are kept."""


class AgentRunner(pulumi.ComponentResource):
    """What starts agent tasks. It runs nothing by itself: a task is started for one change and ends with it."""

    tasks: Output[dict[str, str]]
    """ARN of each function's task definition, by function."""

    def __init__(self, name: str, args: AgentRunnerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:AgentRunner", name, {}, opts)
        child = ResourceOptions(parent=self)
        logical = f"{name}-agents"
        ecs.Cluster(
            logical,
            name=logical,
            settings=[{"name": "containerInsights", "value": "enabled"}],
            tags={"Name": logical},
            opts=child,
        )
        logs = cloudwatch.LogGroup(
            logical,
            name=f"/millwright/{logical}",
            retention_in_days=args["log_days"],
            kms_key_id=args["key_id"],
            tags={"Name": logical},
            opts=child,
        )
        starter = task_starter(
            logical,
            {
                "account": args["account"],
                "region": args["region"],
                "repository": args["repository"],
                "log_group": logs.arn,
                "secrets": {},
                "key_id": args["key_id"],
            },
            child,
        )
        arns: dict[str, Output[str]] = {}
        for function, size in args["functions"].items():
            task = ecs.TaskDefinition(
                f"{logical}-{function}",
                family=f"{logical}-{function}",
                requires_compatibilities=["FARGATE"],
                network_mode="awsvpc",
                cpu=str(size["cpu"]),
                memory=str(size["memory"]),
                execution_role_arn=starter.role.arn,
                task_role_arn=_identity(function, args),
                container_definitions=_definition(function, args, logs),
                tags={"Name": f"{logical}-{function}", "function": function},
                opts=child,
            )
            arns[function] = task.arn
        self.tasks = Output.all(**arns).apply(dict)
        self.register_outputs({"tasks": self.tasks})


def _identity(function: str, args: AgentRunnerArgs) -> Output[str]:
    def of(known: dict[str, str]) -> str:
        if function not in known:
            raise pulumi.RunError(f"the {function} is not started without an identity of its own")
        return known[function]

    return Output.from_input(args["identities"]).apply(of)


def _definition(function: str, args: AgentRunnerArgs, logs: cloudwatch.LogGroup) -> Output[str]:
    region = args["region"]
    proxy = args.get("proxies", {}).get(function, "")
    return Output.all(args["image"], logs.name, proxy).apply(
        lambda known: container(
            function, image=known[0], log_group=known[1], region=region, environment=_way_out(known[2], region)
        )
    )


def _way_out(proxy: str, region: str) -> dict[str, str]:
    """What leads a task's clients to its proxy; the cloud's own services are inside of the network."""
    return {"HTTPS_PROXY": proxy, "NO_PROXY": f".{region}.amazonaws.com"} if proxy else {}
