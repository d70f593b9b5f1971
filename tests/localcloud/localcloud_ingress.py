"""Copies of a service that answer as they are told, and a client that writes requests byte by byte."""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.runtime.ingress import Ingress
from localcloud.runtime.routes import Fixed, Forward, Table, Target, Unserved

GROUP = "arn:group"
HOST = "web.local.test"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
Answer = Callable[[socket.socket], None]


@dataclass
class Copy:
    """A copy of a service that keeps what it was sent, and answers as it is told."""

    path: Path
    answer: bytes | Answer = OK
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(self.path))
        self._door.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Of the last request."""
        lines = self.heads[-1].decode().split("\r\n")[1:]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._exchange, args=(connection,), daemon=True).start()

    def _exchange(self, connection: socket.socket) -> None:
        # A request that was broken off is none.
        with connection, contextlib.suppress(EOFError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += more(connection)
            head, _, body = data.partition(b"\r\n\r\n")
            self.heads.append(head)
            lower = head.lower()
            if b"content-length: " in lower:
                length = int(lower.partition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(body) < length:
                    body += more(connection)
            elif b"transfer-encoding: chunked" in lower:
                while not body.endswith(b"0\r\n\r\n"):
                    body += more(connection)
            self.bodies.append(body)
            if callable(self.answer):
                self.answer(connection)
            else:
                connection.sendall(self.answer)


def more(connection: socket.socket) -> bytes:
    """What comes next. Raises EOFError at the end: whoever reads on there does so for ever, in a thread of its own."""
    part = connection.recv(65536)
    if not part:
        raise EOFError
    return part


def table(*copies: Copy) -> Table:
    routes = {
        HOST: Forward({GROUP: 1}),
        "fixed.local.test": Fixed(418, "text/plain", "short and stout"),
        "other.local.test": Unserved("the local runtime does not do authenticate-oidc"),
    }
    return Table(routes, {GROUP: [Target(str(each.path), each.path) for each in copies]})


def raw(ingress: Ingress, request: bytes, seconds: float = 10) -> bytes:
    """Everything that comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", ingress.port), seconds) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def get(ingress: Ingress, path: str = "/", host: str = HOST, headers: str = "", method: str = "GET") -> bytes:
    return raw(ingress, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
