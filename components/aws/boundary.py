"""What an agent may ever do, whatever somebody attaches to its role: the permissions boundary, and who takes the role.

The Allows are the ceiling. The Denies hold also where a resource's own policy names a session, which a ceiling
would not limit ("Permissions boundaries for IAM entities": session ARNs in resource policies).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from components.aws.documents import decrypts_secrets, document, statement, task_trust_statement
from components.aws.shared_names import audit_bucket, state_bucket
from factory.cloud_access import statements
from factory.spec import Scope


class Place(NamedTuple):
    """Where an agent works."""

    app: str
    environment: str
    account: str
    region: str


def boundary(place: Place, key_id: str, queues: Sequence[str] = ()) -> str:
    """The ceiling of an environment's agents: its own secrets, opened by its own key (an ARN), and nothing else.

    `queues`: ARNs of those that they may be let into, if any.
    """
    secrets = f"arn:aws:secretsmanager:{place.region}:{place.account}:secret:{place.app}/{place.environment}/*"
    stores = [bucket(place.account) for bucket in (audit_bucket, state_bucket)]
    return document(
        statement(["secretsmanager:GetSecretValue"], [secrets]),
        decrypts_secrets(key_id, place.region),
        *(statements("queues", Scope.ADMIN, queues, key_id, place.region) if queues else ()),
        # Itself included: neither its role, nor this boundary, nor any other identity can be changed or taken.
        _deny("Identities", ["account:*", "iam:*", "identitystore:*", "organizations:*", "sso:*", "sts:*"]),
        _deny("Audit", ["cloudtrail:*", "config:*", "guardduty:*", "logs:*"]),
        _deny(
            "AuditAndState", ["s3:*"], Resource=[f"arn:aws:s3:::{store}{end}" for store in stores for end in ("", "/*")]
        ),
        _deny("OtherSecrets", ["secretsmanager:*"], NotResource=[secrets]),
        _deny("OtherKeys", ["kms:*"], NotResource=[key_id]),
        *((_deny("OtherQueues", ["sqs:*"], NotResource=sorted(queues)),) if queues else ()),
        _deny("OtherApps", ["*"], Condition=_tagged_otherwise("app", place.app)),
        _deny("OtherEnvironments", ["*"], Condition=_tagged_otherwise("environment", place.environment)),
    )


def agent_trust(place: Place, function: str) -> str:
    """Who takes a function's role: its ECS tasks, and whom the account allows to, with all tags of the session.

    ECS passes no session tags (https://github.com/aws/containers-roadmap/issues/2426): app, environment and function
    of its sessions are the role's own tags, and their name is the ECS task's id. Every other session says its task.
    """
    own = {"app": place.app, "environment": place.environment, "function": function}
    return document(
        task_trust_statement(place.account, place.region),
        {
            "Sid": "TaggedSessions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{place.account}:root"},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
            "Condition": {
                # A session's tags take the place of the role's: none of them may say anything else.
                "StringEquals": {f"aws:RequestTag/{key}": value for key, value in own.items()},
                "StringLike": {"aws:RequestTag/task": "?*"},
                "ForAllValues:StringEquals": {"aws:TagKeys": [*own, "change", "task"]},
            },
        },
    )


def _deny(sid: str, actions: list[str], **more: Any) -> dict[str, Any]:
    where = {} if "NotResource" in more else {"Resource": "*"}
    return {"Sid": sid, "Effect": "Deny", "Action": actions, **where, **more}


def _tagged_otherwise(key: str, value: str) -> dict[str, Any]:
    """Resources whose tag says something else; those without it are no business of this condition."""
    tag = f"aws:ResourceTag/{key}"
    return {"StringNotEquals": {tag: value}, "Null": {tag: "false"}}
