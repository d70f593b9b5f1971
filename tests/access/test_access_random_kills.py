"""Broker and relay are killed at any moment while grants are asked for, used and ended: nothing is left, or unrecorded.

Seeded. What must hold when it is quiet again: no role stands but those of grants that are held, everybody who holds one
comes in, and each row that a client wrote has its statement in a recording.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from database_place import DatabasePlace, database_place, let_in
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

from access.grants import LIVE, Given, Overtaken, State, store
from factory import db
from factory.errors import MillwrightError
from factory.spec import Scope

PROGRAM = Path(__file__).with_name("broker_process.py")
LOST = (DatabaseError, InterfaceError, OSError, MillwrightError)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        with made.owner() as owns:
            owns.run("CREATE TABLE marks (mark text PRIMARY KEY)")
        yield made


class Story:
    """One factory, its broker's process, and clients that come and go."""

    def __init__(self, place: GrantPlace, server: DatabasePlace, seed: int) -> None:
        self.place, self.server, self.random = place, server, random.Random(seed)
        self.given: list[Given] = []
        self.stop = threading.Event()
        self.start()

    def start(self) -> None:
        url = self.server.url.render_as_string(hide_password=False)
        self.broker = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self.place.root.path), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.broker.stdout is not None
        assert self.broker.stdout.readline() == "ready\n"

    def kill_one(self) -> None:
        """The broker, or its relay."""
        relays = psutil.Process(self.broker.pid).children()
        if relays and self.random.random() < 0.5:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(relays).pid, signal.SIGKILL)
            return
        self.broker.kill()
        self.broker.wait()
        self.start()

    def client(self, given: Given) -> Connection:
        if not self.place.read(given.grant).door:
            raise MillwrightError("not open yet")
        return let_in(self.place, given, seconds=20)

    def write_on(self, number: int) -> None:
        """A client that comes in by whatever is open, writes mark after mark, and comes again when it is cut off."""
        choose, count = random.Random(number), 0
        while not self.stop.is_set():
            time.sleep(0.02)
            if not (held := list(self.given)):
                continue
            with contextlib.suppress(*LOST), self.client(choose.choice(held)) as session:
                for _ in range(choose.randrange(1, 20)):
                    count += 1
                    session.run("INSERT INTO marks VALUES (:mark)", mark=f"{number}-{count}")

    def act(self) -> None:
        """Somebody asks, or somebody's grant ends."""
        if len(self.given) < 3 or self.random.random() < 0.5:
            with contextlib.suppress(MillwrightError):
                self.given.append(self.place.ask(scope=Scope.WRITE))
            return
        given = self.given.pop(self.random.randrange(len(self.given)))
        with contextlib.suppress(Overtaken):
            self.place.desk.end(self.place.read(given.grant), "over", actor="ada")

    def quiet(self) -> bool:
        """Whether nothing is on its way any more."""
        with db.transaction(self.place.database) as connection:
            return not store.in_states(connection, LIVE - {State.ACTIVE})

    def marks(self) -> set[str]:
        with self.server.owner() as owns:
            return {mark for (mark,) in owns.run("SELECT mark FROM marks")}

    def recorded(self) -> set[str]:
        found = set()
        for file in (self.place.root.recordings / "tally").rglob("*.jsonl"):
            for line in file.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    record = json.loads(line)
                    found.update(map(str, record.get("values", [])) if record["kind"] == "bind" else ())
        return found


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(1, 5), *(pytest.param(seed, 50, marks=pytest.mark.soak) for seed in range(2, 12))],
)
def test_whoever_is_killed_whenever_nothing_is_left_and_nothing_is_unrecorded(
    tmp_path: Path, server: DatabasePlace, seed: int, kills: int
) -> None:
    place = grant_place(tmp_path)
    place.wall = datetime.now(UTC)
    story = Story(place, server, seed)
    clients = [threading.Thread(target=story.write_on, args=(seed * 100 + number,)) for number in range(3)]
    try:
        for each in clients:
            each.start()
        for _ in range(kills):
            for _ in range(story.random.randrange(1, 5)):
                story.act()
                time.sleep(story.random.random() * 0.3)
            # A broker that has just begun opens what is held first.
            time.sleep(story.random.random() * 3)
            story.kill_one()
        story.stop.set()
        for each in clients:
            each.join(60)
        wait_for(story.quiet, seconds=90, every=0.1)
        # One whose relay died under it twice has ended, and says why.
        given_still = [each for each in story.given if place.state(each.grant) is State.ACTIVE]
        held = {place.read(each.grant).provider_ref for each in given_still}
        wait_for(lambda: server.roles() == held, seconds=60, every=0.2)
        for given in given_still:
            with wait_for(lambda given=given: _entered(story, given), seconds=60, every=0.2) as session:
                assert session.run("SELECT 1") == [[1]]
    finally:
        story.stop.set()
        story.broker.kill()
        story.broker.wait()
    marks = {mark for mark in story.marks() if mark.startswith(tuple(f"{seed * 100 + number}-" for number in range(3)))}
    assert marks
    assert marks <= story.recorded()


def _entered(story: Story, given: Given) -> Connection | None:
    with contextlib.suppress(*LOST):
        return story.client(given)
    return None
