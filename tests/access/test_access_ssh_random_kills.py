"""Broker, bastion and keepers at the host are killed at any moment: see `random_kills`. A mark is a file at the host.

It comes there by a command, by what is typed into a shell, or by sftp. What commands leave running hides from its
session's end as far as a keeper has to find it.
"""

import json
import random
import re
import subprocess
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from grant_place import GrantPlace
from grant_waits import wait_for
from random_kills import whole_story
from ssh_place import RESOURCE, SshPlane, client, keepers, run, running, ssh, ssh_plane
from sshd_place import Sshd, sshd

from access.grants import Given, Grant, State, store
from console.ssh_files import Files
from factory import db
from factory.errors import AccessDenied
from factory.spec import Scope

MARK = re.compile(r"m\d+-\d+-\d+-\d+")


class Hosts:
    """Grants of a host's account. The broker of `plane` is never asked for anything: it has a process of its own."""

    name = "ssh"
    lost = (OSError,)

    def __init__(self, plane: SshPlane) -> None:
        self.plane, self.home = plane, plane.host.home / plane.place.root.path.parent.name
        self.home.mkdir()
        self.files: dict[str, Files] = {}
        self.used: dict[str, str] = {}

    def told(self) -> dict[str, Any]:
        return {}

    def ask(self, place: GrantPlace) -> Given:
        return place.ask(resource=RESOURCE, scope=Scope.ADMIN)

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        choose, files = random.Random(mark), self.plane.files(given, mark)
        self.files[given.grant.id] = files
        marks = [f"{mark}{count}" for count in range(choose.randrange(1, 5))]
        self.used |= dict.fromkeys(marks, given.grant.id)
        choose.choice([self._command, self._typed, self._put])(files, [self.home / each for each in marks])

    def _command(self, files: Files, paths: list[Path]) -> None:
        stays = "; ".join(f"touch {path}; nohup setsid tail -f {path} > /dev/null 2>&1 &" for path in paths)
        run(ssh(files, f"{stays.replace('&;', '&')} sleep 0.2"))

    def _typed(self, files: Files, paths: list[Path]) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(ssh(files), text=True, **pipes) as shell:
            assert shell.stdin is not None
            for path in paths:
                # With its output the session would go on until it is cut.
                shell.stdin.write(f"touch {path}; tail -f {path} > /dev/null 2>&1 &\n")
                shell.stdin.flush()
                time.sleep(0.1)

    def _put(self, files: Files, paths: list[Path]) -> None:
        puts = "".join(f"put {files.config} {path}\n" for path in paths)
        run([client("sftp"), "-q", "-F", str(files.config), "-b", "-", files.name], puts)

    def marks(self) -> set[str]:
        return {path.name for path in self.home.iterdir()}

    def recorded(self, place: GrantPlace) -> set[str]:
        found = set()
        for file in (place.root.recordings / "tally").rglob("*.cast"):
            header, *lines = [json.loads(line) for line in file.read_text().splitlines()]
            typed = "".join(text for _, code, text in lines if code == "i")
            found.update(MARK.findall(header.get("command", "") + typed))
        for file in (place.root.recordings / "tally").rglob("*.jsonl"):
            for record in map(json.loads, file.read_text().splitlines()):
                if str(record.get("operation")).startswith("open"):
                    found.update(MARK.findall(record["about"][0]))
        return found

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        """The marks whose processes run. What a session of a grant that is held left, its grant's end ends."""
        own, found = {grant.id for grant in held}, set()
        for pid in running(str(self.home)):
            try:
                found.update(MARK.findall(Path(f"/proc/{pid}/cmdline").read_text()))
            except FileNotFoundError:
                continue
        return {mark for mark in found if self.used[mark] not in own}

    def entered(self, place: GrantPlace, given: Given) -> bool:
        mark = f"m0-0-{len(self.used)}-0"
        self.used[mark] = given.grant.id
        command = f"touch {self.home / mark}; echo hello"
        return run(ssh(self.plane.files(given, mark), command)).stdout == "hello\n"

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        with pytest.raises(AccessDenied, match="no certificate"):
            self.plane.files(given, f"late-{time.monotonic()}")
        if files := self.files.get(given.grant.id):
            done = run(ssh(files, "echo hello", options=("-o", f"Port={door.rpartition(':')[2]}")))
            assert (done.returncode, done.stdout) == (255, "")
            assert "Permission denied" in done.stderr
        return True

    def victims(self, place: GrantPlace) -> list[int]:
        """The keepers."""
        return [pid for login in self.logins(place) for pid in keepers(login)]

    def logins(self, place: GrantPlace) -> set[str]:
        with db.transaction(place.database) as connection:
            return {grant.provider_ref for grant in store.in_states(connection, State) if grant.provider_ref}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.mark.parametrize(
    ("seed", "kills"),
    [pytest.param(1, 5, marks=pytest.mark.long), *(pytest.param(seed, 50, marks=pytest.mark.soak) for seed in (2, 3))],
)
def test_whoever_is_killed_whenever_nothing_is_left_at_the_host_and_nothing_is_unrecorded(
    tmp_path: Path, host: Sshd, seed: int, kills: int
) -> None:
    with ssh_plane(tmp_path, host) as plane:
        kind = Hosts(plane)
        whole_story(plane.place, kind, seed, kills)
        # Those that nobody waits for, since the bastion was killed.
        wait_for(lambda: not kind.victims(plane.place))
