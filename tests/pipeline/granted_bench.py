"""Tasks on a bench whose grants are real: the access daemon's own process, the agent's own, the scripted model."""

import contextlib
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from task_bench import TaskBench, make_task_bench

from access import audit
from access.broker import Broker
from access.client import Access, Upstream
from access.daemon import CUT_SECONDS
from access.door import Door, Served
from access.grants import Desk, store
from access.providers import assembly
from access.providers.provider import Provider
from access.secret_reads import SecretReads
from agents.twin import Twin
from factory import daemons, db, demo_people, events, signatures
from factory.errors import AccessDenied
from factory.events import Event
from factory.settings import Settings
from pipeline import spending
from pipeline.commits import commit_step
from pipeline.reaching import reach_of
from pipeline.task_door import TaskDoor
from pipeline.task_process import TaskProcesses

TASK = "links.tags.coder.1"


@dataclass
class GrantedBench:
    """One factory. `task` is its bench; the model plays what `script` says."""

    task: TaskBench
    twin: Twin

    @property
    def access(self) -> Access:
        return self.task.context.access

    def script(self, text: str, change: str = "tags", function: str = "coder") -> None:
        path = self.task.context.root.apps / "links" / "scripts" / f"{change}.{function}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("apiVersion: millwright-script/v1\n" + textwrap.dedent(text))

    def rules(self, text: str) -> None:
        """app.yaml with these access rules."""
        path = self.task.context.root.apps / "links" / "app.yaml"
        path.write_text(path.read_text().replace("environments:\n  build", f"access:\n{text}environments:\n  build"))

    def grants(self, task: str = TASK) -> dict[str, dict[str, Any]]:
        """Of a task, by resource: the newest of each."""
        return {told.grant["resource"]: told.grant for told in self.access.of_task("links", task).values()}

    def told(self, kind: str) -> list[Event]:
        with db.transaction(self.task.context.database) as connection:
            return events.of_kinds(connection, [kind], app="links")

    @property
    def desk(self) -> Desk:
        context = self.task.context
        return Desk(context.root, context.settings, context.database)

    def revoke(self, resource: str) -> None:
        """A person ends what the task holds."""
        with db.transaction(self.task.context.database) as connection:
            grant = store.read(connection, self.grants()[resource]["id"])
        assert grant is not None
        who = demo_people.OPERATOR
        self.desk.revoke(grant, "not now", who, self.signs(who))

    def signs(self, person: str) -> Any:
        key = demo_people.key_file(self.task.context.root, person)
        return lambda message: signatures.sign_unattended(message, key, namespace=signatures.ACCESS)


@contextlib.contextmanager
def granted_bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrantedBench]:
    """By the daemon's own process."""
    with _bench(folder, monkeypatch) as bench:
        try:
            yield bench
        finally:
            bench.task.context.processes.close()
            daemons.stop(bench.task.context.root, daemons.ACCESS)


@contextlib.contextmanager
def brokered_bench(
    folder: Path, monkeypatch: pytest.MonkeyPatch, more: Callable[[GrantedBench, Desk], dict[str, Provider]]
) -> Iterator[GrantedBench]:
    """By a broker of this process, with other providers beside the factory's: what is at no cloud is opened too."""
    with _bench(folder, monkeypatch) as bench:
        context = bench.task.context
        desk, stop = bench.desk, threading.Event()
        place = assembly.Place(context.root, context.settings, context.database, desk, lambda *_: None)
        opening = assembly.providers(place) | more(bench, desk)
        broker = Broker(desk, context.database, opening)
        key, claim = audit.signing_key(context.root), daemons.claim(context.root, daemons.ACCESS)
        reads = SecretReads(desk, context.database, assembly.secrets_of(opening))
        served = Served(Door(desk, context.database, claim.token, reads).app(), context.root.run)
        claim.publish({}, "1")

        def again(do: Callable[[], object]) -> None:
            while not stop.wait(CUT_SECONDS):
                do()

        looks: list[Callable[[], object]] = [broker.cut, broker.work, lambda: audit.sequence(context.database, key)]
        threads = [threading.Thread(target=again, args=(do,), daemon=True) for do in looks]
        for thread in threads:
            thread.start()
        try:
            yield bench
        finally:
            bench.task.context.processes.close()
            stop.set()
            for thread in threads:
                thread.join(30)
            served.close()
            broker.close()
            claim.release()


@contextlib.contextmanager
def _bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrantedBench]:
    task = make_task_bench(folder, monkeypatch)
    root = task.context.root
    twin = Twin(root.apps)
    stand_in = daemons.claim(root, daemons.TWIN)
    stand_in.publish({"http": twin.start()}, "1")
    bench = GrantedBench(task, twin)

    def model_of(id: str, failed: str) -> Upstream:
        if (opened := task.context.open_tasks.get(id)) is None:
            raise AccessDenied("it holds nothing")
        return opened.grants.model(failed)

    door = TaskDoor(
        model_of,
        lambda id, step: commit_step(task.context, id, step),
        partial(spending.note, root),
        lambda id: reach_of(task.context.open_tasks.get(id)),
    )
    door.start()
    task.context = replace(task.context, access=Access(root), door=door, settings=Settings(), processes=TaskProcesses())
    try:
        yield bench
    finally:
        door.stop()
        task.context.ways.close()
        stand_in.release()
        twin.stop()
