"""A client of PostgreSQL's protocol that says what no library would."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Any

from postgres_place import DATABASE, TOKEN, Place
from postgres_standin import message, messages
from scramp import ScramClient

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSS_REQUEST = struct.pack("!II", 8, 80877104)


def startup(parameters: Mapping[str, str], version: int = 3 << 16) -> bytes:
    body = struct.pack("!I", version)
    body += b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


class Raw:
    """One connection; `heard` gathers what it was told, as types and bodies."""

    def __init__(self, place: Place, *, first: bytes = SSL_REQUEST) -> None:
        self._place = place
        self._rest = b""
        self.socket = socket.create_connection(("127.0.0.1", place.relay.port), timeout=20)
        if first:
            self.socket.sendall(first)

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def secure(self, **how: Any) -> "Raw":
        """TLS from here on; the relay has said that it may begin."""
        assert self.socket.recv(1) == b"S"
        return self.secure_at_once(**how)

    def secure_at_once(self, alpn: str = "") -> "Raw":
        context = self._place.context()
        if alpn:
            context.set_alpn_protocols([alpn])
        self.socket = context.wrap_socket(self.socket, server_hostname="db.example.com")
        return self

    def send(self, data: bytes) -> None:
        # One that is refused may be closed before everything is sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.socket.sendall(data)

    def next(self) -> tuple[bytes, bytes]:
        """The next message."""
        while True:
            found, _ = messages(self._rest)
            if found:
                kind, body = found[0]
                self._rest = self._rest[5 + len(body) :]
                return kind, body
            part = self.socket.recv(65_536)
            if not part:
                return b"", b""
            self._rest += part

    def everything(self) -> list[tuple[bytes, bytes]]:
        """Until it is closed."""
        found = []
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            while (each := self.next())[0]:
                found.append(each)
        return found

    def until(self, kind: bytes) -> list[tuple[bytes, bytes]]:
        """Up to a message of this type."""
        found = [self.next()]
        while found[-1][0] not in (kind, b""):
            found.append(self.next())
        return found

    def log_in(self, grant: str = "g1", token: str = TOKEN, version: int = 3 << 16, **more: str) -> "Raw":
        """Start up and prove the token; what it was told besides stands to be read."""
        self.send(startup({"user": f"agent-{grant}", "database": DATABASE} | more, version))
        self.prove(token)
        return self

    def prove(self, token: str = TOKEN) -> None:
        assert self.until(b"R")[-1][1][:4] == struct.pack("!I", 10)
        client = ScramClient(["SCRAM-SHA-256"], "x", token)
        first = client.get_client_first().encode()
        self.send(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
        client.set_server_first(self.until(b"R")[-1][1][4:].decode())
        self.send(message(b"p", client.get_client_final().encode()))


def fields(body: bytes) -> dict[str, str]:
    """Of an ErrorResponse."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def cancel(process: int, key: bytes) -> bytes:
    return struct.pack("!III", 12 + len(key), 80877102, process) + key
