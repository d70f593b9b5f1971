"""Where each app's main is by the factory's own doing: whatever else it is at, somebody else moved it there.

The intent is written before main is moved, so a kill between the two leaves main at one of two commits that are ours.
"""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Engine, String, Table, insert, select, update

from factory import db
from factory.db import METADATA
from factory.errors import MillwrightError
from pipeline.records import now

MAINS = Table(
    "pipeline_main",
    METADATA,
    Column("app", String(64), primary_key=True),
    Column("commit", String(64)),
    Column("intended", String(64)),
    Column("updated", String(32), nullable=False),
)


class MovedByOthers(MillwrightError):
    """Main is not where the factory's own seed, merges and reverts have brought it."""


class MainRecord(BaseModel):
    """`commit` is where main was before the newest move began (None: from before this was kept), `intended` its end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    commit: str | None
    intended: str | None
    updated: str

    def explains(self, found: str) -> bool:
        """Whether the factory itself brought main to `found`."""
        return found in (self.commit, self.intended) or (self.commit is None and self.intended is None)

    @property
    def last(self) -> str | None:
        """The newest commit that main was to be at."""
        return self.intended or self.commit


def read(connection: Connection, app: str) -> MainRecord | None:
    """What is known of an app's main; None when the factory has never seeded it."""
    row = connection.execute(select(MAINS).where(MAINS.c.app == app)).mappings().first()
    return None if row is None else MainRecord.model_validate(dict(row))


def settle(connection: Connection, app: str, commit: str) -> None:
    """Main has reached `commit`: where it was before counts no more. Nothing happens when a move began since."""
    reached = (MAINS.c.intended == commit) | (MAINS.c.commit.is_(None) & MAINS.c.intended.is_(None))
    query = update(MAINS).where(MAINS.c.app == app, reached)
    connection.execute(query.values(commit=commit, intended=commit, updated=now()))


def intend(database: Engine, app: str, base: str, commit: str) -> None:
    """Main is about to be moved from `base` to `commit`. Raises MovedByOthers when others brought it to `base`."""
    with db.transaction(database) as connection:
        known = read(connection, app)
        if known is None and set(base) == {"0"}:
            connection.execute(insert(MAINS).values(app=app, commit=base, intended=commit, updated=now()))
        elif known is None or not known.explains(base):
            raise MovedByOthers(
                f"{app}: main is at {base[:12]}, where the factory has not brought it",
                hint="restore the repository as it was",
            )
        else:
            values = {"commit": base, "intended": commit, "updated": now()}
            connection.execute(update(MAINS).where(MAINS.c.app == app).values(**values))
