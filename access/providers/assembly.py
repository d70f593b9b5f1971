"""Every provider of one factory, by the kind that `access.grants` names: what the broker opens and closes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from access.grants import Desk, utc_now
from access.postgres.process import Relay
from access.providers.databases import Clients, owner_url
from access.providers.hosts import host_of
from access.providers.postgres import Postgres
from access.providers.postgres_roles import Tls
from access.providers.provider import Provider
from access.providers.ssh import Ssh
from access.relays import postgres_relay, ssh_bastion
from access.ssh.authorities import Keys, private_key
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


def _ssh(place: Place) -> Provider:
    bastion = partial(ssh_bastion, place.root, place.database)
    return Ssh(bastion, partial(host_of, place.root), private_key(place.root, Keys.HOSTS))


MAKERS: Mapping[str, Callable[[Place], Provider]] = {
    "postgres": _postgres,
    "ssh": _ssh,
}
