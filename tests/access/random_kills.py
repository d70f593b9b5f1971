"""Whoever lets people in is killed at any moment, while grants of one kind are asked for, used and ended. Seeded.

What must hold when it is quiet again, after one sweep: nothing stands at the target for a grant that is over, and its
holder is refused; everybody who holds one comes in; and whatever clients did is in a recording.
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
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
from grant_place import GrantPlace
from grant_waits import wait_for

from access.grants import LIVE, OVER, Given, Grant, Overtaken, State, store
from factory import db
from factory.errors import MillwrightError

PROGRAM = Path(__file__).with_name("broker_process.py")
CLIENTS = 3
# So many of the grants that are over are tried again.
TRIED = 5


class Kind(Protocol):
    """One kind of grants: what its clients do, and what is found of it at the target."""

    name: str
    """As `broker_process.py` knows it."""
    lost: tuple[type[Exception], ...]
    """What `use` and `entered` raise when somebody is cut off, or not let in."""

    def told(self) -> dict[str, Any]:
        """What the broker's process makes its provider from."""

    def ask(self, place: GrantPlace) -> Given:
        """Somebody asks."""

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        """A real client comes in, and leaves one or more marks at the target that begin with this one, which no other
        use has. Each client is a thread of its own."""

    def marks(self) -> set[str]:
        """What is at the target."""

    def recorded(self, place: GrantPlace) -> set[str]:
        """The marks that recordings tell of."""

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        """What stands at the target for none of these grants, while no client is there."""

    def entered(self, place: GrantPlace, given: Given) -> bool:
        """Whether the holder of a grant comes in."""

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        """Whether the holder of one that is over is told at a door that is open that they are not let in."""

    def victims(self, place: GrantPlace) -> list[int]:
        """Processes of ours, beside the broker and those that it has started, that may be killed as well."""


class Story:
    """One factory, its broker's process, and clients that come and go."""

    def __init__(self, place: GrantPlace, kind: Kind, seed: int) -> None:
        self.place, self.kind, self.seed, self.random = place, kind, seed, random.Random(seed)
        self.given: list[Given] = []
        self.over: list[Given] = []
        self.killed: Counter[str] = Counter()
        # What brokers that were killed had started: it ends by itself.
        self.orphans: list[psutil.Process] = []
        self.failures: list[BaseException] = []
        self.stop = threading.Event()
        self.start()

    def start(self) -> None:
        self.broker = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self.place.root.path), self.kind.name, json.dumps(self.kind.told())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.broker.stdout is not None
        assert self.broker.stdout.readline() == "ready\n"

    def kill_one(self) -> None:
        """The broker, or what it has started: with equal chance, as far as there is any."""
        below = [each.pid for each in psutil.Process(self.broker.pid).children(recursive=True)]
        found = {"broker": [self.broker.pid], "below": below, "aside": self.kind.victims(self.place)}
        what = self.random.choice([name for name, pids in found.items() if pids])
        self.killed[what] += 1
        if what == "broker":
            self.kill_broker()
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.random.choice(found[what]), signal.SIGKILL)

    def kill_broker(self) -> None:
        self.orphans += psutil.Process(self.broker.pid).children(recursive=True)
        self.broker.kill()
        self.broker.wait()
        self.start()

    def use_on(self, number: int) -> None:
        """A client that comes in by whatever is open, over and over."""
        choose, count = random.Random(f"{self.seed}-{number}"), 0
        while not self.stop.is_set():
            time.sleep(0.02)
            if not (held := list(self.given)):
                continue
            given, count = choose.choice(held), count + 1
            try:
                with contextlib.suppress(MillwrightError, *self.kind.lost):
                    if self.place.read(given.grant).door:
                        self.kind.use(self.place, given, f"m{self.seed}-{number}-{count}-")
            except BaseException as error:  # noqa: BLE001 -- the test fails by it, and not this thread alone
                self.failures.append(error)
                return

    def act(self) -> None:
        """Somebody asks, or somebody's grant ends."""
        if len(self.given) < 3 or self.random.random() < 0.5:
            self.ask()
            return
        self.end(self.given.pop(self.random.randrange(len(self.given))))

    def ask(self) -> Given | None:
        """None: nothing is given, as when what happened is in no log yet."""
        self.place.wall = datetime.now(UTC)
        try:
            self.given.append(self.kind.ask(self.place))
        except MillwrightError:
            return None
        return self.given[-1]

    def end(self, given: Given) -> None:
        self.over.append(given)
        while True:
            try:
                self.place.desk.end(self.place.read(given.grant), "over", actor="ada")
            except Overtaken:
                continue
            return

    def active(self) -> list[Given]:
        """One whose process died under it twice has ended, and says why."""
        return [each for each in self.given if self.place.state(each.grant) is State.ACTIVE]

    def quiet(self) -> bool:
        """Whether nothing is on its way any more."""
        with db.transaction(self.place.database) as connection:
            return not store.in_states(connection, LIVE - {State.ACTIVE})

    def stands(self) -> Collection[str]:
        """What stands for no grant that is active."""
        with db.transaction(self.place.database) as connection:
            return self.kind.standing(self.place, store.in_states(connection, [State.ACTIVE]))

    def orphaned(self) -> list[psutil.Process]:
        """Those of them that still run."""
        self.orphans = [each for each in self.orphans if _runs(each)]
        return self.orphans

    def comes_in(self, given: Given) -> bool:
        with contextlib.suppress(MillwrightError, *self.kind.lost):
            return self.kind.entered(self.place, given)
        return False


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        # Where the first process of all collects nobody, they stay as zombies.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def whole_story(place: GrantPlace, kind: Kind, seed: int, kills: int) -> None:
    """So many are killed while clients go on; then everything that must hold is looked at."""
    began, place.wall = time.monotonic(), datetime.now(UTC)
    story = Story(place, kind, seed)
    clients = [threading.Thread(target=story.use_on, args=(number,)) for number in range(CLIENTS)]
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
            each.join(120)
        assert not story.failures, story.failures
        assert not any(each.is_alive() for each in clients)
        swept = _is_as_it_must_be(story)
    finally:
        story.stop.set()
        story.broker.kill()
        story.broker.wait()
    marks = kind.marks()
    assert marks
    assert marks <= kind.recorded(place)
    print(
        f"{kind.name}, seed {seed}: {kills} kills {dict(story.killed)}, {len(story.over)} grants ended, "
        f"{len(marks)} marks, {swept} things swept, {time.monotonic() - began:.0f} s"
    )


def _is_as_it_must_be(story: Story) -> int:
    """How much had to be swept away."""
    place, kind = story.place, story.kind
    wait_for(story.quiet, seconds=90, every=0.1)
    left = len(story.stands())
    # Its first look sweeps.
    story.kill_broker()
    fresh = wait_for(story.ask, seconds=60, every=0.2)
    wait_for(lambda: place.state(fresh.grant) in {State.ACTIVE, *OVER}, seconds=60, every=0.1)
    wait_for(lambda: not story.stands(), seconds=60, every=0.2)
    wait_for(lambda: not story.orphaned(), seconds=60, every=0.2)
    for given in (held := story.active()):
        wait_for(lambda given=given: story.comes_in(given), seconds=60, every=0.2)
    assert place.state(fresh.grant) is State.ACTIVE
    door = place.read(fresh.grant).door
    for given in [each for each in story.over if place.read(each.grant).door][-TRIED:]:
        assert kind.refused(place, given, door)
    for given in held:
        story.end(given)
    wait_for(story.quiet, seconds=60, every=0.05)
    # Whatever is written down as ended is gone: nothing is waited for any more.
    assert not story.stands()
    return left
