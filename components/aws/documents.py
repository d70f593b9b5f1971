"""IAM documents that several components need, as plain data."""

import json
from collections.abc import Sequence
from typing import Any

# IAM allows role names of 64 characters.
ROLE_NAME_LIMIT = 64
# And names of managed policies of 128.
POLICY_NAME_LIMIT = 128


def statement(actions: Sequence[str], resources: Sequence[str], **more: Any) -> dict[str, Any]:
    """One Allow statement; empty `resources` is refused, because an empty list would be dropped silently."""
    if not resources:
        raise ValueError("a statement names its resources")
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources), **more}


def document(*statements: dict[str, Any]) -> str:
    """A policy document of these statements, as JSON with a stable order."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def tls_only(bucket: str) -> dict[str, Any]:
    """Nobody reaches the bucket of this ARN, or what is in it, in plain text."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def decrypts_secrets(key_id: str, region: str) -> dict[str, Any]:
    """Use of the key for secrets only: it serves many things, but through Secrets Manager no others."""
    return statement(
        ["kms:Decrypt"],
        [key_id],
        Condition={"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}},
    )


def task_trust(account: str, region: str) -> str:
    """Only ECS tasks of this account and region take the role: the service is nobody else's deputy."""
    return document(task_trust_statement(account, region))


def task_trust_statement(account: str, region: str) -> dict[str, Any]:
    """The one statement of `task_trust`, for roles that trust somebody else too."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{region}:{account}:*"},
        },
    }
