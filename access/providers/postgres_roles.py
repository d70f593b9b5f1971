"""Roles of grants in a PostgreSQL database: one per grant, which can do what its scope says, and ends with it.

What PostgreSQL does not do by itself is done here (measured): `VALID UNTIL` and `NOLOGIN` leave open sessions alone,
and so does `DROP ROLE`. Only ending the backends ends them.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from pg8000.exceptions import DatabaseError, InterfaceError  # type: ignore[import-untyped]
from pg8000.native import Connection, identifier, literal  # type: ignore[import-untyped]
from sqlalchemy.engine import URL

from access.postgres.limits import Limits
from factory.errors import CloudUnavailable
from factory.spec import Scope

PREFIX: Final = "mw_"
ANSWER_SECONDS: Final = 15.0
LOCK_SECONDS: Final = 3
TURN_SECONDS: Final = 30.0
Tls = Literal["verify-full", "disable"]
# Of one grant at a time: a few more than the relay lets in, for those whose end the server has not heard of yet.
SESSIONS: Final = Limits.sessions + 8
END_SECONDS: Final = 1.5
POLL_SECONDS: Final = 0.02
OWN_SCHEMAS: Final = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
# On every table and every sequence of a schema, by scope.
RIGHTS: Final = {
    Scope.READ: ("SELECT", "SELECT"),
    Scope.WRITE: ("SELECT, INSERT, UPDATE, DELETE", "SELECT, USAGE"),
    Scope.ADMIN: ("ALL", "ALL"),
}


class Roles:
    """The roles of grants in one database, made and removed by its owner (`url`).

    `turn`: who holds it is the only one that gives and takes rights there (two that do it on the same tables at once do
    not wait for each other: one of them fails). In this process and not in the database, where anybody may take a lock.
    """

    def __init__(self, url: URL, tls: Tls, turn: threading.Lock) -> None:
        self._url, self._tls, self._turn = url, tls, turn

    def make(self, role: str, verifier: str, scope: Scope, until: str) -> None:
        """Make the role anew: it logs in by a password of `verifier` until `until` (UTC, ISO 8601). Raises
        CloudUnavailable."""
        name = identifier(role)
        with self._owner() as owns, self._alone():
            if _known(owns, role):
                self._shut(owns, role)
                self._drop(owns, role)
            owns.run("BEGIN")
            # PostgreSQL 16: whoever makes a role may not end its sessions unless it also has its rights.
            owns.run("SET LOCAL createrole_self_grant = 'inherit'")
            owns.run(
                f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT {SESSIONS}"
                f" PASSWORD {literal(verifier)} VALID UNTIL {literal(until)}"
            )
            owns.run(f"GRANT CONNECT ON DATABASE {identifier(str(self._url.database))} TO {name}")
            tables, sequences = RIGHTS[scope]
            for schema in _schemas(owns):
                owns.run(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
                owns.run(f"GRANT {tables} ON ALL TABLES IN SCHEMA {schema} TO {name}")
                owns.run(f"GRANT {sequences} ON ALL SEQUENCES IN SCHEMA {schema} TO {name}")
                if scope is Scope.ADMIN:
                    # What it makes is its own, and goes to the owner at its end. What is there already it cannot alter:
                    # since PostgreSQL 16 nobody but a superuser can lend what they own.
                    owns.run(f"GRANT CREATE ON SCHEMA {schema} TO {name}")
            owns.run("COMMIT")

    def end(self, role: str) -> None:
        """End its sessions and remove it; what it made goes to the owner. Nothing there is fine. Raises
        CloudUnavailable."""
        with self._owner() as owns:
            if not _known(owns, role):
                return
            self._shut(owns, role)
            with self._alone():
                self._drop(owns, role)

    def all(self) -> list[str]:
        """Every role of a grant that is there. Raises CloudUnavailable."""
        with self._owner() as owns:
            rows = owns.run(
                "SELECT rolname FROM pg_roles WHERE rolname LIKE :like", like=PREFIX.replace("_", r"\_") + "%"
            )
            return [str(name) for (name,) in rows]

    def sessions(self, role: str) -> int:
        """How many backends it has. Raises CloudUnavailable."""
        with self._owner() as owns:
            return int(owns.run("SELECT count(*) FROM pg_stat_activity WHERE usename = :role", role=role)[0][0])

    def _shut(self, owns: Connection, role: str) -> None:
        """Nobody comes in any more; then whoever is in goes. Waits for nobody."""
        owns.run(f"ALTER ROLE {identifier(role)} NOLOGIN")
        deadline = time.monotonic() + END_SECONDS
        while owns.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :role", role=role):
            if time.monotonic() > deadline:
                raise CloudUnavailable(f"sessions of {role} do not end")
            time.sleep(POLL_SECONDS)

    def _drop(self, owns: Connection, role: str) -> None:
        name, owner = identifier(role), identifier(str(self._url.username))
        owns.run(f"REASSIGN OWNED BY {name} TO {owner}")
        owns.run(f"DROP OWNED BY {name}")
        owns.run(f"DROP ROLE {name}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise CloudUnavailable(f"others change roles of the database {self._url.database} for too long")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _owner(self) -> Iterator[Connection]:
        url = self._url
        try:
            with Connection(
                url.username,
                host=url.host,
                port=url.port or 5432,
                database=url.database,
                password=url.password,
                timeout=ANSWER_SECONDS,
                # Told nothing, the driver would take any certificate, and none.
                ssl_context=False if self._tls == "disable" else ssl.create_default_context(),
                application_name="millwright access",
            ) as owns:
                owns.run(f"SET lock_timeout = '{LOCK_SECONDS}s'")
                yield owns
        except (DatabaseError, InterfaceError, OSError) as error:
            raise CloudUnavailable(
                f"the database {url.database} at {url.host}:{url.port} does not do it: {_said(error)}"
            ) from None


def _known(owns: Connection, role: str) -> bool:
    return bool(owns.run("SELECT 1 FROM pg_roles WHERE rolname = :role", role=role))


def _schemas(owns: Connection) -> list[str]:
    query = f"SELECT n.nspname FROM pg_namespace n WHERE {OWN_SCHEMAS} AND has_schema_privilege(n.oid, 'CREATE')"  # noqa: S608
    return [identifier(str(name)) for (name,) in owns.run(query)]


def _said(error: Exception) -> str:
    told: Any = error.args[0] if error.args else ""
    # PostgreSQL's answer in its parts; M is the message.
    return str(told["M"]) if isinstance(told, dict) and "M" in told else str(error) or type(error).__name__
