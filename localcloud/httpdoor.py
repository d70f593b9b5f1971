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
from http.server import ThreadingHTTPServer
from typing import Any, Final

from factory import daemons
from factory.errors import Busy, UpdateFailed
from localcloud.backends import Backends
from localcloud.durable.errors import StateFull
from localcloud.exchange import Exchange
from localcloud.provider.made import Kept
from localcloud.reply import Reply

ADMIN: Final = daemons.ADMIN_PATH
TOKEN_HEADER: Final = daemons.TOKEN_HEADER
ADMIN_CALLS: Final = "GET or POST status, POST reset, POST discard, POST settled, POST snapshot"
# Loopback, and the names AWS clients use; virtual-hosted buckets stand before either.
OWN_HOSTS = re.compile(r"(?i)([\w.-]+\.)?(127\.0\.0\.1|localhost|amazonaws\.com|amazonaws\.com\.cn|api\.aws)(:\d+)?")


@dataclass(frozen=True)
class Admin:
    """The daemon's own calls behind its token.

    `status` tells, `reset` empties the cloud and tells, `snapshot` writes one and tells (or answers 409). Of a stack,
    whose URNs begin with `prefix`: `discard` deletes what was made for it and no state names (in: `{"prefix": ...,
    "kept": [[type, id, ARN or ""], ...]}`), `settled` says that all of it was seen (in: `{"prefix": ...}`).
    """

    token: str
    status: Callable[[], Mapping[str, Any]]
    reset: Callable[[], Mapping[str, Any]]
    discard: Callable[[str, list[Kept]], list[str]]
    settled: Callable[[str], None]
    snapshot: Callable[[], Mapping[str, Any]]

    def answer(self, method: str, path: str, token: str, body: bytes) -> Reply:
        """Answer one admin call."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
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


class _Handler(Exchange):
    backends: Backends
    admin: Admin

    def reply(self, body: bytes) -> Reply:
        if self.path.startswith(ADMIN):
            return self.admin.answer(self.command, self.path, self.headers.get(TOKEN_HEADER, ""), body)
        host = self.headers.get("host") or "127.0.0.1"
        if not OWN_HOSTS.fullmatch(host):
            # A web page that makes its own name mean this machine must not reach the cloud through a browser.
            return Reply(421, {"content-type": "text/plain"}, b"this is the local AWS on 127.0.0.1, not that host")
        url = f"http://{host}{self.path}"
        return self.backends.execute(self.command, url, self.call_headers(), body, self.waiting)


def _as_json(status: int, data: Mapping[str, Any]) -> Reply:
    return Reply(status, {"content-type": "application/json"}, json.dumps(data).encode())
