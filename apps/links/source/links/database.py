"""Connections to one PostgreSQL database: read from a URL, lent to one thread at a time, replaced when they broke."""

import contextlib
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from pg8000.native import Connection, DatabaseError, InterfaceError

# The server gives up first, so that what went wrong has a name.
STATEMENT_SECONDS = 5
SOCKET_SECONDS = 10
MOST_CONNECTIONS = 8
# Classes of SQLSTATE that say something of the server's state, not of the statement; 25006: a standby after a failover.
AWAY = ("08", "25006", "53", "57", "58")
SSL_MODES = ("disable", "prefer", "require", "verify-full")


class InvalidDatabaseUrl(ValueError):
    """The URL names no database; the message says why, and shows nothing of the URL."""


class DatabaseAway(Exception):
    """The database does not answer now; the message says what is known of it, and holds no secret."""


@dataclass(frozen=True)
class Address:
    """Where a database is and who asks it."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    ssl_mode: str

    def connect(self) -> Connection:
        """A new connection. Raises OSError and pg8000's errors."""
        return Connection(
            self.user,
            host=self.host,
            port=self.port,
            database=self.name,
            password=self.password,
            ssl_context=self._ssl(),
            timeout=SOCKET_SECONDS,
            application_name="links",
        )

    def _ssl(self) -> ssl.SSLContext | bool | None:
        if self.ssl_mode == "verify-full":
            return ssl.create_default_context()
        # pg8000 encrypts by None where the server can, by True always; by neither it asks who the server is.
        return {"disable": False, "prefer": None, "require": True}[self.ssl_mode]


def read_url(url: str) -> Address:
    """Read postgresql://user:password@host:port/name, with ?sslmode= if need be. Raises InvalidDatabaseUrl."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise InvalidDatabaseUrl("it cannot be read; special characters in a password are percent-encoded") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise InvalidDatabaseUrl("it must start with postgresql://")
    name = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not parts.username or not name:
        raise InvalidDatabaseUrl(
            "it must name a user, a host and a database: postgresql://user:password@host:port/name"
        )
    modes = options.pop("sslmode", ["prefer"])
    if options or len(modes) != 1 or modes[0] not in SSL_MODES:
        raise InvalidDatabaseUrl(f"its only option is sslmode, one of {', '.join(SSL_MODES)}")
    return Address(parts.hostname, port, name, unquote(parts.username), unquote(parts.password or ""), modes[0])


class Database:
    """Lends connections, at most eight at a time, to as many threads as ask.

    `schema` is SQL that makes what is not there yet. It runs on the first connection that can be had, so that the
    service starts while the database is away; `lock` is the number of the advisory lock that it runs under.
    """

    def __init__(self, address: Address, schema: str, lock: int) -> None:
        self._address = address
        self._schema = f"BEGIN; SELECT pg_advisory_xact_lock({lock}); {schema}; COMMIT"
        self._made = False
        self._idle: deque[Connection] = deque()
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for the block. Raises DatabaseAway, also in place of an error of the block that means it."""
        if not self._places.acquire(timeout=STATEMENT_SECONDS):
            raise DatabaseAway("all connections to the database are in use")
        try:
            connection = self._living() or self._new()
            try:
                yield connection
            except BaseException as error:
                # It may be in the middle of anything; the server rolls back what was not committed.
                _close(connection)
                if _means_away(error):
                    raise DatabaseAway(_known_of(error)) from error
                raise
            self._idle.append(connection)
        finally:
            self._places.release()

    def _living(self) -> Connection | None:
        """An idle connection that still works: asked first, as a statement whose answer is lost cannot be repeated."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            try:
                connection.run("SELECT 1")
            except (OSError, InterfaceError, DatabaseError):
                _close(connection)
            else:
                return connection

    def _new(self) -> Connection:
        try:
            connection = self._address.connect()
        except (OSError, InterfaceError, DatabaseError) as error:
            raise DatabaseAway(_known_of(error)) from error
        try:
            connection.run(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
            if not self._made:
                connection.run(self._schema)
                self._made = True
        except (OSError, InterfaceError, DatabaseError) as error:
            _close(connection)
            raise DatabaseAway(_known_of(error)) from error
        return connection


def _means_away(error: BaseException) -> bool:
    return isinstance(error, OSError | InterfaceError) or _state(error).startswith(AWAY)


def _known_of(error: BaseException) -> str:
    state = _state(error)
    return f"the database does not answer ({f'SQLSTATE {state}' if state else 'no connection'})"


def _state(error: BaseException) -> str:
    """The SQLSTATE of what the server said; "" when it said nothing."""
    said = error.args[0] if isinstance(error, DatabaseError) and error.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def _close(connection: Connection) -> None:
    with contextlib.suppress(OSError, InterfaceError, DatabaseError):
        connection.close()
