"""AgentIdentity: one role per agent function, which may read the function's own secrets and nothing else."""

from collections.abc import Sequence
from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from components.aws.documents import ROLE_NAME_LIMIT, decrypts_secrets, document, statement, task_trust
from components.naming import physical_name


class AgentIdentityArgs(TypedDict):
    """What the identities are made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which the tasks run."""
    key_id: Input[str]
    """ARN of the key that encrypts the secrets."""
    secrets: Input[dict[str, str]]
    """ARN of each of the app's secrets, by name."""
    functions: dict[str, Sequence[str]]
    """The names of the secrets each function may read, by function."""


class AgentIdentity(pulumi.ComponentResource):
    """One IAM role per function; a function that reads no secret has a role without any permission."""

    identities: Output[dict[str, str]]
    """ARN of each function's role, by function."""

    def __init__(self, name: str, args: AgentIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:AgentIdentity", name, {}, opts)
        child = ResourceOptions(parent=self)
        region = args["region"]
        trust = Output.from_input(args["account"]).apply(lambda account: task_trust(account, region))
        arns: dict[str, Output[str]] = {}
        for function, secret_names in args["functions"].items():
            logical = f"{name}-{function}"
            role = iam.Role(
                logical,
                name=physical_name(logical, limit=ROLE_NAME_LIMIT),
                description=f"What a {function} task of {name} may do",
                assume_role_policy=trust,
                tags={"Name": logical, "function": function},
                opts=child,
            )
            if secret_names:
                iam.RolePolicy(
                    logical,
                    name="secrets",
                    role=role.id,
                    policy=_reads(args["secrets"], args["key_id"], tuple(secret_names), region),
                    opts=child,
                )
            arns[function] = role.arn
        self.identities = Output.all(**arns).apply(dict)
        self.register_outputs({"identities": self.identities})


def _reads(secrets: Input[dict[str, str]], key_id: Input[str], names: tuple[str, ...], region: str) -> Output[str]:
    return Output.all(secrets, key_id).apply(
        lambda known: document(
            statement(["secretsmanager:GetSecretValue"], [known[0][name] for name in names]),
            decrypts_secrets(known[1], region),
        )
    )
