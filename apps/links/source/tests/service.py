"""The service as its users meet it: a process that answers HTTP, over either store."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 30


@dataclass(frozen=True)
class Kept:
    """Where the links are kept: a file, a database, or (as an argument that is ignored) both."""

    data: Path | None = None
    database_url: str = field(default="", repr=False)

    def command(self) -> list[str]:
        words = [sys.executable, "-m", "links", "--port", "0"]
        return [*words, "--data", str(self.data)] if self.data else words

    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return others | ({"DATABASE_URL": self.database_url} if self.database_url else {})


@dataclass
class Service:
    process: subprocess.Popen[str]
    log: Path
    port: int = 0

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any], str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        answer = response.status, json.loads(response.read()), response.headers["Location"]
        connection.close()
        return answer

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def starting(kept: Kept, log: Path) -> Iterator[Service]:
    """A service that may not listen yet; it is gone after the block."""
    with log.open("w") as file:
        process = subprocess.Popen(
            kept.command(), cwd=ROOT, env=kept.environment(), stdout=subprocess.PIPE, stderr=file, text=True
        )
    try:
        yield Service(process, log)
    finally:
        process.kill()
        process.communicate()


def listening(service: Service) -> Service:
    """The same service, once it listens."""
    assert service.process.stdout is not None
    service.port = int(service.process.stdout.readline().rpartition(":")[2])
    return service


@contextmanager
def running(kept: Kept, log: Path) -> Iterator[Service]:
    with starting(kept, log) as service:
        yield listening(service)
