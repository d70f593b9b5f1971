"""Whether the logs in the factory's database are what they were, and tell everything that the outbox does.

Whoever can write the database and has the key could make all of this anew: what such a person cannot change is what a
verifier outside remembers, and the copies of checkpoints (`access.audit.outside`, `access.audit.copies`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from access.audit.merkle import Frontier, leaf_hash
from access.audit.notes import BadNote, opened
from access.audit.sequencer import leaf_of, log_of
from access.audit.tables import CHECKPOINTS, ENTRIES, LOGS
from factory.events import EVENTS


@dataclass
class Verified:
    """What was found of one log. `faults` names everything that is not as it should be, by its place."""

    app: str
    size: int = 0
    root: str = ""
    checkpoints: int = 0
    """How many of them the key signed and the log agrees with."""
    expired: int = 0
    """Of how many entries only the hash is left."""
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "app": self.app,
            "size": self.size,
            "root": self.root,
            "checkpoints": self.checkpoints,
            "expired": self.expired,
            "faults": self.faults,
        }


def apps(connection: Connection) -> list[str]:
    """The logs that there are."""
    found = {
        app for table in (ENTRIES, LOGS, CHECKPOINTS) for app in connection.scalars(select(table.c.app).distinct())
    }
    return sorted(found)


def verify(connection: Connection, app: str, public: bytes) -> Verified:
    """Judge the log of `app`: its entries, its checkpoints by the key, and the outbox."""
    found = Verified(app)
    roots = _entries(connection, found)
    _checkpoints(connection, found, roots, public)
    found.faults += _outbox(connection, app)
    return found


def _entries(connection: Connection, found: Verified) -> dict[int, str]:
    """The root at each size that has a checkpoint, by what the entries say."""
    wanted = set(connection.scalars(select(CHECKPOINTS.c.size).where(CHECKPOINTS.c.app == found.app)))
    frontier, roots = Frontier(), {}
    query = select(ENTRIES).where(ENTRIES.c.app == found.app).order_by(ENTRIES.c.index)
    for row in connection.execute(query).mappings():
        if row["index"] != frontier.size:
            found.faults.append(f"entry {frontier.size} is missing")
            break
        if row["leaf"] is None:
            found.expired += 1
        elif leaf_hash(row["leaf"].encode()).hex() != row["hash"]:
            found.faults.append(f"entry {row['index']} is not what was logged")
        frontier.append(bytes.fromhex(row["hash"]))
        if frontier.size in wanted:
            roots[frontier.size] = frontier.root().hex()
    found.size, found.root = frontier.size, frontier.root().hex()
    known = connection.execute(select(LOGS).where(LOGS.c.app == found.app)).mappings().one_or_none()
    edge = "\n".join(each.hex() for each in frontier.hashes)
    if known is None or (known["size"], known["frontier"]) != (frontier.size, edge):
        found.faults.append(f"the log is not the {known['size'] if known else 0} entries that it says it has")
    return roots


def _checkpoints(connection: Connection, found: Verified, roots: dict[int, str], public: bytes) -> None:
    query = select(CHECKPOINTS).where(CHECKPOINTS.c.app == found.app).order_by(CHECKPOINTS.c.size)
    last = 0
    for row in connection.execute(query).mappings():
        if fault := _checkpoint(row, roots, public):
            found.faults.append(f"the checkpoint at {row['size']} entries: {fault}")
        else:
            found.checkpoints += 1
        last = row["size"]
    if last != found.size:
        found.faults.append(f"the newest checkpoint is at {last} entries, the log has {found.size}")


def _checkpoint(row: RowMapping, roots: dict[int, str], public: bytes) -> str:
    """What is wrong with it; "" when nothing is."""
    try:
        checkpoint = opened(row["note"], public)
    except BadNote as bad:
        return str(bad)
    if (checkpoint.app, checkpoint.size) != (row["app"], row["size"]):
        return f"it speaks of {checkpoint.size} entries of {checkpoint.app}"
    if checkpoint.size not in roots:
        return "the log does not have so many"
    return "" if checkpoint.root.hex() == roots[checkpoint.size] else "the entries have another root"


def _outbox(connection: Connection, app: str) -> Iterator[str]:
    """What the outbox says was logged, beside what was."""
    logged = select(EVENTS).where(EVENTS.c.logged.is_(True)).order_by(EVENTS.c.sequence)
    of_app = select(ENTRIES.c.sequence, ENTRIES.c.leaf).where(ENTRIES.c.app == app)
    entries: dict[int, str | None] = {row.sequence: row.leaf for row in connection.execute(of_app)}
    seen = set()
    for row in connection.execute(logged).mappings():
        sequence = row["sequence"]
        if sequence in entries:
            seen.add(sequence)
            if entries[sequence] is not None and entries[sequence] != leaf_of(row):
                yield f"event {sequence} in the outbox is not what was logged"
        elif log_of(row) == app:
            yield f"event {sequence} is marked as logged and is in no log"
    for sequence in sorted(entries.keys() - seen):
        yield f"event {sequence} was logged and is not in the outbox any more"
