"""What a client needs to be let in by an open grant, beside the grant's token: by the kind of what opens it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from access.certificates import files
from access.grants import Grant, State
from factory.paths import FactoryRoot


class Client(NamedTuple):
    """`environment`: the variables by which the program `command` finds it."""

    environment: Mapping[str, str]
    command: str


def client_of(root: FactoryRoot, grant: Grant) -> dict[str, Any]:
    """The same as plain data; without variables before it is open."""
    client = _client(root, grant)
    return {"environment": dict(client.environment) if client else {}}


def shell_line(root: FactoryRoot, grant: Grant) -> str:
    """The same as a line for a shell; "" before it is open."""
    client = _client(root, grant)
    return " ".join([*(f"{n}={v}" for n, v in client.environment.items()), client.command]) if client else ""


def _client(root: FactoryRoot, grant: Grant) -> Client | None:
    make = CLIENTS.get(grant.provider_kind)
    return make(root, grant) if make and grant.state is State.ACTIVE else None


def _psql(root: FactoryRoot, grant: Grant) -> Client:
    """By libpq's own variables.

    https://www.postgresql.org/docs/16/libpq-envars.html
    """
    place, _, database = grant.door.partition("/")
    host, _, port = place.rpartition(":")
    told = {
        "PGHOST": host,
        "PGPORT": port,
        "PGUSER": grant.provider_ref,
        "PGDATABASE": database,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(files(root.access).certificate),
    }
    return Client(told, "psql")


def _ssh(_: FactoryRoot, grant: Grant) -> Client:
    """By files that a command makes: they hold a key."""
    return Client({}, f"millwright access ssh-config {grant.id} FOLDER && ssh -F FOLDER/config {grant.name}")


CLIENTS: Final[Mapping[str, Callable[[FactoryRoot, Grant], Client]]] = {
    "postgres": _psql,
    "ssh": _ssh,
}
