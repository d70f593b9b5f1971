"""What may be done with a part of an app that is a cloud's own, by scope: the actions of its service, as IAM has them.

One table for both ends: agents' roles are declared from it, and it is the session policy of each grant.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from factory.spec import AppSpec, Environment, Scope

VERSION: Final = "2012-10-17"


@dataclass(frozen=True)
class CloudKind:
    """One kind of part: its `service` as IAM writes it, what each scope adds to the one before, and what that asks of
    the key that encrypts it (only through the service)."""

    service: str
    actions: Mapping[Scope, Sequence[str]]
    key_actions: Mapping[Scope, Sequence[str]]


# What would let others in for good (AddPermission), or change what is declared (CreateQueue, DeleteQueue, tags), is in
# no scope.
CLOUD_KINDS: Final[Mapping[str, CloudKind]] = {
    "queues": CloudKind(
        "sqs",
        {
            # To receive hides a message for a while, and counts as an attempt: there is no other way to look at one.
            Scope.READ: (
                "GetQueueAttributes",
                "GetQueueUrl",
                "ListDeadLetterSourceQueues",
                "ListQueueTags",
                "ReceiveMessage",
            ),
            Scope.WRITE: ("ChangeMessageVisibility", "DeleteMessage", "SendMessage"),
            Scope.ADMIN: ("ListMessageMoveTasks", "PurgeQueue", "SetQueueAttributes", "StartMessageMoveTask"),
        },
        {Scope.READ: ("Decrypt",), Scope.WRITE: ("GenerateDataKey",), Scope.ADMIN: ()},
    ),
}


def actions_of(kind: str, scope: Scope) -> list[str]:
    """The IAM actions that a scope holds, those of narrower ones too: `sqs:SendMessage`."""
    part = CLOUD_KINDS[kind]
    return sorted(f"{part.service}:{action}" for action in _up_to(part.actions, scope))


def statements(kind: str, scope: Scope, resources: Sequence[str], key: str, region: str) -> list[dict[str, Any]]:
    """IAM statements that let somebody so far into `resources` (ARNs), which `key` (an ARN) encrypts."""
    part = CLOUD_KINDS[kind]
    keyed = sorted(f"kms:{action}" for action in _up_to(part.key_actions, scope))
    through = {"StringEquals": {"kms:ViaService": f"{part.service}.{region}.amazonaws.com"}}
    return [
        {"Effect": "Allow", "Action": actions_of(kind, scope), "Resource": sorted(resources)},
        {"Effect": "Allow", "Action": keyed, "Resource": [key], "Condition": through},
    ]


def in_grants_only(allowed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same statements for a role, where they hold in sessions of grants only: those say their task, and the role's
    own tasks on ECS, which are nobody's grant, cannot."""
    said = {"StringLike": {"aws:PrincipalTag/task": "?*"}}
    return [{**each, "Condition": {**each.get("Condition", {}), **said}} for each in allowed]


def promised(spec: AppSpec, environment: Environment, kind: str) -> dict[str, dict[str, Scope]]:
    """How far app.yaml's rules may ever let each function into each part of this kind (by name), where any does."""
    found: dict[str, dict[str, Scope]] = {}
    for rule in spec.access:
        named, _, name = rule.resource.partition(".")
        if named != kind or environment not in rule.environments or rule.function not in spec.agents:
            continue
        held = found.setdefault(rule.function.value, {})
        held[name] = max(held.get(name, rule.scope), rule.scope, key=lambda scope: scope.level)
    return found


def queue_names(stack: str, queue: str) -> tuple[str, str]:
    """What a queue is called in the cloud, and the one beside it of messages that nobody could handle."""
    return f"{stack}-{queue}", f"{stack}-{queue}-put-aside"


def queue_arns(stack: str, queue: str, account: str, region: str) -> list[str]:
    """ARNs of both."""
    return [f"arn:aws:sqs:{region}:{account}:{name}" for name in queue_names(stack, queue)]


def _up_to(by_scope: Mapping[Scope, Sequence[str]], widest: Scope) -> Iterator[str]:
    for scope, actions in by_scope.items():
        if scope.level <= widest.level:
            yield from actions
