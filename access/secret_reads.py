"""Secrets read by whoever holds a grant on one: each read is decided again, counted and told before the value is."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine

from access.grants import Desk, Grant, State, store, utc_now
from access.grants.model import stamp
from access.providers.app_secrets import Secrets
from factory import db, events
from factory.errors import AccessDenied, CloudUnavailable
from factory.spec import variable_name

# Who needs a value keeps it for as long as they need it.
MOST_READS: Final = 20
READ: Final = "secret.read"


class SecretRead(BaseModel):
    """A value, the variable by which programs expect it, and which of the secret's versions it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variable: str
    value: str = Field(repr=False)
    version: str


class SecretReads:
    """Of one factory. Safe to use from many threads; `now` is the wall clock."""

    def __init__(self, desk: Desk, database: Engine, secrets: Secrets, now: Callable[[], datetime] = utc_now) -> None:
        self._desk, self._database, self._secrets, self._now = desk, database, secrets, now
        self._turn = threading.Lock()

    def read(self, grant: Grant) -> SecretRead:
        """The value that a grant is about, for who holds it (which the caller has made sure of).

        Raises AccessDenied (which is told), MillwrightError; SQLAlchemy's errors: what cannot be told is not read.
        """
        try:
            return self._read(grant)
        except AccessDenied as error:
            self._desk.refused_uses.refuse(grant, str(error))
            raise

    def _read(self, grant: Grant) -> SecretRead:
        self._require_open(grant)
        self._desk.verdicts.verify(grant, None)
        found = self._secrets.read(grant)
        if "\0" in found.text:
            raise CloudUnavailable(f"the secret of {grant.resource} cannot be a variable: a zero byte is in it")
        # One after the other: of two that come together each would count what was before both.
        with self._turn, db.transaction(self._database) as connection:
            self._require_open(store.read(connection, grant.id))
            self._desk.require_logged(connection)
            self._tell(connection, grant, found.version)
        return SecretRead(variable=variable_name(grant.name), value=found.text, version=found.version)

    def _require_open(self, grant: Grant | None) -> None:
        if grant is None or grant.provider_kind != "secret":
            raise AccessDenied("the grant is about no secret")
        if grant.state is not State.ACTIVE or (grant.lease_until or "") <= stamp(self._now()):
            raise AccessDenied(f"the grant {grant.id} is not open: {grant.ended_reason or grant.state}")

    def _tell(self, connection: Connection, grant: Grant, version: str) -> None:
        number = events.count_of_grant(connection, READ, grant.id) + 1
        if number > MOST_READS:
            raise AccessDenied(f"by the grant {grant.id} it was read {MOST_READS} times: that is enough")
        # Nothing of the value, no digest either: of a short one that would tell it.
        store.used(connection, grant, READ, version=version, number=number)
