"""The relay before APIs as a process of its own, with grants that are open at it, and clients."""

import contextlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from api_place import CREDENTIAL, Api, api
from egress_place import everything
from grant_waits import wait_for

from access.apis.orders import Begin, Credential, Happened, Open
from access.apis.process import ApiRelay
from access.grants.model import digest, new_token
from factory.spec import Scope

STANDIN = Path(__file__).parent / "api_standin.py"


@dataclass
class Held:
    """An open grant: its id and its token."""

    id: str
    token: str


@dataclass
class RelayPlace:
    """One relay before one API. `happened` is what it told."""

    relay: ApiRelay
    api: Api
    folder: Path
    happened: list[Happened] = field(default_factory=list)
    grants: int = 0
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30, trust_env=False))

    def open(self, scope: Scope = Scope.WRITE, **other: Any) -> Held:
        """Open a grant."""
        self.grants += 1
        held = Held(f"grant-{self.grants}", new_token())
        said = Credential(
            header="Authorization", value=f"Bearer {CREDENTIAL}", form="Bearer {secret}", secrets=[CREDENTIAL]
        )
        order = {
            "url": self.api.url,
            "credential": said,
            "scope": scope,
            "app": "tally",
            "principal": "agent:x",
            **other,
        }
        self.relay.open(Open(grant=held.id, token_digest=digest(held.token), **order))
        return held

    def call(self, held: Held, method: str, path: str, **more: Any) -> httpx2.Response:
        """A request at the port, with the grant's token."""
        headers = {"authorization": f"Bearer {held.token}", **more.pop("headers", {})}
        return self.client.request(method, f"http://127.0.0.1:{self.relay.port}{path}", headers=headers, **more)

    def raw(self, held: Held, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> tuple[int, str]:
        """The status and the whole text of what comes to these very bytes."""
        own = [f"{method} {target} HTTP/1.1", f"Authorization: Bearer {held.token}"]
        if not any(line.lower().startswith("host:") for line in lines):
            own.append("Host: 127.0.0.1")
        return self.says("\r\n".join([*own, *lines, "", ""]).encode() + body)

    def says(self, sent: bytes) -> tuple[int, str]:
        """The same of anything."""
        with socket.create_connection(("127.0.0.1", self.relay.port), 30) as client:
            client.sendall(sent)
            said = everything(client).decode("latin-1")
        return int(said.split(" ", 2)[1]) if said else 0, said

    def by_socket(self, held: Held, method: str, path: str, **more: Any) -> httpx2.Response:
        """A request at the grant's own socket, without any token."""
        transport = httpx2.HTTPTransport(uds=str(self.folder / "sockets" / held.id))
        with httpx2.Client(transport=transport, timeout=30) as client:
            return client.request(method, f"http://127.128.0.2:8001{path}", **more)

    def recorded(self, held: Held) -> list[dict[str, Any]]:
        """Every line of the grant's recordings."""
        folder = self.folder / "recordings" / "tally" / held.id
        return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]

    def refusals(self, held: Held | None, kind: str = "request_refused") -> list[str]:
        """The reasons of what was refused of a grant (None: of nobody's)."""
        id = held.id if held else ""
        return [each.reason for each in self.happened if each.happened == kind and each.grant == id]

    def refused(self, held: Held, status: int, reason: str, found: int) -> None:
        """It was refused with this status, that was told and recorded, and nothing reached the API."""
        heard = len(self.api.heard)
        assert found == status
        wait_for(lambda: self.refusals(held)[-1:] == [reason])
        lines = [line for line in self.recorded(held) if "refused" in line]
        assert lines[-1]["refused"] == reason
        assert len(self.api.heard) == heard


def started(folder: Path, there: Api, *more: str, watch: Callable[[Happened], None] = lambda _: None) -> ApiRelay:
    """A relay that runs."""
    relay = ApiRelay(folder / "relay.log", watch, (sys.executable, "-P", str(STANDIN), str(there.pem), *more))
    relay.start(Begin(recordings=folder / "recordings", sockets=folder / "sockets"))
    return relay


@contextlib.contextmanager
def relay_place(folder: Path, *more: str) -> Iterator[RelayPlace]:
    with api(folder) as there:
        happened: list[Happened] = []
        relay = started(folder, there, *more, watch=happened.append)
        try:
            yield RelayPlace(relay, there, folder, happened)
        finally:
            relay.stop()
