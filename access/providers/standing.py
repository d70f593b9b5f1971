"""What stands in an environment of an app, and the values of its secrets: by its record, and from its cloud."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from access.providers.provider import Place
from factory import db, environments
from factory.errors import CloudUnavailable, InputError
from factory.outputs import AppFactoryOutputs

Clients = Callable[[str, str], Any]
"""A client of a cloud's service (`secretsmanager`) in a region."""


@dataclass(frozen=True)
class SecretValue:
    """What a secret says, and which of its versions that is."""

    text: str = field(repr=False)
    version: str


def outputs_of(database: Engine, place: Place) -> AppFactoryOutputs:
    """What the environment's last update left. Raises InputError where it does not stand."""
    with db.transaction(database) as connection:
        record = environments.read(connection, f"{place.app}-{place.environment}")
    if record is None or not isinstance(record.outputs, AppFactoryOutputs):
        raise missing(place)
    return record.outputs


def missing(place: Place) -> InputError:
    """It is declared, and was not made yet."""
    return InputError(
        f"{place.resource} of {place.app} does not stand in {place.environment}",
        hint=f"millwright up {place.app} {place.environment}",
    )


def app_secret(database: Engine, clients: Clients, place: Place, name: str) -> SecretValue:
    """One of the app's own secrets in that environment, for the resource of `place`.

    Raises InputError where it does not stand, CloudUnavailable.
    """
    outputs = outputs_of(database, place)
    if name not in outputs.secrets:
        raise missing(place)
    return secret_value(clients, outputs.region, outputs.secrets[name], place.resource)


def secret_value(clients: Clients, region: str, secret: str, what: str) -> SecretValue:
    """The present value of a secret of Secrets Manager; `what` is it of, for people. Raises CloudUnavailable."""
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = clients("secretsmanager", region).get_secret_value(SecretId=secret)
    except (BotoCoreError, ClientError) as error:
        raise CloudUnavailable(f"the secret of {what} cannot be read: {error}") from None
    if "SecretString" not in answer:
        raise CloudUnavailable(f"the secret of {what} holds bytes and no text")
    return SecretValue(answer["SecretString"], answer["VersionId"])
