"""A factory with an app's repository, its broker with the real git door, and a person's git that is told nothing."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grant_place import RULES, GrantPlace, grant_place

from access.broker import Broker
from access.git.process import GitDoor
from access.grants import Given, Grant, State
from access.providers.git import Git
from access.recordings import Recorded, recorded
from access.relays import git_door
from console.access_clients import client_of
from factory import events
from factory.spec import Scope
from pipeline.git import Repository

GIT = str(shutil.which("git"))
WHO = {
    f"GIT_{role}_{what}": "" if what == "EMAIL" else "Somebody"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
CHANGE = "sums"
BRANCH = f"change/{CHANGE}"
REPOSITORY_RULE = {
    "function": "coder",
    "resource": "repository",
    "environments": ["build"],
    "scope": "write",
    "lease": 60,
}


@dataclass
class Door:
    """The broker, its door, and clients. `folder` is where clones go."""

    place: GrantPlace
    folder: Path
    doors: list[GitDoor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin()

    @property
    def repository(self) -> Repository:
        return Repository(self.place.root, "tally")

    def begin(self, elsewhere: str = "") -> None:
        provider = Git(self._door, self.place.root.git, elsewhere)
        self.broker = Broker(self.place.desk, self.place.database, {"git": provider})

    def _door(self) -> GitDoor:
        self.doors.append(git_door(self.place.root, self.place.database, self.place.wall))
        return self.doors[-1]

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def given(self, scope: Scope = Scope.WRITE, **other: Any) -> Given:
        """An open grant of the task that works on the change."""
        return self.opened(self.place.ask(resource="repository", scope=scope, **other))

    def opened(self, given: Given) -> Given:
        self.look()
        grant = self.place.read(given.grant)
        assert grant.state is State.ACTIVE, grant.ended_reason
        return Given(grant, given.token)

    def end(self, grant: Grant) -> None:
        self.place.desk.end(self.place.read(grant), "enough", actor="ada")

    def git(
        self, given: Given, *arguments: str, at: Path | None = None, token: str = ""
    ) -> subprocess.CompletedProcess:
        """Somebody's git, let in by a grant (by its own token, or by another one)."""
        grant = self.place.read(given.grant)
        told = client_of(self.place.root, grant)["environment"] if grant.state is State.ACTIVE else self.last
        self.last = told
        helper = {"GIT_ASKPASS": str(self._asked()), "TOKEN": token or given.token}
        return self.run(*arguments, at=at, **told, **helper)

    def run(self, *arguments: str, at: Path | None = None, **told: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            **WHO,
            **told,
        }
        command = [GIT, *arguments]
        return subprocess.run(
            command, cwd=at or self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def clone(self, given: Given, name: str = "clone") -> Path:
        made = self.git(given, "clone", "--quiet", "millwright:tally", name)
        assert made.returncode == 0, made.stderr
        return self.folder / name

    def commit(self, clone: Path, files: dict[str, str], message: str = "By hand") -> str:
        """A commit on the branch of the change; its name."""
        if self.run("rev-parse", "--abbrev-ref", "HEAD", at=clone).stdout.strip() == "main":
            self.run("checkout", "--quiet", "-B", BRANCH, f"origin/{BRANCH}", at=clone)
        for path, text in files.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text)
        self.run("add", "--all", "--force", at=clone)
        made = self.run("commit", "--quiet", "--allow-empty", "-m", message, at=clone)
        assert made.returncode == 0, made.stderr
        return self.run("rev-parse", "HEAD", at=clone).stdout.strip()

    def told(self, kind: str) -> list[events.Event]:
        with self.place.database.connect() as connection:
            return events.of_kinds(connection, [kind])

    def recorded(self, grant: Grant) -> list[Recorded]:
        with self.place.database.connect() as connection:
            return recorded(self.place.root, connection, grant)

    def _asked(self) -> Path:
        """What gives git the token: git asks it for the password."""
        script = self.folder / "askpass"
        if not script.exists():
            script.write_text('#!/bin/sh\necho "$TOKEN"\n')
            script.chmod(0o700)
        return script


@contextlib.contextmanager
def door_place(folder: Path) -> Iterator[Door]:
    """With the branch of a change, as the factory makes it when work begins."""
    (folder / "factory").mkdir()
    (folder / "clones").mkdir()
    place = grant_place(folder / "factory")
    place.rules([*RULES, REPOSITORY_RULE])
    # The door has its own clock.
    place.wall = datetime.now(UTC)
    source = place.root.apps / "tally" / "source"
    source.mkdir()
    (source / "README.md").write_text("# tally\n")
    (source / "sums.py").write_text("SUMS = {}\n")
    door = Door(place, folder / "clones")
    door.repository.ensure(source)
    door.repository.worktree(place.root.tasks / "t1" / "worktree", BRANCH, door.repository.head())
    try:
        yield door
    finally:
        door.broker.close()
