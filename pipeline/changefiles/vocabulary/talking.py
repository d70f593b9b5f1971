"""HTTP with the service, and words with the factory that starts it: both over Unix sockets, the only way out."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# Read by nobody else: `pipeline.checks.service_door` answers there.
DOOR: Final = "door"
CALL_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 1_000_000


class Unanswered(Exception):
    """The service gave no HTTP answer; the message says what happened instead."""


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: Mapping[str, str]
    body: str

    def header(self, name: str) -> str | None:
        """One header, whatever the case of its name."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_SECONDS)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    """One request to the service behind the socket `path`. Raises Unanswered."""
    connection = _UnixConnection(path)
    try:
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        content = response.read(ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()
    return Answer(response.status, dict(response.getheaders()), content.decode("utf-8", "replace"))


def call(doors: Path, **question: Any) -> dict[str, Any]:
    """Ask the factory to do something with the service: one JSON line there, one back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(CALL_SECONDS)
        line.connect(str(doors / DOOR))
        line.sendall(json.dumps(question).encode() + b"\n")
        with line.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline(ANSWER_BYTES))
    return answer
