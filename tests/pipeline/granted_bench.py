"""Tasks on a bench whose grants are real: the access daemon's own process, the agent's own, the scripted model."""

import contextlib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from task_bench import TaskBench, make_task_bench

from access.client import Access, Upstream
from agents.twin import Twin
from factory import daemons, db, demo_people, events, signatures
from factory.errors import AccessDenied
from factory.events import Event
from factory.settings import Settings
from pipeline import spending
from pipeline.commits import commit_step
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

    def signs(self, person: str) -> Any:
        key = demo_people.key_file(self.task.context.root, person)
        return lambda message: signatures.sign_unattended(message, key, namespace=signatures.ACCESS)


@contextlib.contextmanager
def granted_bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrantedBench]:
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

    door = TaskDoor(model_of, lambda id, step: commit_step(task.context, id, step), partial(spending.note, root))
    door.start()
    task.context = replace(task.context, access=Access(root), door=door, settings=Settings(), processes=TaskProcesses())
    try:
        yield bench
    finally:
        task.context.processes.close()
        door.stop()
        daemons.stop(root, daemons.ACCESS)
        stand_in.release()
        twin.stop()
