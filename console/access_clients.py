"""What a client needs to be let in by an open grant, beside the grant's token: by the kind of what opens it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from access.certificates import files
from access.grants import Grant, State
from access.providers.aws_keys import client_keys
from factory.paths import FactoryRoot
from factory.spec import variable_name


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


def _secret(root: FactoryRoot, grant: Grant) -> Client:
    """Nobody is told the value: a command has it, and only while it is let in."""
    del root
    named = f"{grant.app} {grant.environment} {grant.name}"
    return Client({}, f"millwright access connect secret {named} --grant {grant.id} -- COMMAND")


def _git(root: FactoryRoot, grant: Grant) -> Client:
    """By git's own variables; a clone keeps `millwright:APP` as its remote, wherever the door is the next time.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
    """
    told = {
        "GIT_SSL_CAINFO": str(files(root.access).certificate),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.https://grant@{grant.door}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"millwright:{grant.app}",
    }
    return Client(told, f"git clone millwright:{grant.app}")


def _aws(root: FactoryRoot, grant: Grant) -> Client:
    """By the SDKs' own variables: every service of theirs is asked at the proxy.

    https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
    """
    place, _, region = grant.door.partition("/")
    keys = client_keys(root, grant)
    told = {
        "AWS_ENDPOINT_URL": f"https://{place}",
        "AWS_ACCESS_KEY_ID": keys.key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CA_BUNDLE": str(files(root.access).certificate),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Client(told, "aws")


def _api(root: FactoryRoot, grant: Grant) -> Client:
    """Its base URL here; the token is its bearer."""
    del root
    name = variable_name(grant.name)
    return Client({f"{name}_URL": grant.door}, f'curl -H "Authorization: Bearer ${name}_TOKEN" {grant.door}/')


def _ssh(root: FactoryRoot, grant: Grant) -> Client:
    """By files that a command makes: they hold a key."""
    del root
    return Client({}, f"millwright access ssh-config {grant.id} FOLDER && ssh -F FOLDER/config {grant.name}")


CLIENTS: Final[Mapping[str, Callable[[FactoryRoot, Grant], Client]]] = {
    "postgres": _psql,
    "secret": _secret,
    "git": _git,
    "aws": _aws,
    "api": _api,
    "ssh": _ssh,
}
