"""What the library asks of one connection, put to the front."""

from typing import TYPE_CHECKING

import asyncssh

from access.ssh.connection import Channel, Connection
from access.ssh.session import Session

if TYPE_CHECKING:
    from access.ssh.front import Front


class Guard(asyncssh.SSHServer):
    """Of one connection. Its methods are the library's."""

    def __init__(self, front: "Front") -> None:
        self._front = front
        self._connection: Connection | None = None
        self._login = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        assert isinstance(conn, Connection)  # noqa: S101 -- the front makes no other
        self._connection = conn
        self._front.arrived(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- of the library
        if self._connection:
            self._front.gone(self._connection)

    def begin_auth(self, username: str) -> bool:
        self._login = username
        return True

    def auth_completed(self) -> None:
        if self._connection:
            self._front.entered(self._connection, self._login)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002 -- of the library
        return self._front.trusts(key)

    def session_requested(self) -> "tuple[Channel, Session] | bool":
        return (self._front.session(self._connection) if self._connection else None) or False
