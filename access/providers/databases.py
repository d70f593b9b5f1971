"""Where a database of an environment is, and its owner's credentials: from the environment's record and its secret."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from access.providers.provider import Place
from factory import db, environments
from factory.errors import CloudUnavailable, InputError
from factory.outputs import AppFactoryOutputs

Clients = Callable[[str, str], Any]
"""A client of a cloud's service (`secretsmanager`) in a region."""


def owner_url(database: Engine, clients: Clients, place: Place) -> URL:
    """The owner's URL of a database. Raises InputError where it does not stand, CloudUnavailable."""
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    with db.transaction(database) as connection:
        record = environments.read(connection, f"{place.app}-{place.environment}")
    outputs = record.outputs if record else None
    name = place.resource.partition(".")[2]
    if not isinstance(outputs, AppFactoryOutputs) or name not in outputs.databases:
        raise InputError(
            f"{place.resource} of {place.app} does not stand in {place.environment}",
            hint=f"millwright up {place.app} {place.environment}",
        )
    secret = outputs.databases[name].secret
    try:
        text = clients("secretsmanager", outputs.region).get_secret_value(SecretId=secret)["SecretString"]
        return make_url(text)
    except (BotoCoreError, ClientError) as error:
        raise CloudUnavailable(f"the secret of {place.resource} cannot be read: {error}") from None
    except ArgumentError:
        # The error would quote what it could not read.
        raise CloudUnavailable(f"the secret of {place.resource} holds no database's URL") from None
