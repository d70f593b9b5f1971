"""Broker and the relay before APIs are killed at any moment: see `random_kills`.

A mark is a request at the API: what it asks for, and the digest of its body.

Clients come by the grant's token, and by its own socket, as what comes out of a task's sandbox does.
"""

import contextlib
import hashlib
import json
import os
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from api_declared import PAYMENTS, declare
from api_place import Api, api
from grant_place import GrantPlace, grant_place
from random_kills import whole_story
from secret_place import vault

from access.apis.orders import SOCKETS, own_socket
from access.grants import Given, Grant
from factory.spec import Scope

pytestmark = pytest.mark.engine
SECONDS = 20


class Requests:
    """Grants of an API: each has a socket of its own at the relay."""

    name = "api"
    lost = (httpx2.HTTPError,)

    def __init__(self, there: Api) -> None:
        self.there = there

    def told(self) -> dict[str, Any]:
        return {"pem": str(self.there.pem)}

    def ask(self, place: GrantPlace) -> Given:
        return place.ask(resource=PAYMENTS, scope=Scope.WRITE)

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        chosen = random.Random(mark)
        with chosen.choice((self._by_token, self._by_socket))(place, given, place.read(given.grant).door) as client:
            for count in range(chosen.randrange(1, 10)):
                client.post(f"/{mark}{count}", content=f"{mark}{count}").raise_for_status()

    def marks(self) -> set[str]:
        heard = [each for each in self.there.heard if each.method == "POST"]
        return {_mark(f"POST {each.target.removeprefix('/v1')}", _digest(each.body)) for each in heard}

    def recorded(self, place: GrantPlace) -> set[str]:
        found = set()
        for file in (place.root.recordings / "tally").rglob("*.jsonl"):
            told = [json.loads(line) for line in file.read_text().splitlines()]
            found |= {
                _mark(each["text"], each["sha256"]) for each in told if each.get("sha256") and "refused" not in each
            }
        return found

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        """Sockets."""
        return {each.name for each in (place.root.run / SOCKETS).iterdir()} - {grant.id for grant in held}

    def entered(self, place: GrantPlace, given: Given) -> bool:
        # A mark as well: there is always one, however few came in while the kills went on.
        door = place.read(given.grant).door
        for way in (self._by_token, self._by_socket):
            with way(place, given, door) as client:
                client.post(f"/last-{given.grant.id}", content=way.__name__).raise_for_status()
        return True

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        with self._by_socket(place, given, door) as client, pytest.raises(httpx2.ConnectError):
            client.get("/items")
        with self._by_token(place, given, door) as client:
            return client.get("/items").status_code == httpx2.codes.UNAUTHORIZED

    def victims(self, place: GrantPlace) -> list[int]:
        return []

    @contextlib.contextmanager
    def _by_token(self, place: GrantPlace, given: Given, door: str) -> Iterator[httpx2.Client]:
        bearer = {"authorization": f"Bearer {given.token}"}
        with httpx2.Client(base_url=door, headers=bearer, timeout=SECONDS, trust_env=False) as client:
            yield client

    @contextlib.contextmanager
    def _by_socket(self, place: GrantPlace, given: Given, door: str) -> Iterator[httpx2.Client]:
        own = own_socket(place.root, given.grant.id)
        # A socket's path has 107 bytes.
        folder = os.open(own.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            transport = httpx2.HTTPTransport(uds=f"/proc/self/fd/{folder}/{own.name}")
            with httpx2.Client(base_url="http://127.0.0.1", transport=transport, timeout=SECONDS) as client:
                yield client
        finally:
            os.close(folder)


def _mark(asked: str, digest: str) -> str:
    return f"{asked} {digest}"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.mark.parametrize(
    ("seed", "kills"),
    [pytest.param(1, 4, marks=pytest.mark.long), *(pytest.param(seed, 40, marks=pytest.mark.soak) for seed in (2, 3))],
)
def test_whoever_is_killed_whenever_nobody_is_let_in_any_more_and_no_request_is_unrecorded(
    tmp_path: Path, there: Api, seed: int, kills: int
) -> None:
    with vault(tmp_path) as cloud:
        place = grant_place(tmp_path)
        declare(place, cloud, there)
        there.heard.clear()
        whole_story(place, Requests(there), seed, kills)
