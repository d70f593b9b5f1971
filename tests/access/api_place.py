"""An HTTP API of others: a real TLS server at a loopback address that is let pass for public; it remembers requests."""

import contextlib
import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from egress_place import HOST, PUBLIC, certificate

CREDENTIAL = "s3cret-of-the-api"


@dataclass
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Api:
    """The API's URL, and what it has heard. Slow answers go on while `hold` is not set."""

    pem: Path
    url: str
    heard: list[Heard] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def api(folder: Path, address: str = PUBLIC) -> Iterator[Api]:
    """It serves until the block ends."""
    pem, key = certificate(folder, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    server = ThreadingHTTPServer((address, 0), _Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Api(pem, f"https://{HOST}:{server.server_address[1]}/v1")
    server.api = made  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield made
    finally:
        made.hold.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        found: Api = self.server.api  # type: ignore[attr-defined]
        headers = {name.lower(): value for name, value in self.headers.items()}
        found.heard.append(Heard(self.command, self.path, headers, body))
        path = self.path.partition("?")[0]
        if path.startswith("/v1/redirect/"):
            self._answer(302, b"", location=_places(self.headers["host"])[path.rpartition("/")[2]])
        elif path == "/v1/echo":
            said = json.dumps({"headers": headers, "target": self.path, "body": body.decode()})
            self._answer(200, said.encode(), **{"x-echo": headers.get("authorization", "")})
        elif path == "/v1/cookie":
            self._answer(200, b"ok", **{"set-cookie": "session=1", "alt-svc": 'h2="elsewhere:443"'})
        elif path == "/v1/gzip":
            self._answer(200, gzip.compress(b"ok"), **{"content-encoding": "gzip"})
        elif path == "/v1/slow":
            self._slow(found)
        elif path == "/v1/long":
            self._answer(200, b"x" * 2000)
        elif path == "/v1/missing":
            self._answer(404, b"no such thing")
        else:
            self._answer(200, b"hello")

    def _slow(self, found: Api) -> None:
        self.send_response(200)
        self.send_header("content-length", "10")
        self.end_headers()
        self.wfile.write(b"begin")
        self.wfile.flush()
        found.begun.set()
        found.hold.wait(60)
        self.wfile.write(b"ning.")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Any:
        # Whatever the method is.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)


def _places(host: str) -> dict[str, str]:
    return {
        "below": f"https://{host}/v1/items",
        "path": "/v1/items?page=2",
        "beside": "/v2/items",
        "elsewhere": "https://evil.example.net/v1/items",
        "schemeless": "//evil.example.net/x",
    }
