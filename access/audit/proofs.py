"""Proofs of a log without the log: that an entry is in it, and that it only grew since it was seen (RFC 6962, 2.1)."""

from typing import Any

from sqlalchemy import Connection, select

from access.audit.merkle import consistency, inclusion
from access.audit.tables import CHECKPOINTS, ENTRIES
from factory.errors import InputError


def prove(connection: Connection, app: str, *, entry: int | None, since: int | None) -> dict[str, Any]:
    """What shows whoever has the key that `entry` is in the log, and that the log at `since` entries is its beginning.

    `{"checkpoint"}` is the newest one; with an entry `{"index", "leaf" or "hash", "inclusion"}`; with `since`
    `{"earlier", "consistency"}`. Hashes are in hexadecimal. Raises InputError for what the log does not have.
    """
    notes = connection.execute(
        select(CHECKPOINTS.c.size, CHECKPOINTS.c.note).where(CHECKPOINTS.c.app == app).order_by(CHECKPOINTS.c.size)
    )
    signed: dict[int, str] = {row.size: row.note for row in notes}
    if not signed:
        raise InputError(f"the log of {app} has no checkpoint")
    size = max(signed)
    of_app = ENTRIES.c.app == app
    hashes = connection.scalars(select(ENTRIES.c.hash).where(of_app, ENTRIES.c.index < size).order_by(ENTRIES.c.index))
    leaves = [bytes.fromhex(each) for each in hashes]
    told: dict[str, Any] = {"checkpoint": signed[size]}
    if entry is not None:
        if not 0 <= entry < len(leaves):
            raise InputError(f"the log of {app} has no entry {entry}", hint=f"it has 0 to {len(leaves) - 1}")
        leaf = connection.scalar(select(ENTRIES.c.leaf).where(of_app, ENTRIES.c.index == entry))
        kept = {"hash": leaves[entry].hex()} if leaf is None else {"leaf": leaf}
        told |= {"index": entry, **kept, "inclusion": [each.hex() for each in inclusion(leaves, entry)]}
    if since is not None:
        if since not in signed or since > len(leaves):
            raise InputError(f"no checkpoint of {app} is at {since} entries", hint=f"there are: {_some(list(signed))}")
        told |= {"earlier": signed[since], "consistency": [each.hex() for each in consistency(leaves, since)]}
    return told


def entry_of(connection: Connection, app: str, event: str) -> int:
    """The entry that tells of an event, by the event's id. Raises InputError: none does, or its content was pruned."""
    # As canonical text writes it; an id is unique, so nothing else can be meant.
    here = (ENTRIES.c.app == app) & ENTRIES.c.leaf.contains(f'"id":"{event}"', autoescape=True)
    found = connection.scalars(select(ENTRIES.c.index).where(here).limit(2)).all()
    if len(found) != 1:
        raise InputError(
            f"no entry of {app} tells of the event {event}", hint=f"millwright audit show {app} --json names them"
        )
    return int(found[0])


def _some(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes[-10:]))
