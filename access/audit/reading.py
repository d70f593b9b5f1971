"""What an app's log tells."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from access.audit.tables import ENTRIES

# Entries are read so many at a time until enough are found: a kind stands in the text of an entry only.
_STEP = 500


@dataclass(frozen=True)
class Entry:
    """One entry. `event` is None once it is older than it has to be kept."""

    index: int
    time: str
    hash: str
    event: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        return {"index": self.index, "time": self.time, "hash": self.hash, "event": self.event}


def entries(connection: Connection, app: str, *, kind: str = "", limit: int) -> list[Entry]:
    """The last so many of the log of `app`, oldest first; of one kind (`update.failed`) or family (`update`)."""
    found: list[Entry] = []
    before: int | None = None
    while len(found) < limit:
        query = select(ENTRIES).where(ENTRIES.c.app == app).order_by(ENTRIES.c.index.desc()).limit(_STEP)
        if before is not None:
            query = query.where(ENTRIES.c.index < before)
        rows = connection.execute(query).mappings().all()
        if not rows:
            break
        before = rows[-1]["index"]
        told = (Entry(row["index"], row["time"], row["hash"], _event(row["leaf"])) for row in rows)
        found += [each for each in told if _is(each, kind)]
    return found[:limit][::-1]


def _event(leaf: str | None) -> dict[str, Any] | None:
    return None if leaf is None else json.loads(leaf)


def _is(entry: Entry, kind: str) -> bool:
    if not kind:
        return True
    said = entry.event["kind"] if entry.event else ""
    return bool(said == kind or said.startswith(f"{kind}."))
