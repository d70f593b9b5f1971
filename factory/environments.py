"""What each environment's last update left: the typed outputs that other rooms read, and only from here."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Column, Connection, Integer, String, Table, delete, insert, select

from factory.db import METADATA
from factory.outputs import PlatformOutputs, StackOutputs

# The stack that all apps share; no app can have its name.
PLATFORM = "platform"
ENVIRONMENTS = Table(
    "factory_environment",
    METADATA,
    Column("stack", String(64), primary_key=True),
    Column("app", String(64), nullable=False, index=True),
    Column("environment", String(16), nullable=False),
    Column("updated", String(32), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("cloud_generation", String(64)),
    Column("outputs", JSON),
)


class EnvironmentRecord(BaseModel):
    """The row of one stack. `version` is the backend's count of its updates, 0 where it keeps none (files do not).

    `outputs` is None before the first good update.

    `cloud_generation` names the life of the local cloud that the update ran against (None on a real cloud).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack: str
    app: str
    environment: str
    updated: str
    actor: str
    version: int
    cloud_generation: str | None
    outputs: StackOutputs | None


def record(connection: Connection, row: EnvironmentRecord) -> None:
    """Write the row of one stack, replacing an earlier one."""
    connection.execute(delete(ENVIRONMENTS).where(ENVIRONMENTS.c.stack == row.stack))
    connection.execute(insert(ENVIRONMENTS).values(**row.model_dump()))


def read(connection: Connection, stack: str) -> EnvironmentRecord | None:
    """The row of one stack, or None when no update of it was recorded (or it was destroyed)."""
    row = connection.execute(select(ENVIRONMENTS).where(ENVIRONMENTS.c.stack == stack)).mappings().first()
    return None if row is None else EnvironmentRecord.model_validate(dict(row))


def platform(connection: Connection) -> PlatformOutputs | None:
    """What the platform's last good update left; None when it does not stand."""
    row = read(connection, PLATFORM)
    return row.outputs if row and isinstance(row.outputs, PlatformOutputs) else None


def cloud_generation(connection: Connection, stack: str) -> str | None:
    """Which life of the local cloud the stack's last recorded update ran against; None when none is recorded."""
    column = ENVIRONMENTS.c.cloud_generation
    return connection.execute(select(column).where(ENVIRONMENTS.c.stack == stack)).scalar()


def read_all(connection: Connection) -> list[EnvironmentRecord]:
    """Every row, by stack name."""
    rows = connection.execute(select(ENVIRONMENTS).order_by(ENVIRONMENTS.c.stack)).mappings()
    return [EnvironmentRecord.model_validate(dict(row)) for row in rows]


def forget(connection: Connection, stack: str) -> None:
    """Remove the row of a destroyed stack; nothing happens when there is none."""
    connection.execute(delete(ENVIRONMENTS).where(ENVIRONMENTS.c.stack == stack))


def now() -> str:
    """The present time as the rows hold it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
