"""Changes and agent tasks as rows: where each one stands, and what each task has used."""

from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from factory.db import METADATA

CHANGES = Table(
    "pipeline_change",
    METADATA,
    Column("id", String(160), primary_key=True),
    Column("app", String(64), nullable=False, index=True),
    Column("change", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("author", String(64), nullable=False),
    Column("specification", JSON, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("head", String(64)),
    Column("artefact", String(80)),
    Column("submitted", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
)
TASKS = Table(
    "pipeline_task",
    METADATA,
    Column("id", String(128), primary_key=True),
    Column("app", String(64), nullable=False, index=True),
    Column("change", String(64), nullable=False),
    Column("function", String(24), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("scripted", Boolean, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("dollars", Float, nullable=False),
    Column("started", String(32), nullable=False),
    Column("ended", String(32)),
)


class Stage(StrEnum):
    """The six stages of a change, in order."""

    INTAKE = "intake"
    GENERATE = "generate"
    TEST = "test"
    SECURITY = "security"
    REVIEW = "review"
    DEPLOY = "deploy"


class ChangeState(StrEnum):
    """How a change stands. The last five are ends."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    RELEASED = "released"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"


ENDED = frozenset(
    {
        ChangeState.RELEASED,
        ChangeState.CLOSED,
        ChangeState.CANCELLED,
        ChangeState.ROLLED_BACK,
        ChangeState.FAILED,
    }
)


class ChangeRecord(BaseModel):
    """One change. `id` is `<app>/<change>`, with `.<n>` when it was submitted again; it names the workflow too.

    `specification` is what agents may see of it; `digest` covers that and the held-out criteria. `detail` says what
    happens now, in one line. `attempt` counts the coder's tasks, `head` is the branch's commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    app: str
    change: str
    title: str
    author: str
    specification: dict[str, Any]
    digest: str
    stage: Stage
    state: ChangeState
    detail: str
    attempt: int
    head: str | None
    artefact: str | None
    submitted: str
    updated: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    @property
    def promotes(self) -> bool:
        """Whether it only brings to production what serves in staging: no branch, no agent."""
        return "artefact" in self.specification

    @property
    def rolls_back(self) -> bool:
        """Whether it only brings an environment back to an earlier release: no branch, no agent."""
        return "rollback" in self.specification

    @property
    def branch(self) -> str:
        """The branch that agents' commits go to."""
        return "change/" + self.id.split("/", 1)[1]


class TaskRecord(BaseModel):
    """One run of one agent. `dollars` is 0 for a scripted model: nobody is charged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    app: str
    change: str
    function: str
    attempt: int
    state: str
    reason: str
    model: str
    scripted: bool
    turns: int
    input_tokens: int
    output_tokens: int
    dollars: float
    started: str
    ended: str | None


def add_change(connection: Connection, record: ChangeRecord) -> None:
    """Keep a new change."""
    connection.execute(insert(CHANGES).values(**record.model_dump(mode="json")))


def read_change(connection: Connection, identifier: str) -> ChangeRecord | None:
    """A change by its id."""
    row = connection.execute(select(CHANGES).where(CHANGES.c.id == identifier)).mappings().first()
    return None if row is None else ChangeRecord.model_validate(dict(row))


def newest_change(connection: Connection, app: str, change: str) -> ChangeRecord | None:
    """The latest submission of a change."""
    query = select(CHANGES).where(CHANGES.c.app == app, CHANGES.c.change == change)
    row = connection.execute(query.order_by(CHANGES.c.submitted.desc(), CHANGES.c.id.desc())).mappings().first()
    return None if row is None else ChangeRecord.model_validate(dict(row))


def all_changes(connection: Connection, app: str | None = None) -> list[ChangeRecord]:
    """Every change, oldest first; of one app, or of all."""
    query = select(CHANGES).order_by(CHANGES.c.submitted, CHANGES.c.id)
    if app is not None:
        query = query.where(CHANGES.c.app == app)
    return [ChangeRecord.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def in_state(connection: Connection, *states: ChangeState) -> list[ChangeRecord]:
    """Changes that stand in one of these states, oldest first."""
    query = select(CHANGES).where(CHANGES.c.state.in_(states)).order_by(CHANGES.c.submitted)
    return [ChangeRecord.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def set_change(connection: Connection, identifier: str, **values: Any) -> bool:
    """Change some columns of a change's row; whether it was changed: one that is cancelled or ended stays as it is."""
    return _write(connection, identifier, {ChangeState.CANCELLING, *ENDED}, values)


def cancel_change(connection: Connection, identifier: str, detail: str) -> bool:
    """From now on the change is to end; whether it is: one that has ended stays as it is."""
    return _write(connection, identifier, ENDED, {"state": ChangeState.CANCELLING, "detail": detail})


def end_change(connection: Connection, identifier: str, state: ChangeState, detail: str) -> bool:
    """The change has ended; whether this is its end: there is one only."""
    return _write(connection, identifier, ENDED, {"state": state, "detail": detail})


def _write(connection: Connection, identifier: str, fixed: Collection[ChangeState], values: dict[str, Any]) -> bool:
    # One statement: who looks first and writes then would write over a cancellation in between.
    plain = {key: str(value) if isinstance(value, StrEnum) else value for key, value in values.items()}
    query = update(CHANGES).where(CHANGES.c.id == identifier, CHANGES.c.state.not_in(fixed))
    return bool(connection.execute(query.values(**plain, updated=now())).rowcount)


def put_task(connection: Connection, record: TaskRecord) -> None:
    """Keep a task's row, replacing an earlier one of the same id."""
    values = record.model_dump(mode="json")
    if not connection.execute(update(TASKS).where(TASKS.c.id == record.id).values(**values)).rowcount:
        connection.execute(insert(TASKS).values(**values))


def read_task(connection: Connection, identifier: str) -> TaskRecord | None:
    """A task by its id."""
    row = connection.execute(select(TASKS).where(TASKS.c.id == identifier)).mappings().first()
    return None if row is None else TaskRecord.model_validate(dict(row))


def tasks_of(connection: Connection, app: str, change: str) -> list[TaskRecord]:
    """The tasks of a change, oldest first."""
    query = select(TASKS).where(TASKS.c.app == app, TASKS.c.change == change).order_by(TASKS.c.started)
    return [TaskRecord.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def open_tasks(connection: Connection) -> list[TaskRecord]:
    """The tasks of all changes that have not ended."""
    query = select(TASKS).where(TASKS.c.ended.is_(None))
    return [TaskRecord.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def now() -> str:
    """The present time as the rows hold it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
