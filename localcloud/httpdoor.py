"""The HTTP door: AWS over loopback for boto3, CLIs and SDKs of any language; and the daemon's own admin calls.

Built on the standard library's threading server: werkzeug's closes every connection after one answer and waits
10 ms for stray bytes, which costs more than most calls.
"""

import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from factory import daemons
from factory.errors import Busy, UpdateFailed
from localcloud.backends import Backends
from localcloud.durable.errors import StateFull
from localcloud.provider.made import Kept
from localcloud.reply import Reply

ADMIN: Final = daemons.ADMIN_PATH
TOKEN_HEADER: Final = daemons.TOKEN_HEADER
ADMIN_CALLS: Final = "GET or POST status, POST reset, POST discard, POST settled, POST snapshot"
IDLE_SECONDS: Final = 300
UNFORWARDED = frozenset({"connection", "transfer-encoding", "content-length", "status", "date", "server"})
# Loopback, and the names AWS clients use; virtual-hosted buckets stand before either.
OWN_HOSTS = re.compile(r"(?i)([\w.-]+\.)?(127\.0\.0\.1|localhost|amazonaws\.com|amazonaws\.com\.cn|api\.aws)(:\d+)?")
BODILESS = frozenset({204, 304})


@dataclass(frozen=True)
class Admin:
    """The daemon's own calls behind its token.

    `status` tells, `reset` empties the cloud and tells, `snapshot` writes one and tells (or answers 409). Of a stack,
    whose URNs begin with `prefix`: `discard` deletes what was made for it and no state names (in: `{"prefix": ...,
    "kept": [[type, id, ARN or ""], ...]}`), `settled` says that all of it was seen (in: `{"prefix": ...}`).
    """

    token: Callable[[], str]
    status: Callable[[], Mapping[str, Any]]
    reset: Callable[[], Mapping[str, Any]]
    discard: Callable[[str, list[Kept]], list[str]]
    settled: Callable[[str], None]
    snapshot: Callable[[], Mapping[str, Any]]

    def answer(self, method: str, path: str, token: str, body: bytes) -> Reply:
        """Answer one admin call."""
        if not hmac.compare_digest(token.encode(), self.token().encode()):
            return _as_json(403, {"error": f"this needs the daemon's token in the header {TOKEN_HEADER}"})
        call = path.removeprefix(ADMIN)
        allowed = ("GET", "POST") if call == "status" else ("POST",)
        if call not in self._calls() or method not in allowed:
            return _as_json(404, {"error": f"no such admin call: {method} {call}", "calls": ADMIN_CALLS})
        try:
            return _as_json(200, self._calls()[call](body))
        except (ValueError, KeyError, TypeError) as error:
            return _as_json(400, {"error": f"{type(error).__name__}: {error}", "calls": ADMIN_CALLS})
        except (Busy, StateFull, UpdateFailed) as error:
            return _as_json(409, {"error": str(error), "hint": error.hint})

    def _calls(self) -> Mapping[str, Callable[[bytes], Mapping[str, Any]]]:
        return {
            "status": lambda _: self.status(),
            "reset": lambda _: self.reset(),
            "snapshot": lambda _: self.snapshot(),
            "discard": self._discard,
            "settled": self._settled,
        }

    def _discard(self, body: bytes) -> Mapping[str, Any]:
        asked = json.loads(body)
        return {"discarded": self.discard(asked["prefix"], [Kept(*each) for each in asked["kept"]])}

    def _settled(self, body: bytes) -> Mapping[str, Any]:
        self.settled(json.loads(body)["prefix"])
        return {}


class HttpDoor:
    """A running HTTP server on an ephemeral loopback port."""

    def __init__(self, backends: Backends, admin: Admin) -> None:
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"backends": backends, "admin": admin}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, as an endpoint URL for AWS clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop accepting; answers under way are abandoned with the process."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    backends: Backends
    admin: Admin
    protocol_version = "HTTP/1.1"
    # Buffered and without Nagle: header and body leave in one segment, and no answer waits for a delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        del format, args

    def handle_expect_100(self) -> bool:
        # Without the flush boto3 waits a second for this before it sends an object's bytes.
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _answer(self) -> None:
        try:
            body = self._body()
        except ValueError as error:
            self.close_connection = True
            self._send(Reply(400, {"content-type": "text/plain"}, f"unreadable request body: {error}".encode()))
            return
        if self.path.startswith(ADMIN):
            token = self.headers.get(TOKEN_HEADER, "")
            self._send(self.admin.answer(self.command, self.path, token, body))
            return
        headers = {_header_name(name): value for name, value in self.headers.items()}
        host = self.headers.get("host") or "127.0.0.1"
        if not OWN_HOSTS.fullmatch(host):
            # A web page that makes its own name mean this machine must not reach the cloud through a browser.
            self._send(Reply(421, {"content-type": "text/plain"}, b"this is the local AWS on 127.0.0.1, not that host"))
            return
        self._send(self.backends.execute(self.command, f"http://{host}{self.path}", headers, body))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _answer  # noqa: N815  the library's names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self._bytes(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self._bytes(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _bytes(self, length: int) -> bytes:
        """Exactly that many; a client that ended half-way has said nothing."""
        content = self.rfile.read(length) if length >= 0 else b""
        if len(content) != length:
            raise ValueError(f"{length} bytes are announced, and {len(content)} came")
        return content

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        length = str(len(reply.body))
        for name, value in reply.headers.items():
            # The answer to HEAD has no body but must tell the object's length.
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in UNFORWARDED:
                self.send_header(name, value)
        if reply.status not in BODILESS:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD" and reply.status not in BODILESS:
            self.wfile.write(reply.body)


def _header_name(name: str) -> str:
    """Lower case, but S3 tells user metadata keys with underscores apart, so those keep their spelling."""
    lower = name.lower()
    return name if lower.startswith("x-amz-meta-") and "_" in lower else lower


def _as_json(status: int, data: Mapping[str, Any]) -> Reply:
    return Reply(status, {"content-type": "application/json"}, json.dumps(data).encode())
