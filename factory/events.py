"""The outbox: one envelope for everything that happens, appended in the transaction of the action itself."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import uuid_utils
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Select,
    String,
    Table,
    false,
    func,
    insert,
    select,
    text,
)

from factory.db import METADATA

EVENTS = Table(
    "factory_event",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("time", String(32), nullable=False),
    Column("app", String(64), index=True),
    Column("change", String(64)),
    Column("task", String(128), index=True),
    Column("actor", String(128), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("properties", JSON, nullable=False),
    # What the event is about, where it is to be told once however often that is repeated.
    Column("key", String(80), unique=True, index=True),
    # Whether it is in its app's audit log.
    Column("logged", Boolean, nullable=False, server_default=false()),
    Index("ix_factory_event_waits", "sequence", sqlite_where=text("NOT logged"), postgresql_where=text("NOT logged")),
)


class Event(BaseModel):
    """What happened: `kind` is `<subject>.<past participle>` (`update.started`), `actor` who did it.

    `id` is a UUIDv7, so ids sort by time; `time` is UTC, ISO 8601.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    time: str
    app: str | None = None
    change: str | None = None
    task: str | None = None
    actor: str
    kind: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    properties: dict[str, Any]


def new_event(
    kind: str,
    *,
    actor: str,
    app: str | None = None,
    change: str | None = None,
    task: str | None = None,
    **properties: Any,
) -> Event:
    """An event that happens now."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Event(
        id=str(uuid_utils.uuid7()),
        time=time,
        app=app,
        change=change,
        task=task,
        actor=actor,
        kind=kind,
        properties=properties,
    )


def append(connection: Connection, event: Event) -> None:
    """Add `event` to the outbox, in the caller's transaction: no event, no action."""
    connection.execute(insert(EVENTS).values(**event.model_dump()))


def append_all(connection: Connection, events: Sequence[Event]) -> None:
    """Add some hundreds at once, in this order, as `append` does one."""
    if events:
        # Asked for what it gave them, SQLAlchemy writes many rows by one statement on every database.
        connection.execute(insert(EVENTS).returning(EVENTS.c.sequence), [event.model_dump() for event in events])


def append_once(connection: Connection, event: Event, key: str) -> bool:
    """Add `event`, unless one with this key (at most 80 characters) is there; whether it was added."""
    if connection.execute(select(EVENTS.c.sequence).where(EVENTS.c.key == key)).first():
        return False
    connection.execute(insert(EVENTS).values(**event.model_dump(), key=key))
    return True


def newest(connection: Connection) -> int:
    """The number of the newest event; 0 where there is none."""
    return connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0


def since(connection: Connection, sequence: int, kind: str) -> list[Event]:
    """Those of a kind after a number, oldest first."""
    query = select(EVENTS).where(EVENTS.c.sequence > sequence, EVENTS.c.kind == kind)
    return _read(connection, query.order_by(EVENTS.c.sequence.desc()))


def recent(
    connection: Connection, *, app: str | None = None, change: str | None = None, limit: int = 100
) -> list[Event]:
    """The newest events, oldest first; of one app, of one change, or of all."""
    query = select(EVENTS).order_by(EVENTS.c.sequence.desc()).limit(limit)
    if app is not None:
        query = query.where(EVENTS.c.app == app)
    if change is not None:
        query = query.where(EVENTS.c.change == change)
    return _read(connection, query)


def of_environment(
    connection: Connection, app: str, environment: str, *, kinds: Collection[str], limit: int
) -> list[Event]:
    """The newest events of these kinds that tell of an app's environment, oldest first."""
    query = select(EVENTS).where(
        EVENTS.c.app == app,
        EVENTS.c.kind.in_(kinds),
        EVENTS.c.properties["environment"].as_string() == environment,
    )
    return _read(connection, query.order_by(EVENTS.c.sequence.desc()).limit(limit))


def of_kinds(connection: Connection, kinds: Collection[str], *, app: str | None = None) -> list[Event]:
    """All events of these kinds, oldest first; of one app, or of all."""
    query = select(EVENTS).where(EVENTS.c.kind.in_(kinds))
    if app is not None:
        query = query.where(EVENTS.c.app == app)
    return _read(connection, query.order_by(EVENTS.c.sequence.desc()))


def count_of_grant(connection: Connection, kind: str, grant: str) -> int:
    """How many events of this kind tell of a grant (`grant` among their properties)."""
    query = select(func.count()).where(EVENTS.c.kind == kind, EVENTS.c.properties["grant"].as_string() == grant)
    return connection.execute(query).scalar_one()


def _read(connection: Connection, newest_first: Select[Any]) -> list[Event]:
    rows = connection.execute(newest_first).mappings().all()
    return [Event(**{k: v for k, v in row.items() if k in Event.model_fields}) for row in reversed(rows)]
