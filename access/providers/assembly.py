"""Every provider of one factory, by the kind that `access.grants` names: what the broker opens and closes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from access.aws.process import AwsProxy
from access.git.process import GitDoor
from access.grants import Desk, utc_now
from access.postgres.process import Relay
from access.providers import model
from access.providers.apis import Apis, declared
from access.providers.app_secrets import Secrets
from access.providers.aws import Aws, Cloud
from access.providers.aws_places import outputs_of
from access.providers.aws_sessions import LocalSessions, RoleSessions
from access.providers.databases import owner_url
from access.providers.git import Git
from access.providers.hosts import host_of
from access.providers.postgres import Postgres
from access.providers.postgres_roles import Tls
from access.providers.provider import Place as At
from access.providers.provider import Provider
from access.providers.ssh import Ssh
from access.providers.standing import Clients, SecretValue, app_secret
from access.relays import api_relay, aws_proxy, git_door, model_relay, postgres_relay, ssh_bastion
from access.ssh.authorities import Keys, private_key
from factory import daemons
from factory.paths import FactoryRoot
from factory.settings import Settings


@dataclass(frozen=True)
class Place:
    """What providers are made from: one factory, its database, its desk, and clients of its cloud."""

    root: FactoryRoot
    settings: Settings
    database: Engine
    desk: Desk
    clients: Clients


def providers(place: Place) -> Mapping[str, Provider]:
    """One of each kind. Nothing is started yet."""
    return {kind: make(place) for kind, make in MAKERS.items()}


def _postgres(place: Place) -> Provider:
    def relay() -> Relay:
        return postgres_relay(place.root, place.database, utc_now())

    tls: Tls = "disable" if place.desk.is_local else "verify-full"
    return Postgres(relay, partial(owner_url, place.database, place.clients), place.desk.verdicts.statement_kinds, tls)


def _secrets(place: Place) -> Secrets:
    def value_of(at: At) -> SecretValue:
        return app_secret(place.database, place.clients, at, at.resource.partition(".")[2])

    return Secrets(value_of)


def _apis(place: Place) -> Apis:
    value_of = partial(app_secret, place.database, place.clients)
    return Apis(partial(api_relay, place.root, place.database), partial(declared, place.root), value_of)


def secrets_of(opening: Mapping[str, Provider]) -> Secrets:
    """The one by which secrets are read."""
    found = opening["secret"]
    if not isinstance(found, Secrets):
        raise TypeError("the kind secret is opened by something else")
    return found


def _git(place: Place) -> Provider:
    def door() -> GitDoor:
        return git_door(place.root, place.database, utc_now())

    return Git(door, place.root.git, place.settings.github_repository or "")


def _aws(place: Place) -> Provider:
    def proxy() -> AwsProxy:
        return aws_proxy(place.root, place.database, utc_now())

    def endpoint() -> str:
        # Another start of the local cloud is at another port; a real one's does not change.
        found = daemons.read(place.root, daemons.LOCAL_CLOUD) if local else None
        return found.addresses["http"] if found else ""

    local = place.desk.is_local
    sessions = LocalSessions() if local else RoleSessions(place.clients, utc_now)
    return Aws(place.root, proxy, Cloud(place.clients, partial(outputs_of, place.database), sessions, endpoint, local))


def _model(place: Place) -> Provider:
    upstream = partial(model.upstream, place.root, place.settings)
    return model.Model(partial(model_relay, place.root, place.database, place.desk.refused_uses, upstream), upstream)


def _ssh(place: Place) -> Provider:
    bastion = partial(ssh_bastion, place.root, place.database)
    return Ssh(bastion, partial(host_of, place.root), private_key(place.root, Keys.HOSTS))


MAKERS: Mapping[str, Callable[[Place], Provider]] = {
    "aws": _aws,
    "postgres": _postgres,
    "secret": _secrets,
    "git": _git,
    "api": _apis,
    "model": _model,
    "ssh": _ssh,
}
