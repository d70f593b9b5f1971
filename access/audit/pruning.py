"""Entries whose time is over: their content goes, their hashes stay, so that the tree is still what was signed.

A log says itself how far it was pruned, in an entry that a person signed (`audit.pruned`). Content that is missing
beyond that was taken by somebody else.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from access.audit.merkle import leaf_hash
from access.audit.tables import ENTRIES, TURN
from factory import signatures
from factory.errors import ExitCode, MillwrightError
from factory.events import EVENTS
from factory.fingerprints import canonical
from factory.people import People

PRUNED: Final = "audit.pruned"
SIGNED: Final = ("person", "entries", "before", "days", "recordings")
STEP: Final = 500
# As `canonical` writes it: most entries need not be parsed to see that they tell of something else.
_MARK: Final = f'"kind":"{PRUNED}"'


class AuditBroken(MillwrightError):
    """A log, or a recording, is not what it was: what would show that is not removed."""

    exit_code = ExitCode.AUDIT_BROKEN


def payload(app: str, told: Mapping[str, Any]) -> bytes:
    """What a person signs who has entries of `app` pruned; `told` are the properties of the event."""
    return canonical({"prune": app, **{name: told[name] for name in SIGNED}})


def older(connection: Connection, app: str, before: str) -> int:
    """How many entries, from the first one on, happened before a moment (UTC, ISO 8601)."""
    here = ENTRIES.c.app == app
    first = connection.scalar(select(func.min(ENTRIES.c.index)).where(here, ENTRIES.c.time >= before))
    return int(connection.scalar(select(func.count()).where(here)) or 0) if first is None else int(first)


def without_content(connection: Connection, app: str) -> int:
    """How many entries have no content any more."""
    return int(connection.scalar(select(func.count()).where(ENTRIES.c.app == app, ENTRIES.c.leaf.is_(None))) or 0)


def drop(connection: Connection, app: str, entries: int, before: str) -> int:
    """Remove the content of the first so many entries, here and in the outbox; of how many there was one.

    Raises AuditBroken, and removes nothing, when one of them is younger than `before`, or not what was logged.
    """
    # First of all: the lock of what appends (see `sequence`).
    connection.execute(update(TURN).values(turns=TURN.c.turns + 1))
    dropped = 0
    for low in range(0, entries, STEP):
        here = (ENTRIES.c.app == app) & (ENTRIES.c.index >= low) & (ENTRIES.c.index < min(low + STEP, entries))
        rows = connection.execute(select(ENTRIES).where(here, ENTRIES.c.leaf.is_not(None))).mappings().all()
        for row in rows:
            # What the entry itself says: the column beside it is not what was hashed.
            if str(json.loads(row["leaf"])["time"]) >= before or leaf_hash(row["leaf"].encode()).hex() != row["hash"]:
                raise AuditBroken(
                    f"entry {row['index']} of {app} is younger than the database says, or not what was logged",
                    hint=f"millwright audit verify {app}",
                )
        sequences = [row["sequence"] for row in rows]
        connection.execute(update(ENTRIES).where(here).values(leaf=None))
        connection.execute(delete(EVENTS).where(EVENTS.c.sequence.in_(sequences), EVENTS.c.logged.is_(True)))
        dropped += len(rows)
    return dropped


def told_in(index: int, leaf: str) -> Mapping[str, Any] | None:
    """What an entry says of a pruning; None for one that says nothing of it, or what no pruning could."""
    if _MARK not in leaf:
        return None
    event = json.loads(leaf)
    told = event.get("properties")
    if event.get("kind") != PRUNED or not isinstance(told, dict) or not isinstance(told.get("entries"), int):
        return None
    # Nothing tells of what came after it.
    return told if 0 <= told["entries"] <= index else None


def is_signed(app: str, told: Mapping[str, Any], people: People) -> bool:
    """Whether the person who is said to have pruned it did say so."""
    try:
        person, signature = people.find(str(told["person"])), str(told["signature"])
        signed = payload(app, told)
    except (KeyError, TypeError):
        return False
    return person is not None and signatures.verify(signed, signature, person.keys, namespace=signatures.ACCESS)
