"""What every stage works with: the factory, its database, the driver, the agents' door."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from access.client import Access, GrantWays, Proxies
from factory import db, events
from factory.errors import MillwrightError
from factory.fingerprints import fingerprint
from factory.paths import FactoryRoot
from factory.people import People, load_people
from factory.settings import Settings
from factory.spec import AppSpec, Environment, load_app
from pipeline import mains, records
from pipeline.faults import Faults
from pipeline.git import Repository
from pipeline.records import ChangeRecord
from pipeline.task_door import TaskDoor
from pipeline.task_grants import TaskGrants
from pipeline.task_process import TaskProcesses
from stacks.driver import Driver
from stacks.places import Place

ACTOR = "factory"


@dataclass(frozen=True, kw_only=True)
class OpenTask:
    """A task that runs now: whose it is, where it works, which branch takes its commits (None: it only reads), what it
    holds, and the socket of the gate to its databases and APIs, if it has any.
    """

    record: ChangeRecord
    function: str
    worktree: Path
    branch: str | None
    model: str
    grants: TaskGrants
    way: Path | None = None


@dataclass(frozen=True)
class Context:
    """One worker's view of its factory. Settings are read once; people and apps each time they are used."""

    root: FactoryRoot
    settings: Settings
    database: Engine
    driver: Driver
    door: TaskDoor
    faults: Faults
    access: Access
    open_tasks: dict[str, OpenTask] = field(default_factory=dict)
    processes: TaskProcesses = field(default_factory=TaskProcesses)
    proxies: Proxies = field(default_factory=Proxies)
    ways: GrantWays = field(default_factory=GrantWays)

    def change(self, identifier: str) -> ChangeRecord:
        """The row of a change."""
        with db.transaction(self.database) as connection:
            record = records.read_change(connection, identifier)
        if record is None:
            raise MillwrightError(f"the change {identifier} has no row any more", hint="restore the database")
        return record

    def spec(self, app: str) -> AppSpec:
        """The app as its file says now."""
        return load_app(self.root, app)

    def people(self) -> People:
        """Who may decide, as the file says now."""
        return load_people(self.root, self.settings)

    def repository(self, app: str) -> Repository:
        """The app's git repository; wherever it moves main, that is recorded first."""

        def moving(base: str, commit: str) -> None:
            mains.intend(self.database, app, base, commit)
            self.faults.reach("main.intended")

        return Repository(self.root, app, moving=moving)

    def place(self, app: str, environment: Environment) -> Place:
        """One environment of an app, as questions about production take it."""
        return Place(self.root, self.settings, self.database, self.spec(app), environment)

    def set(self, record: ChangeRecord, **values: Any) -> None:
        """Change the row of a change."""
        with db.transaction(self.database) as connection:
            records.set_change(connection, record.id, **values)

    def tell(
        self,
        kind: str,
        record: ChangeRecord,
        *,
        actor: str = ACTOR,
        task: str | None = None,
        once: str | None = None,
        **told: Any,
    ) -> None:
        """Append an event about a change, in its own transaction; once, however often a killed stage repeats it.

        What makes it the same event is `once` when that is given (where `told` has what was measured: another run
        measures something else), and everything that it tells otherwise; never that of another submission.
        """
        event = events.new_event(kind, actor=actor, app=record.app, change=record.change, task=task, **told)
        same = {"change": record.id, "kind": kind, "actor": actor, "task": task}
        content = event.model_dump(mode="json")["properties"]
        key = fingerprint(same | ({"told": content} if once is None else {"once": once}))
        with db.transaction(self.database) as connection:
            events.append_once(connection, event, key)
