"""The role ECS itself uses to start a task: it pulls the image, writes the log, reads the secrets to inject."""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict

from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from components.aws.documents import ROLE_NAME_LIMIT, decrypts_secrets, document, statement, task_trust
from components.naming import physical_name


class StarterArgs(TypedDict):
    """What a starter is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which the tasks run."""
    repository: str
    """Name of the image repository that it may pull from."""
    log_group: Input[str]
    """ARN of the log group that it may write."""
    secrets: Input[Mapping[str, str]]
    """ARN of each secret that it may inject, by name."""
    key_id: Input[str]
    """ARN of the key that encrypts those."""


class Starter(NamedTuple):
    """The role, and its policy: what starts tasks must wait for both."""

    role: iam.Role
    policy: iam.RolePolicy


def task_starter(name: str, args: StarterArgs, opts: ResourceOptions) -> Starter:
    """The role and its one policy, as children of the caller's component."""
    region, repository = args["region"], args["repository"]
    role = iam.Role(
        f"{name}-start",
        name=physical_name(name, "start", limit=ROLE_NAME_LIMIT),
        description=f"Starts the tasks of {name}",
        assume_role_policy=Output.from_input(args["account"]).apply(lambda known: task_trust(known, region)),
        tags={"Name": f"{name}-start"},
        opts=opts,
    )
    permissions = Output.all(args["account"], args["log_group"], args["secrets"], args["key_id"]).apply(
        lambda known: _permissions(
            f"arn:aws:ecr:{region}:{known[0]}:repository/{repository}", known[1], dict(known[2]), known[3], region
        )
    )
    policy = iam.RolePolicy(f"{name}-start", name="start", role=role.id, policy=permissions, opts=opts)
    return Starter(role, policy)


def _permissions(repository: str, log_group: str, secrets: dict[str, str], key_id: str, region: str) -> str:
    statements = [
        # AWS gives this action no resource to restrict it to.
        statement(["ecr:GetAuthorizationToken"], ["*"]),
        statement(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], [repository]),
        statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group}:*"]),
    ]
    if secrets:
        statements.append(statement(["secretsmanager:GetSecretValue"], list(secrets.values())))
        statements.append(decrypts_secrets(key_id, region))
    return document(*statements)
