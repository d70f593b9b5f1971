"""AgentIdentity: one role per agent function, which may read the function's own secrets and, in sessions of grants, do
with the app's queues what the access rules may ever let it. Nothing else.

A permissions boundary says what none of them may ever do, whatever is attached to it later.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from components.aws.boundary import Place, agent_trust, boundary
from components.aws.documents import POLICY_NAME_LIMIT, ROLE_NAME_LIMIT, decrypts_secrets, document, statement
from components.naming import physical_name
from factory.cloud_access import in_grants_only, queue_arns, statements
from factory.spec import Scope


class AgentIdentityArgs(TypedDict):
    """What the identities are made from."""

    app: str
    """The app that the agents work on."""
    environment: str
    """The environment that they work in."""
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
    queues: NotRequired[Mapping[str, Mapping[str, Scope]]]
    """How far each function may ever be let into each queue, by its name in app.yaml; default: into none."""


class AgentIdentity(pulumi.ComponentResource):
    """One IAM role per function under one boundary; a function that reads no secret has no permission at all."""

    identities: Output[dict[str, str]]
    """ARN of each function's role, by function."""

    def __init__(self, name: str, args: AgentIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:AgentIdentity", name, {}, opts)
        child = ResourceOptions(parent=self)
        ceiling = _ceiling(name, args, child)
        arns: dict[str, Output[str]] = {}
        for function, secret_names in args["functions"].items():
            logical = f"{name}-{function}"
            role = iam.Role(
                logical,
                name=physical_name(logical, limit=ROLE_NAME_LIMIT),
                description=f"What a {function} task of {name} may do",
                assume_role_policy=_trust(function, args),
                permissions_boundary=ceiling.arn,
                tags={"Name": logical, "function": function},
                opts=child,
            )
            if secret_names:
                iam.RolePolicy(
                    logical,
                    name="secrets",
                    role=role.id,
                    policy=_reads(args["secrets"], args["key_id"], tuple(secret_names), args["region"]),
                    opts=child,
                )
            if queues := args.get("queues", {}).get(function):
                iam.RolePolicy(
                    f"{logical}-queues", name="queues", role=role.id, policy=_uses(name, args, queues), opts=child
                )
            arns[function] = role.arn
        self.identities = Output.all(**arns).apply(dict)
        self.register_outputs({"identities": self.identities})


def _place(args: AgentIdentityArgs, account: str) -> Place:
    return Place(args["app"], args["environment"], account, args["region"])


def _ceiling(name: str, args: AgentIdentityArgs, opts: ResourceOptions) -> iam.Policy:
    logical = f"{name}-agents"
    return iam.Policy(
        logical,
        name=physical_name(logical, limit=POLICY_NAME_LIMIT),
        description=f"What no agent of {name} may ever exceed",
        policy=Output.all(args["account"], args["key_id"]).apply(
            lambda known: boundary(_place(args, known[0]), known[1], _queues(name, args, known[0]))
        ),
        tags={"Name": logical},
        opts=opts,
    )


def _queues(name: str, args: AgentIdentityArgs, account: str) -> list[str]:
    """ARNs of the queues that any function may be let into."""
    named = sorted({queue for held in args.get("queues", {}).values() for queue in held})
    return [arn for queue in named for arn in queue_arns(name, queue, account, args["region"])]


def _uses(name: str, args: AgentIdentityArgs, queues: Mapping[str, Scope]) -> Output[str]:
    def written(known: Sequence[str]) -> str:
        account, key_id = known
        return document(
            *(
                each
                for queue, scope in queues.items()
                for each in in_grants_only(
                    statements(
                        "queues", scope, queue_arns(name, queue, account, args["region"]), key_id, args["region"]
                    )
                )
            )
        )

    return Output.all(args["account"], args["key_id"]).apply(written)


def _trust(function: str, args: AgentIdentityArgs) -> Output[str]:
    return Output.from_input(args["account"]).apply(lambda account: agent_trust(_place(args, account), function))


def _reads(secrets: Input[dict[str, str]], key_id: Input[str], names: tuple[str, ...], region: str) -> Output[str]:
    return Output.all(secrets, key_id).apply(
        lambda known: document(
            statement(["secretsmanager:GetSecretValue"], [known[0][name] for name in names]),
            decrypts_secrets(known[1], region),
        )
    )
