"""Every provider of one factory, by the kind that `access.grants` names: what the broker opens and closes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from access.aws.process import AwsProxy
from access.grants import Desk, utc_now
from access.postgres.process import Relay
from access.providers.aws import Aws, Cloud
from access.providers.aws_places import outputs_of
from access.providers.aws_sessions import LocalSessions, RoleSessions
from access.providers.databases import Clients, owner_url
from access.providers.postgres import Postgres
from access.providers.postgres_roles import Tls
from access.providers.provider import Provider
from access.relays import aws_proxy, postgres_relay
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


MAKERS: Mapping[str, Callable[[Place], Provider]] = {
    "aws": _aws,
    "postgres": _postgres,
}
