"""A factory whose tasks ask a model through its relay; the API is a stand-in that counts, waits and breaks off."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from grant_place import AGENT, GrantPlace, grant_place

from access.broker import Broker
from access.grants import Given
from access.messages.forwarding import Upstream
from access.messages.relay import ModelRelay
from access.providers.model import Model
from access.relays import model_relay
from factory import db, events
from factory.errors import InputError
from factory.events import Event
from factory.spec import Scope

KEY = "sk-live-" + "k" * 20
TASK = "tally.sums.coder.1"
FIRST = b'data: {"type": "message_start", "message": {"usage": {"input_tokens": 11}}}\n\n'
LAST = b'data: {"type": "message_delta", "usage": {"output_tokens": 7}}\n\n'


@dataclass
class Api:
    """What was asked, and what is answered. While `held`, an answer stops after its first event."""

    status: int = 200
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.held.set()


@dataclass
class ModelPlace:
    """One factory with its broker and relay."""

    place: GrantPlace
    api: Api
    provider: Model
    broker: Broker

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def given(self, **other: object) -> Given:
        """A task's grant of the model, open."""
        found = self.place.ask(resource="model", scope=Scope.READ, **other)
        self.look()
        return Given(self.place.read(found.grant), found.token)

    def body(self, task: str = TASK) -> bytes:
        return json.dumps({"model": "claude-x", "metadata": {"user_id": task}, "messages": ["hello"]}).encode()

    def ask(self, given: Given, *, task: str = TASK, token: str | None = None) -> httpx2.Response:
        with httpx2.Client(trust_env=False) as client:
            return client.post(
                f"{given.grant.door}/v1/messages", content=self.body(task), headers=self.told(given, token)
            )

    def told(self, given: Given, token: str | None = None) -> dict[str, str]:
        return {"x-api-key": given.token if token is None else token, "anthropic-version": "2023-06-01", "cookie": "a"}

    @contextlib.contextmanager
    def stream(self, given: Given) -> Iterator[Any]:
        """An answer that has begun."""
        self.api.held.clear()
        url = f"{given.grant.door}/v1/messages"
        with (
            httpx2.Client(trust_env=False, timeout=30) as client,
            client.stream("POST", url, content=self.body(), headers=self.told(given)) as answer,
        ):
            pieces = answer.iter_bytes()
            assert next(pieces) == FIRST
            yield pieces

    def recorded(self, given: Given) -> list[dict[str, Any]]:
        files = sorted((self.place.root.recordings / "tally" / given.grant.id).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def events(self, given: Given) -> list[Event]:
        with db.transaction(self.place.database) as connection:
            found = events.recent(connection, limit=1000)
        return [each for each in found if each.properties.get("grant") == given.grant.id]


def _server(api: Api) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            api.asked.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(api.status)
            self.send_header("content-type", "text/event-stream")
            self.send_header("set-cookie", "session=1")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(FIRST)
                self.wfile.flush()
                api.held.wait(60)
                self.wfile.write(LAST)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@contextlib.contextmanager
def serving(api: Api) -> Iterator[str]:
    """The API at a port of loopback; its URL."""
    server = _server(api)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    api.held.set()
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.contextmanager
def model_place(folder: Path, key: str | None = KEY) -> Iterator[ModelPlace]:
    place, api = grant_place(folder), Api()
    with serving(api) as url:

        def upstream() -> Upstream:
            if key is None:
                raise InputError("`model: live` needs a key")
            return Upstream(url, key)

        def start() -> ModelRelay:
            return model_relay(place.root, place.database, place.desk.refused_uses, upstream)

        provider = Model(start, upstream, lambda: place.wall)
        broker = Broker(place.desk, place.database, {"model": provider})
        yield ModelPlace(place, api, provider, broker)
        api.held.set()
        broker.close()


__all__ = ["AGENT", "FIRST", "KEY", "LAST", "TASK", "ModelPlace", "model_place"]
