"""The provider for databases: a role per grant, behind the relay that records every statement."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Collection
from typing import Final

from sqlalchemy.engine import URL

from access.certificates import ADDRESS
from access.grants import Grant
from access.postgres.kinds import StatementKind
from access.postgres.orders import Open, Upstream
from access.postgres.process import Relay
from access.postgres.scram import stored
from access.providers.holding import Holding, seconds_left
from access.providers.postgres_roles import PREFIX, Roles, Tls
from access.providers.provider import Issued, Place
from factory.errors import InputError, MillwrightError

UrlOf = Callable[[Place], URL]
KindsOf = Callable[[Grant], Collection[str]]
REF_CHARACTERS: Final = 32


class Postgres:
    """Databases of the factory's environments.

    `url_of` knows their owners' URLs, `kinds_of` which classes of statements pass under a grant; `tls` is how the
    databases are reached.
    """

    def __init__(self, relay: Callable[[], Relay], url_of: UrlOf, kinds_of: KindsOf, tls: Tls) -> None:
        self._relay, self._url_of, self._kinds_of, self._tls = Holding(relay), url_of, kinds_of, tls
        self._lock = threading.Lock()
        self._turns: dict[tuple[str | None, int | None], threading.Lock] = {}

    def ref(self, grant: Grant) -> str:
        """The role's name. From the whole id: the beginnings of ids that are made together are alike."""
        return PREFIX + hashlib.sha256(grant.id.encode()).hexdigest()[:REF_CHARACTERS]

    def issue(self, grant: Grant) -> Issued:
        """Make the role anew, and let the grant's holder in at the relay. Raises MillwrightError."""
        return self._relay.issued(lambda relay: self._issued(grant, relay))

    def _issued(self, grant: Grant, relay: Relay) -> Issued:
        url, role, until = self._url_of(_place(grant)), self.ref(grant), str(grant.hard_until)
        # Of this role at the database only; who holds the grant never has it, and comes in by the relay alone.
        password = secrets.token_urlsafe(32)
        self._roles(url).make(role, stored(password), grant.scope, until)
        server = Upstream(
            host=str(url.host),
            port=url.port or 5432,
            database=str(url.database),
            user=role,
            password=password,
            tls=self._tls,
        )
        self._relay.open(
            relay,
            grant,
            Open(
                grant=grant.id,
                login=role,
                verifier=grant.verifier,
                server=server,
                allowed=sorted(map(StatementKind, self._kinds_of(grant))),
                app=grant.app,
                principal=grant.principal,
                seconds=seconds_left(grant),
            ),
        )
        return Issued(role, f"{ADDRESS}:{relay.port}/{url.database}", until)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._relay.serves(grant)

    def cut(self, grants: Collection[Grant]) -> None:
        """End their sessions at the relay, all at once."""
        self._relay.cut(grants)

    def remove(self, grant: Grant) -> None:
        """End its backends, and remove its role. Raises MillwrightError."""
        try:
            url = self._url_of(_place(grant))
        except InputError:
            # The database is gone, and the role with it.
            return
        self._roles(url).end(self.ref(grant))

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Remove the roles of no live grant; their names. Raises MillwrightError."""
        try:
            roles = self._roles(self._url_of(place))
        except InputError:
            return []
        found: list[str] = []
        problem: MillwrightError | None = None
        for role in roles.all():
            if role not in live:
                # One that cannot be removed keeps none of the others.
                try:
                    roles.end(role)
                    found.append(role)
                except MillwrightError as error:
                    problem = error
        if problem is not None and not found:
            raise problem
        return found

    def close(self) -> None:
        """End the relay, and every session with it."""
        self._relay.close()

    def _roles(self, url: URL) -> Roles:
        with self._lock:
            turn = self._turns.setdefault((url.host, url.port), threading.Lock())
        return Roles(url, self._tls, turn)


def _place(grant: Grant) -> Place:
    return Place(grant.app, grant.environment.value, grant.resource)
