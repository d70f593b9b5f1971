"""Grants are opened side by side at one process: when it is killed in the middle of it, none of them ends for that, and
none is taken for open where nobody is let in."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from api_place import CREDENTIAL, Api, api
from api_relay_place import STANDIN
from grant_place import GrantPlace, grant_place

from access.apis.orders import Begin, Credential, Open
from access.apis.process import ApiRelay
from access.grants import Given
from access.providers.holding import Holding
from factory.errors import MillwrightError
from factory.spec import Scope

# A relay that begins and, at its first order, says nothing any more and goes on.
MUTE = "import os, time; input(); print('{\"port\": 1}', flush=True); input(); os.close(1); time.sleep(600)"


@dataclass
class Plane:
    """What is held: relays before an API. `commands`: those of the first ones, where they are others."""

    place: GrantPlace
    there: Api
    commands: list[tuple[str, ...]] = field(default_factory=list)
    started: int = 0

    def __post_init__(self) -> None:
        self.held: Holding[ApiRelay] = Holding(self.start)

    def start(self) -> ApiRelay:
        self.started += 1
        own = (sys.executable, "-P", str(STANDIN), str(self.there.pem))
        relay = ApiRelay(self.place.root.logs / "relay.log", command=self.commands.pop(0) if self.commands else own)
        relay.start(Begin(recordings=self.place.root.recordings, sockets=self.place.root.run / "apis"))
        return relay

    def order(self, given: Given, **other: object) -> Open:
        said = Credential(header="Authorization", value=CREDENTIAL, form="{secret}", secrets=[CREDENTIAL])
        order = {"url": self.there.url, "credential": said, "scope": Scope.READ, "app": "tally", "principal": "agent:x"}
        return Open(grant=given.grant.id, token_digest=given.grant.token_digest, **(order | other))

    def is_let_in(self, given: Given, relay: ApiRelay) -> bool:
        bearer = {"authorization": f"Bearer {given.token}"}
        with httpx2.Client(timeout=30, trust_env=False) as client:
            status = client.get(f"http://127.0.0.1:{relay.port}/items", headers=bearer).status_code
        return self.held.serves(given.grant) and status == httpx2.codes.OK

    def killed_and_followed(self, relay: ApiRelay) -> None:
        """It dies, and somebody else's grant is opened at another one meanwhile."""
        os.kill(relay.pid, signal.SIGKILL)
        assert relay._process._process is not None
        relay._process._process.wait(30)
        self.held.running()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture
def plane(tmp_path: Path, there: Api) -> Iterator[Plane]:
    made = Plane(grant_place(tmp_path), there)
    yield made
    made.held.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_one_whose_process_dies_and_is_followed_meanwhile_is_open_at_the_next_one(plane: Plane, when: str) -> None:
    given = plane.place.ask()

    class Dies(ApiRelay):
        def open(self, order: Open) -> None:
            if when == "before":
                plane.killed_and_followed(self)
            super().open(order)
            plane.killed_and_followed(self)

    plane.held.running().__class__ = Dies
    assert plane.is_let_in(given, plane.held.open(given.grant, plane.order(given)))
    assert plane.started == 2


@pytest.mark.parametrize("command", [("/bin/false",), (sys.executable, "-c", MUTE)])
def test_one_that_does_not_start_or_answer_is_followed_by_another_one(plane: Plane, command: tuple[str, ...]) -> None:
    given = plane.place.ask()
    plane.commands.append(command)
    assert plane.is_let_in(given, plane.held.open(given.grant, plane.order(given)))
    assert plane.started == 2


def test_what_a_process_refuses_it_is_not_asked_twice(plane: Plane) -> None:
    given = plane.place.ask()
    with pytest.raises(MillwrightError, match="not the base URL"):
        plane.held.open(given.grant, plane.order(given, url="http://api.example.com/"))
    assert not plane.held.serves(given.grant)
    assert plane.is_let_in(given, plane.held.open(given.grant, plane.order(given)))
    assert plane.started == 1


def test_one_whose_second_process_dies_as_well_is_not_taken_for_open(plane: Plane, monkeypatch: Any) -> None:
    given, opened = plane.place.ask(), ApiRelay.open

    def open_and_die(relay: ApiRelay, order: Open) -> None:
        opened(relay, order)
        plane.killed_and_followed(relay)

    monkeypatch.setattr(ApiRelay, "open", open_and_die)
    with pytest.raises(MillwrightError, match="died"):
        plane.held.open(given.grant, plane.order(given))
    assert not plane.held.serves(given.grant)
    monkeypatch.undo()
    assert plane.is_let_in(given, plane.held.open(given.grant, plane.order(given)))


def test_what_is_closed_starts_nothing_any_more(plane: Plane) -> None:
    given = plane.place.ask()
    relay = plane.held.running()
    plane.held.close()
    assert not relay.alive()
    with pytest.raises(MillwrightError, match="stops"):
        plane.held.open(given.grant, plane.order(given))
    assert plane.started == 1
