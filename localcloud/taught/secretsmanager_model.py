"""A secret's rotation is kept whole, and nothing rotates it: its function would have to run, and none runs here.

A version is told with the time at which it was made; moto's own answer is the time of the call.
"""

import json
from typing import Any

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceNotFoundException,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

Json = Any
LONGEST_DAYS = 1000


def teach() -> None:
    """Let moto's Secrets Manager in this process keep rotations without one. Calling it again changes nothing."""
    secret: Any = FakeSecret
    if hasattr(secret, "rotation_rules"):
        return
    backend: Any = SecretsManagerBackend
    plain = secret.to_dict
    secret.rotation_rules = None
    backend.rotate_secret = _rotate
    backend.cancel_rotate_secret = _cancel
    listed = backend.list_secret_version_ids

    def list_secret_version_ids(self: Json, secret_id: str) -> str:
        if not self._is_valid_identifier(secret_id):
            raise SecretNotFoundException
        told = json.loads(listed(self, secret_id))
        for version in told["Versions"]:
            version["CreatedDate"] = self.secrets[secret_id].versions[version["VersionId"]]["createdate"]
        return json.dumps(told)

    backend.list_secret_version_ids = list_secret_version_ids

    def to_dict(self: Json) -> dict[str, Json]:
        told = dict(plain(self))
        if self.rotation_rules is not None:
            told["RotationRules"] = self.rotation_rules
            told.pop("LastRotatedDate", None)
        return told

    secret.to_dict = to_dict


def _secret(backend: Json, id: str) -> Json:
    if not backend._is_valid_identifier(id):  # noqa: SLF001  moto's own look-up
        raise SecretNotFoundException
    secret = backend.secrets[id]
    if secret.is_deleted():
        raise InvalidRequestException("You tried to perform the operation on a secret that's marked deleted.")
    return secret


def _rotate(
    self: Json,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Json] | None = None,
    rotate_immediately: bool = True,
) -> str:
    """Keep who rotates the secret and when. Its value and versions stay."""
    del client_request_token, rotate_immediately
    secret = _secret(self, secret_id)
    function = rotation_lambda_arn or secret.rotation_lambda_arn
    if not function:
        raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
    _must_exist(self, function)
    rules = rotation_rules or {}
    days = rules.get("AutomaticallyAfterDays")
    if days is not None and not 1 <= int(days) <= LONGEST_DAYS:
        raise InvalidParameterException("RotationRules.AutomaticallyAfterDays must be within 1-1000.")
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = function
    secret.auto_rotate_after_days = int(days or 0)
    secret.rotation_rules = rules
    return str(secret.to_short_dict())


def _must_exist(backend: Json, function: str) -> None:
    from moto.awslambda.utils import get_backend

    try:
        get_backend(backend.account_id, backend.region_name).get_function(function)
    except Exception as error:
        raise ResourceNotFoundException(f"Resource not found for ARN '{function}'.") from error


def _cancel(self: Json, secret_id: str) -> str:
    secret = _secret(self, secret_id)
    if not secret.rotation_lambda_arn:
        raise InvalidRequestException("You tried to cancel the rotation of a secret that has no rotation function.")
    secret.rotation_enabled = False
    return str(secret.to_short_dict())
