"""A log as a file, for whoever verifies it elsewhere: one JSON document per line, entries first, then checkpoints."""

import json
from collections.abc import Iterator

from sqlalchemy import Connection, select

from access.audit.tables import CHECKPOINTS, ENTRIES


def lines(connection: Connection, app: str) -> Iterator[str]:
    """The log of `app`: `{"index", "leaf"}`, of an expired entry `{"index", "hash"}`; then `{"checkpoint"}` each."""
    query = select(ENTRIES).where(ENTRIES.c.app == app).order_by(ENTRIES.c.index)
    for row in connection.execute(query).mappings():
        kept = {"leaf": row["leaf"]} if row["leaf"] is not None else {"hash": row["hash"]}
        yield json.dumps({"index": row["index"], **kept}, ensure_ascii=False)
    notes = select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.app == app).order_by(CHECKPOINTS.c.size)
    for note in connection.scalars(notes):
        yield json.dumps({"checkpoint": note}, ensure_ascii=False)
