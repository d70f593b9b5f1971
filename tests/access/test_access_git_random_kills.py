"""Broker, git door and the git behind it are killed at any moment: see `random_kills`. A mark is a commit."""

import json
import os
import random
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from git_door_place import BRANCH, Door, door_place
from grant_place import GrantPlace
from random_kills import whole_story
from ssh_place import running

from access.grants import Given, Grant
from access.providers.git import LEFT
from factory.spec import Scope


class Repositories:
    """Grants of one repository, all for the branch of one change. The broker of `door` is never asked for anything."""

    name = "git"
    lost = (OSError,)

    def __init__(self, door: Door) -> None:
        self.door, self.base = door, door.repository.head(BRANCH)

    def told(self) -> dict[str, Any]:
        return {}

    def ask(self, place: GrantPlace) -> Given:
        return place.ask(resource="repository", scope=Scope.WRITE)

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        clone = self._clone(given, mark.rsplit("-", 2)[0])
        for count in range(random.Random(mark).randrange(1, 4)):
            if clone is None or not self._push(given, clone, f"{mark}{count}"):
                return

    def _clone(self, given: Given, name: str) -> Path | None:
        """A client's own, which is where the branch is; None when it cannot be."""
        clone = self.door.folder / name
        told = ["fetch", "--quiet"] if clone.exists() else ["clone", "--quiet", "millwright:tally", name]
        if self.door.git(given, *told, at=clone if clone.exists() else None).returncode:
            return None
        assert self.door.run("checkout", "--quiet", "-B", BRANCH, f"origin/{BRANCH}", at=clone).returncode == 0
        return clone

    def _push(self, given: Given, clone: Path, name: str) -> bool:
        """One commit; whether git said that it was taken."""
        self.door.commit(clone, {f"{name}.txt": name}, name)
        return self.door.git(given, "push", "--quiet", "origin", BRANCH, at=clone).returncode == 0

    def marks(self) -> set[str]:
        return set(self._here("rev-list", f"{self.base}..{BRANCH}").split())

    def recorded(self, place: GrantPlace) -> set[str]:
        files = (place.root.recordings / "tally").rglob("*.jsonl")
        records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return {each["new"] for each in records if each["kind"] == "push" and "refused" not in each}

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        """What is left of pushes that were killed, whoever's; it is made as old as a sweep takes it to be nobody's."""
        folder = self.door.repository.folder
        left = [path for pattern in LEFT for path in folder.glob(pattern)]
        for path in left:
            os.utime(path, (0, 0))
        spooled = list((place.root.access / "pushes").iterdir())
        assert self._here("fsck", "--full", "--strict", "--no-dangling") == ""
        return [*map(str, (*left, *spooled)), *map(str, running(str(folder)))]

    def entered(self, place: GrantPlace, given: Given) -> bool:
        name = f"at-{time.monotonic_ns()}"
        clone = self._clone(given, "checks")
        return clone is not None and self._push(given, clone, name) and self._tip() == self._tip(clone)

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        before, clone = self._tip(), self.door.folder / "checks"
        self.door.commit(clone, {"late.txt": given.grant.id}, "late")
        self.door.last = {**self.door.last, "GIT_CONFIG_KEY_0": f"url.https://grant@{door}.insteadOf"}
        done = self.door.git(given, "push", "origin", BRANCH, at=clone)
        assert done.returncode != 0
        assert "Authentication failed" in done.stderr
        return self._tip() == before

    def victims(self, place: GrantPlace) -> list[int]:
        return []

    def _tip(self, clone: Path | None = None) -> str:
        return self.door.run("rev-parse", BRANCH, at=clone or self.door.repository.folder).stdout

    def _here(self, *arguments: str) -> str:
        done = self.door.run("--git-dir", str(self.door.repository.folder), *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("seed", "kills"),
    [pytest.param(1, 4, marks=pytest.mark.long), *(pytest.param(seed, 35, marks=pytest.mark.soak) for seed in (2, 3))],
)
def test_whoever_is_killed_whenever_a_branch_is_whole_and_every_push_to_it_is_recorded(
    tmp_path: Path, seed: int, kills: int
) -> None:
    with door_place(tmp_path) as door:
        whole_story(door.place, Repositories(door), seed, kills)
