"""Tasks on a bench: a real repository, database and processes; the agent is a few lines of shell."""

import subprocess
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deploy_bench import APP
from merge_bench import BRANCH, CHANGE, MergeBench, make_merge_bench

from agents.brief import Outcome, OutcomeState
from factory import db, events
from factory.events import Event
from factory.usage import Usage
from pipeline import records, tasks
from pipeline.context import Context
from pipeline.records import ChangeRecord, ChangeState, TaskRecord
from pipeline.task_host import TaskProcess
from pipeline.task_process import TaskProcesses
from pipeline.tasks import Assignment

SUBMITTED = Outcome.without_own(
    OutcomeState.SUBMITTED, "done", turns=3, usage=Usage(input=10, output=2), model="m", scripted=True
)
# Told its folder as the second argument; what it says beyond is the test's.
BEGIN = 'read -r token || exit 78; cd "$2"; touch begun; '
SUBMITS = BEGIN + "cp given.json outcome.json"
WAITS = BEGIN + "sleep 600 & wait"


@dataclass
class Programs:
    """Starts a few lines of shell where the worker starts an agent."""

    script: str

    def start(self, folder: Path, given: int, log: int) -> TaskProcess:
        command = ["sh", "-c", self.script, "sh", "--folder", str(folder)]
        return subprocess.Popen(command, stdin=given, stdout=log, stderr=log, cwd=folder, start_new_session=True)

    def warm(self) -> None:
        pass

    def close(self) -> None:
        pass


class Killed(BaseException):
    """The worker is gone, at this very point."""


@dataclass
class Faults:
    """Kills at the named points, each once."""

    armed: set[str] = field(default_factory=set)

    def reach(self, point: str) -> None:
        if point in self.armed:
            self.armed.remove(point)
            raise Killed(point)


@dataclass
class TaskBench:
    """One submitted change, whose branch holds one commit, and agents that do what `agent` says."""

    merge: MergeBench
    context: Context
    faults: Faults
    monkeypatch: pytest.MonkeyPatch
    script: str = ""

    @property
    def record(self) -> ChangeRecord:
        return self.merge.record

    def agent(self, script: str) -> None:
        self.script = script
        self.context = replace(self.context, processes=TaskProcesses(Programs(script)))

    def restart(self) -> None:
        """A new worker on the same factory."""
        self.context = replace(self.context, open_tasks={}, processes=TaskProcesses(Programs(self.script)))

    def assignment(self, attempt: int | str = 1, function: str = "coder") -> Assignment:
        branch = BRANCH if function == "coder" else None
        return Assignment(function=function, attempt=attempt, commit=self.merge.head, branch=branch, context={})

    def folder(self, task: str) -> Path:
        folder = self.context.root.tasks / task
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "given.json").write_text(SUBMITTED.model_dump_json())
        return folder

    def run(self, attempt: int | str = 1, function: str = "coder") -> Outcome:
        self.folder(f"{APP}.{CHANGE}.{function}.{attempt}")
        return tasks.run_agent(self.context, self.record, self.assignment(attempt, function))

    def begin(self) -> threading.Thread:
        """Run the first task in a thread of the worker, which may be held for good."""
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        return thread

    def cancel(self) -> None:
        with db.transaction(self.context.database) as connection:
            records.set_change(connection, self.record.id, state=ChangeState.CANCELLING, detail="not wanted")

    @property
    def rows(self) -> list[TaskRecord]:
        with db.transaction(self.context.database) as connection:
            return records.tasks_of(connection, APP, CHANGE)

    def told(self, kind: str = "task.ended") -> list[Event]:
        with db.transaction(self.context.database) as connection:
            return [event for event in events.recent(connection, app=APP) if event.kind == kind]

    def refs(self) -> set[str]:
        return set(self.merge.git("for-each-ref", "--format=%(refname)").stdout.split())


def make_task_bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> TaskBench:
    """A bench whose agents submit at once."""
    merge, faults = make_merge_bench(folder), Faults()
    door: Any = SimpleNamespace(url="http://127.0.0.1:1", issue=lambda _: "token", revoke=lambda _: None)
    armed: Any = faults
    bench = TaskBench(merge, replace(merge.context, door=door, faults=armed), faults, monkeypatch)
    bench.agent(SUBMITS)
    return bench
