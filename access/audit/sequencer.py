"""Takes what the outbox holds into the logs: each event once, in order, in one transaction with its checkpoint."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from access.audit.merkle import Frontier, leaf_hash
from access.audit.notes import Checkpoint, signed
from access.audit.tables import CHECKPOINTS, ENTRIES, LOGS, TURN
from access.redaction import redacted
from factory import db
from factory.events import EVENTS, Event
from factory.fingerprints import canonical

SHARED: Final = "platform"
"""The log of what belongs to no app; no app can have this name."""
BATCH: Final = 1000


@dataclass(frozen=True)
class Backlog:
    """How much of the outbox is in no log yet, and since when (UTC, ISO 8601; "" for nothing)."""

    events: int
    oldest: str


def sequence(database: Engine, key: Ed25519PrivateKey) -> list[Checkpoint]:
    """Log everything that the outbox holds and no log has; the new checkpoints. Safe to call from many at once.

    Raises SQLAlchemy's errors: then nothing is logged, and what waits goes on waiting.
    """
    made: list[Checkpoint] = []
    while True:
        with db.transaction(database) as connection:
            # First of all: the lock. A read before it would see the logs as they were before somebody else's turn.
            connection.execute(update(TURN).values(turns=TURN.c.turns + 1))
            waiting = _waiting(connection)
            made += [_log(connection, key, app, events) for app, events in _by_app(waiting).items()]
        if len(waiting) < BATCH:
            return made


def backlog(connection: Connection) -> Backlog:
    """What is in no log yet."""
    counted, oldest = connection.execute(
        select(func.count(), func.min(EVENTS.c.time)).where(EVENTS.c.logged.is_(False))
    ).one()
    return Backlog(counted, oldest or "")


def leaf_of(row: RowMapping) -> str:
    """What the log keeps of an outbox row, as the one text that means it."""
    fields: dict[str, Any] = {name: row[name] for name in Event.model_fields}
    return canonical({**fields, "properties": redacted(fields["properties"]), "sequence": row["sequence"]}).decode()


def log_of(row: RowMapping) -> str:
    """Whose log an outbox row belongs into."""
    return str(row["app"] or SHARED)


def _waiting(connection: Connection) -> list[RowMapping]:
    # By a mark and not by the last number that was seen: on PostgreSQL a lower one may be committed later.
    query = select(EVENTS).where(EVENTS.c.logged.is_(False)).order_by(EVENTS.c.sequence).limit(BATCH)
    return list(connection.execute(query).mappings())


def _by_app(rows: list[RowMapping]) -> dict[str, list[RowMapping]]:
    found: dict[str, list[RowMapping]] = defaultdict(list)
    for row in rows:
        found[log_of(row)].append(row)
    return found


def _log(connection: Connection, key: Ed25519PrivateKey, app: str, rows: list[RowMapping]) -> Checkpoint:
    known = connection.execute(select(LOGS).where(LOGS.c.app == app)).mappings().one_or_none()
    frontier = Frontier()
    if known is not None:
        frontier = Frontier(known["size"], map(bytes.fromhex, known["frontier"].split()))
    made: list[dict[str, Any]] = []
    for row in rows:
        leaf = leaf_of(row)
        hashed = leaf_hash(leaf.encode())
        entry = {"app": app, "index": frontier.size, "sequence": row["sequence"], "time": row["time"]}
        made.append({**entry, "leaf": leaf, "hash": hashed.hex()})
        frontier.append(hashed)
    # Asked for what it wrote, SQLAlchemy writes many rows by one statement on every database.
    connection.execute(insert(ENTRIES).returning(ENTRIES.c.index), made)
    state = {"size": frontier.size, "frontier": "\n".join(each.hex() for each in frontier.hashes)}
    if known is None:
        connection.execute(insert(LOGS).values(app=app, **state))
    else:
        connection.execute(update(LOGS).where(LOGS.c.app == app).values(**state))
    sequences = [row["sequence"] for row in rows]
    connection.execute(update(EVENTS).where(EVENTS.c.sequence.in_(sequences)).values(logged=True))
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    checkpoint = Checkpoint(app, frontier.size, frontier.root(), time)
    note = signed(checkpoint, key)
    connection.execute(insert(CHECKPOINTS).values(app=app, size=frontier.size, note=note))
    return checkpoint
