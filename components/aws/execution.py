"""The role ECS itself uses to start a task: it pulls the image, writes the log, reads the secrets to inject."""

from collections.abc import Mapping

from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from components.aws.documents import decrypts_secrets, document, statement, task_trust
from components.naming import physical_name

ROLE_NAME_LIMIT = 64


def execution_role(
    name: str,
    account: Input[str],
    region: str,
    log_group: Input[str],
    secrets: Input[Mapping[str, str]],
    key_id: Input[str],
    opts: ResourceOptions,
) -> iam.Role:
    """The role and its one policy, as children of the caller's component.

    `log_group` is the ARN of the log group it may write, `secrets` the ARNs of the secrets it may inject, by name,
    and `key_id` the ARN of the key that encrypts those.
    """
    role = iam.Role(
        f"{name}-start",
        name=physical_name(name, "start", limit=ROLE_NAME_LIMIT),
        description=f"Starts the tasks of {name}",
        assume_role_policy=Output.from_input(account).apply(lambda known: task_trust(known, region)),
        tags={"Name": f"{name}-start"},
        opts=opts,
    )
    iam.RolePolicy(
        f"{name}-start",
        name="start",
        role=role.id,
        policy=Output.all(account, log_group, secrets, key_id).apply(
            lambda known: _permissions(known[0], region, known[1], dict(known[2]), known[3])
        ),
        opts=opts,
    )
    return role


def _permissions(account: str, region: str, log_group: str, secrets: dict[str, str], key_id: str) -> str:
    statements = [
        # AWS gives this action no resource to restrict it to.
        statement(["ecr:GetAuthorizationToken"], ["*"]),
        statement(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [f"arn:aws:ecr:{region}:{account}:repository/*"],
        ),
        statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group}:*"]),
    ]
    if secrets:
        statements.append(statement(["secretsmanager:GetSecretValue"], list(secrets.values())))
        statements.append(decrypts_secrets(key_id, region))
    return document(*statements)
