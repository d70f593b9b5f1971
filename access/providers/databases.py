"""Where a database of an environment is, and its owner's credentials: from the environment's record and its secret."""

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from access.providers.provider import Place
from access.providers.standing import Clients, missing, outputs_of, secret_value
from factory.errors import CloudUnavailable


def owner_url(database: Engine, clients: Clients, place: Place) -> URL:
    """The owner's URL of a database. Raises InputError where it does not stand, CloudUnavailable."""
    outputs = outputs_of(database, place)
    name = place.resource.partition(".")[2]
    if name not in outputs.databases:
        raise missing(place)
    text = secret_value(clients, outputs.region, outputs.databases[name].secret, place.resource).text
    try:
        return make_url(text)
    except ArgumentError:
        # The error would quote what it could not read.
        raise CloudUnavailable(f"the secret of {place.resource} holds no database's URL") from None
