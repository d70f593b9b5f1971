"""A factory with its worker, its demo people, and changes on the line; what the e2e tests of the pipeline share."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from e2e_place import Place
from sqlalchemy import Engine

from factory import daemons, db, decisions, demo_people, events, releases, requests, signatures
from factory.decisions import Verdict
from factory.events import Event
from factory.gates import Gate
from factory.people import load_people
from factory.releases import Release
from factory.requests import Request
from factory.settings import Settings, load
from pipeline import client, records
from pipeline.records import ChangeRecord

APP = "links"
WHO = {
    Gate.SECURITY_EXCEPTION: demo_people.SECURITY,
    Gate.MERGE: demo_people.MAINTAINER,
    Gate.PRODUCTION: demo_people.OPERATOR,
    Gate.ATTENTION: demo_people.MAINTAINER,
    Gate.DESTROY: demo_people.OPERATOR,
    Gate.ARCHITECTURE: demo_people.ARCHITECT,
}
Say = Callable[[Request], tuple[Verdict, str] | None]


def approve_all(_: Request) -> tuple[Verdict, str]:
    return Verdict.APPROVE, "decided by a test"


def leave_all(_: Request) -> None:
    return None


@dataclass
class Line:
    """One factory's line, seen from outside: its database, its people, its worker."""

    place: Place
    settings: Settings = field(init=False)
    database: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.settings = load(self.place.root)
        self.database = db.connect(self.place.root, self.settings)
        demo_people.ensure(self.place.root, self.settings)

    def promote(self, app: str = APP) -> ChangeRecord:
        signature = self.signed(client.promotion_payload(self.place.root, self.settings, app, demo_people.AUTHOR))
        return client.promote(self.place.root, self.settings, app, person=demo_people.AUTHOR, signature=signature)

    def submit(self, change: str, person: str = demo_people.AUTHOR) -> ChangeRecord:
        payload = client.submission_payload(self.place.root, self.settings, APP, change, person)
        signature = self.signed(payload, person)
        return client.submit(self.place.root, self.settings, APP, change, person=person, signature=signature)

    def signed(self, payload: bytes, person: str = demo_people.AUTHOR) -> str:
        key = demo_people.key_file(self.place.root, person)
        return signatures.sign_unattended(payload, key, namespace=signatures.SUBMIT)

    def decide(self, request: Request, verdict: Verdict, reason: str, person: str | None = None) -> None:
        who = person or WHO[request.gate]
        key = demo_people.key_file(self.place.root, who)
        signature = signatures.sign_unattended(decisions.payload(request, verdict, who, reason), key)
        people = load_people(self.place.root, self.settings)
        decisions.decide(
            self.database, people, request.id, verdict=verdict, person=who, reason=reason, signature=signature
        )

    def change(self, identifier: str) -> ChangeRecord:
        with db.transaction(self.database) as connection:
            found = records.read_change(connection, identifier)
        assert found is not None
        return found

    def inbox(self) -> list[Request]:
        with db.transaction(self.database) as connection:
            return requests.open_requests(connection)

    def requests_of(self, change: str) -> list[Request]:
        with db.transaction(self.database) as connection:
            return requests.of_change(connection, APP, change)

    def events(self, kind: str = "", change: str | None = None) -> list[Event]:
        with db.transaction(self.database) as connection:
            found = events.recent(connection, app=APP, change=change, limit=5000)
        return [event for event in found if event.kind.startswith(kind)]

    def releases(self) -> list[Release]:
        with db.transaction(self.database) as connection:
            return releases.of_app(connection, APP)

    def git(self, *words: str) -> str:
        command = ["git", "--git-dir", str(self.place.root.git / f"{APP}.git"), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def worker(self) -> None:
        daemons.ensure(self.place.root, daemons.WORKER)

    def start_worker(self, *die_at: str) -> subprocess.Popen[bytes]:
        """A worker of the test's own, which may be told to die; its end is waited for by the test."""
        words = ["--root", str(self.place.root.path), *(("--die-at", *die_at) if die_at else ())]
        log = (self.place.root.state / "worker-under-test.log").open("ab")
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.worker", *words],
            cwd=self.place.root.path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @contextmanager
    def people(self, say: Say = approve_all) -> Iterator[None]:
        """Somebody who looks into the inbox all the time."""
        stop = threading.Event()

        def look() -> None:
            left: set[int] = set()
            while not stop.wait(0.1):
                for request in self.inbox():
                    if request.id not in left and (said := say(request)) is not None:
                        self.decide(request, *said)
                    else:
                        left.add(request.id)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def until(self, identifiers: Sequence[str], done: Callable[[ChangeRecord], bool], seconds: float = 240) -> None:
        """Wait until `done` holds for every change; fails with where they stand."""
        deadline = time.monotonic() + seconds
        while not all(done(self.change(identifier)) for identifier in identifiers):
            if time.monotonic() > deadline:
                stand = [(r.id, r.stage.value, r.state.value, r.detail) for r in map(self.change, identifiers)]
                raise AssertionError(f"not within {seconds} s: {stand}")
            time.sleep(0.2)

    def until_ended(self, *identifiers: str, seconds: float = 240) -> None:
        self.until(identifiers, lambda record: record.ended, seconds)

    def serving(self, environment: str) -> str:
        """The artefact that an environment's newest good update declared."""
        shown = self.place.millwright("outputs", APP, environment, "--json")
        assert shown.code == 0, shown.err
        outputs: dict[str, Any] = json.loads(shown.out)
        return str(outputs["service"]["artefact"])
