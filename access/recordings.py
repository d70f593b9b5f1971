"""Recordings read back: what was said in each session of a grant, and whether its file is still what was recorded."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from access.grants import Grant
from access.said import Said, said
from access.ssh import terminal
from factory import events
from factory.paths import FactoryRoot


class Held(StrEnum):
    """What the log says of a recording's file."""

    WHOLE = "whole"
    """It is what the log told the digest of, when the session ended."""
    CHANGED = "changed"
    """It is not, or it cannot be read."""
    GONE = "gone"
    """The log tells of it, and it is not there."""
    REMOVED = "removed"
    """It was older than it has to be kept, and somebody had it removed; its digest is in the log."""
    OPEN = "open"
    """The session has not ended yet, or its relay was killed: nothing is told of it."""


@dataclass
class Recorded:
    """One session. `file`: its recording; one that ends with `.cast` is a terminal, for any player of asciicasts."""

    session: str
    client: str
    began: float
    ended: str | None
    held: Held
    said: list[Said]
    file: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self) | {"held": self.held.value}


def recorded(root: FactoryRoot, connection: Connection, grant: Grant) -> list[Recorded]:
    """The sessions of a grant, oldest first, those too whose file is gone."""
    told = {
        each.properties["session"]: each.properties
        for each in events.of_kinds(connection, ["session.began", "session.ended"], app=grant.app)
        if each.properties.get("grant") == grant.id
    }
    removed = {
        Path(str(each.properties.get("recording"))).stem
        for each in events.of_kinds(connection, ["recording.removed"], app=grant.app)
    }
    folder = root.recordings / grant.app / grant.id
    files = {path.stem: path for suffix in (".jsonl", terminal.SUFFIX) for path in folder.glob(f"*{suffix}")}
    found = [_session(name, files.get(name), told.get(name, {}).get("digest", "")) for name in {*told, *files}]
    for each in found:
        if each.held is Held.GONE and each.session in removed:
            each.held = Held.REMOVED
    return sorted(found, key=lambda each: (each.began, each.session))


def _session(name: str, path: Path | None, digest: str) -> Recorded:
    if path is None:
        return Recorded(name, "", 0.0, None, Held.GONE, [])
    content = path.read_bytes()
    held = Held.OPEN if not digest else Held.WHOLE
    if digest and hashlib.sha256(content).hexdigest() != digest:
        held = Held.CHANGED
    try:
        records = [json.loads(line) for line in content.splitlines()]
        if path.suffix == terminal.SUFFIX:
            told = terminal.told(records)
            about = Said(told.began, told.command, [], tags=told.tags, sqlstate=told.status, ms=told.ms)
            return Recorded(name, told.client, told.began, told.ended, held, [about], str(path))
        start = records[0] if records else {}
        end = next((each for each in records if each["kind"] == "session_end"), None)
        ended = None if end is None else (end["detail"] or "the client went")
        return Recorded(
            name, start.get("client", ""), start.get("at", 0.0), ended, held, list(said(records)), str(path)
        )
    except (ValueError, KeyError, TypeError):
        return Recorded(name, "", 0.0, None, Held.CHANGED, [])
