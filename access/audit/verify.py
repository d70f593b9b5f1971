"""Whether the logs in the factory's database are what they were, and tell everything that the outbox does.

Whoever can write the database and has the key could make all of this anew: what such a person cannot change is what a
verifier outside remembers, and the copies of checkpoints (`access.audit.outside`, `access.audit.copies`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select

from access.audit.merkle import Frontier, leaf_hash
from access.audit.notes import BadNote, Checkpoint, opened
from access.audit.pruning import is_signed, told_in
from access.audit.sequencer import SHARED, leaf_of, log_of
from access.audit.tables import CHECKPOINTS, ENTRIES, LOGS
from factory.events import EVENTS
from factory.people import People

NOBODY: Final = People([])
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass
class Verified:
    """What was found of one log. `faults` names everything that is not as it should be, by its place."""

    app: str
    size: int = 0
    root: str = ""
    checkpoints: int = 0
    """How many of them the key signed and the log agrees with."""
    copies: int = 0
    """How many copies of checkpoints, out of the factory's reach, the log agrees with."""
    expired: int = 0
    """Of how many entries only the hash is left, because they were pruned."""
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "app": self.app,
            "size": self.size,
            "root": self.root,
            "checkpoints": self.checkpoints,
            "copies": self.copies,
            "expired": self.expired,
            "faults": self.faults,
        }


@dataclass
class _Prunings:
    """What is gone of a log, and what its entries say of that."""

    app: str
    gone: int = 0
    last: int = -1
    told: Mapping[str, Any] = field(default_factory=lambda: {"entries": 0})

    def look(self, index: int, leaf: str | None) -> None:
        """At one entry after the other."""
        if leaf is None:
            self.gone, self.last = self.gone + 1, index
        elif (told := told_in(index, leaf)) and told["entries"] >= self.told["entries"]:
            self.told = told

    def faults(self, people: People) -> Iterator[str]:
        """What does not agree."""
        entries = self.told["entries"]
        if self.last >= entries:
            yield f"entry {self.last} has no content any more, and nothing tells that it was pruned"
        if entries and not is_signed(self.app, self.told, people):
            yield f"that {entries} entries were pruned is signed by nobody in people.yaml"


def apps(connection: Connection) -> list[str]:
    """The logs that there are."""
    found = {
        app for table in (ENTRIES, LOGS, CHECKPOINTS) for app in connection.scalars(select(table.c.app).distinct())
    }
    return sorted(found)


def verify(
    connection: Connection, app: str, public: bytes, copies: Sequence[str] = (), people: People = NOBODY
) -> Verified:
    """Judge the log of `app`: its entries, its checkpoints by the key, the outbox, and copies of checkpoints.

    `people` are those who can have had it pruned.
    """
    found = Verified(app)
    of_app = select(CHECKPOINTS).where(CHECKPOINTS.c.app == app).order_by(CHECKPOINTS.c.size)
    kept = [(f"the checkpoint at {row['size']} entries", row) for row in connection.execute(of_app).mappings()]
    told = [(what, row["note"], row["size"]) for what, row in kept]
    told += [(f"copy {number} of a checkpoint", note, None) for number, note in enumerate(copies, 1)]
    said = [(what, size, _opened(note, public)) for what, note, size in told]
    roots = _entries(connection, found, {each.size for _, _, each in said if isinstance(each, Checkpoint)}, people)
    for what, size, each in said:
        if fault := _fault(app, size, each, roots):
            found.faults.append(f"{what}: {fault}")
        elif size is None:
            found.copies += 1
        else:
            found.checkpoints += 1
    last = kept[-1][1]["size"] if kept else 0
    if last != found.size:
        found.faults.append(f"the newest checkpoint is at {last} entries, the log has {found.size}")
    found.faults += _outbox(connection, app)
    return found


def _opened(note: str, public: bytes) -> Checkpoint | BadNote:
    try:
        return opened(note, public)
    except BadNote as bad:
        return bad


def _fault(app: str, size: int | None, said: Checkpoint | BadNote, roots: dict[int, str]) -> str:
    """What is wrong with a checkpoint, which is kept as the one at `size`; "" when nothing is."""
    if isinstance(said, BadNote):
        return str(said)
    if said.app != app or size not in (None, said.size):
        return f"it speaks of {said.size} entries of {said.app}"
    if said.size not in roots:
        return f"the log does not have {said.size} entries"
    return "" if said.root.hex() == roots[said.size] else "the entries have another root"


def _entries(connection: Connection, found: Verified, wanted: set[int], people: People) -> dict[int, str]:
    """The root at each of these sizes that the log has had, by what its entries say."""
    frontier, roots = Frontier(), {}
    prunings = _Prunings(found.app)
    query = select(ENTRIES).where(ENTRIES.c.app == found.app).order_by(ENTRIES.c.index)
    for row in connection.execute(query).mappings():
        if row["index"] != frontier.size:
            found.faults.append(f"entry {frontier.size} is missing")
            break
        prunings.look(row["index"], row["leaf"])
        if row["leaf"] is not None and leaf_hash(row["leaf"].encode()).hex() != row["hash"]:
            found.faults.append(f"entry {row['index']} is not what was logged")
        if not _HASH.fullmatch(row["hash"]):
            found.faults.append(f"the hash of entry {row['index']} is none")
            break
        frontier.append(bytes.fromhex(row["hash"]))
        if frontier.size in wanted:
            roots[frontier.size] = frontier.root().hex()
    found.expired = prunings.gone
    found.faults += prunings.faults(people)
    found.size, found.root = frontier.size, frontier.root().hex()
    known = connection.execute(select(LOGS).where(LOGS.c.app == found.app)).mappings().one_or_none()
    edge = "\n".join(each.hex() for each in frontier.hashes)
    size, kept = (known["size"], known["frontier"]) if known else (0, "")
    if (size, kept) != (frontier.size, edge):
        found.faults.append(f"the log is not the {size} entries that it says it has")
    return roots


def _outbox(connection: Connection, app: str) -> Iterator[str]:
    """What the outbox says was logged, beside what was."""
    # Also those that somebody has since given to another app.
    its = select(ENTRIES.c.sequence).where(ENTRIES.c.app == app)
    own = or_(func.coalesce(func.nullif(EVENTS.c.app, ""), SHARED) == app, EVENTS.c.sequence.in_(its))
    logged = select(EVENTS).where(EVENTS.c.logged.is_(True), own).order_by(EVENTS.c.sequence)
    of_app = select(ENTRIES.c.sequence, ENTRIES.c.leaf).where(ENTRIES.c.app == app)
    entries: dict[int, str | None] = {row.sequence: row.leaf for row in connection.execute(of_app)}
    seen = set()
    for row in connection.execute(logged).mappings():
        sequence = row["sequence"]
        if sequence in entries:
            seen.add(sequence)
            if entries[sequence] is None:
                yield f"event {sequence} is in the outbox, and its entry has no content any more"
            elif entries[sequence] != leaf_of(row):
                yield f"event {sequence} in the outbox is not what was logged"
        elif log_of(row) == app:
            yield f"event {sequence} is marked as logged and is in no log"
    for sequence in sorted(entries.keys() - seen):
        if entries[sequence] is not None:
            yield f"event {sequence} was logged and is not in the outbox any more"
