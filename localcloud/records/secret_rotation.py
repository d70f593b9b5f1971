"""Secrets Manager: a secret's rotation. It is kept, and nothing rotates the secret: no function runs here."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.record import REGION, Call, Record, View, flag, integer, one, text
from localcloud.records.secretsmanager import secret_form

Json = Any
RULES = {
    "automaticallyAfterDays": "AutomaticallyAfterDays",
    "duration": "Duration",
    "scheduleExpression": "ScheduleExpression",
}


def put_rotation(call: Call) -> str:
    """Say who rotates a secret and when (Secrets Manager has one call for new and changed); the secret's ARN."""
    rules = call.inputs["rotationRules"]
    rotated = call.aws("secretsmanager").rotate_secret(
        SecretId=call.inputs["secretId"],
        RotationLambdaARN=call.inputs["rotationLambdaArn"],
        RotationRules={key: rules[name] for name, key in RULES.items() if rules.get(name) is not None},
        RotateImmediately=call.inputs["rotateImmediately"],
    )
    return str(rotated["ARN"])


def read_rotation(call: Call) -> View | None:
    """A secret's rotation, unless it was cancelled."""
    secret = call.aws("secretsmanager").describe_secret(SecretId=call.id)
    if secret.get("DeletedDate") or not secret.get("RotationEnabled"):
        return None
    told = secret.get("RotationRules") or {}
    return {
        "secretId": secret["ARN"],
        "rotationLambdaArn": secret.get("RotationLambdaARN"),
        "rotationRules": {name: told[key] for name, key in RULES.items() if told.get(key)},
        "rotationEnabled": True,
    }


def delete_rotation(call: Call) -> None:
    """Cancel it."""
    call.aws("secretsmanager").cancel_rotate_secret(SecretId=call.id)


def check_rotation(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Days or a schedule, one of them, as AWS says."""
    rules = inputs.get("rotationRules") or {}
    if not isinstance(rules, Mapping) or bool(rules.get("automaticallyAfterDays")) != bool(
        rules.get("scheduleExpression")
    ):
        return []
    return [("rotationRules", "give automaticallyAfterDays or scheduleExpression, one of them")]


RECORDS = (
    Record(
        type="aws:secretsmanager/secretRotation:SecretRotation",
        service="secretsmanager",
        properties={
            "secretId": text(required=True, replaces=True, same_as=secret_form),
            "rotationLambdaArn": text(required=True),
            "rotationRules": one(
                {"automaticallyAfterDays": integer(), "duration": text(), "scheduleExpression": text()}, required=True
            ),
            "rotateImmediately": flag(default=True, no_effect="no function runs here, so nothing rotates the secret"),
            **REGION,
        },
        outputs=("rotationEnabled",),
        unique=("secretId",),
        create=put_rotation,
        read=read_rotation,
        update=put_rotation,
        delete=delete_rotation,
        gone=("ResourceNotFoundException",),
        check=check_rotation,
        refused={
            "rotationEnabled": "it is on as long as the resource is declared",
            "externalSecretRotationMetadatas": "the local cloud has no managed external secrets",
            "externalSecretRotationRoleArn": "the local cloud has no managed external secrets",
        },
    ),
)
