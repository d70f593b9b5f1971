"""The broker is killed at any moment, and the model's relay with it: see `random_kills`.

A mark is the digest of a body that the API was asked with, which is what recordings tell of it.
"""

import hashlib
import json
import random
from collections.abc import Collection
from pathlib import Path
from typing import Any

import httpx2
import pytest
from grant_place import GrantPlace, grant_place
from model_place import FIRST, KEY, LAST, TASK, Api, serving
from random_kills import whole_story

from access.grants import Given, Grant
from factory.spec import Scope

SECONDS = 20


class Questions:
    """Grants of the model: nothing of them is anywhere but in the relay."""

    name = "model"
    lost = (httpx2.HTTPError,)

    def __init__(self, api: Api, url: str) -> None:
        self.api, self.url = api, url

    def told(self) -> dict[str, Any]:
        return {"url": self.url, "key": KEY}

    def ask(self, place: GrantPlace) -> Given:
        return place.ask(resource="model", scope=Scope.READ)

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        for count in range(random.Random(mark).randrange(1, 10)):
            self._asked(given, place.read(given.grant).door, f"{mark}{count}").raise_for_status()

    def marks(self) -> set[str]:
        return {hashlib.sha256(body).hexdigest() for _, body in self.api.asked}

    def recorded(self, place: GrantPlace) -> set[str]:
        found = set()
        for file in (place.root.recordings / "tally").rglob("*.jsonl"):
            told = [json.loads(line) for line in file.read_text().splitlines()]
            found |= {each["sha256"] for each in told if each["kind"] == "model_call"}
        return found

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        return ()

    def entered(self, place: GrantPlace, given: Given) -> bool:
        return self._asked(given, place.read(given.grant).door, "hello").content == FIRST + LAST

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        answer = self._asked(given, door, "hello")
        return bool(answer.json()["error"]["type"] == "authentication_error")

    def victims(self, place: GrantPlace) -> list[int]:
        return []

    def _asked(self, given: Given, door: str, said: str) -> httpx2.Response:
        body = {"model": "claude-x", "metadata": {"user_id": TASK}, "messages": [said]}
        with httpx2.Client(trust_env=False, timeout=SECONDS) as client:
            return client.post(f"{door}/v1/messages", json=body, headers={"x-api-key": given.token})


@pytest.mark.parametrize(
    ("seed", "kills"),
    [pytest.param(1, 4, marks=pytest.mark.long), *(pytest.param(seed, 40, marks=pytest.mark.soak) for seed in (2, 3))],
)
def test_whenever_it_is_killed_nobody_is_let_in_any_more_and_no_call_is_unrecorded(
    tmp_path: Path, seed: int, kills: int
) -> None:
    api = Api()
    with serving(api) as url:
        whole_story(grant_place(tmp_path), Questions(api, url), seed, kills)
