"""Recordings read back: what was said in each session of a grant, and whether its file is still what was recorded."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from access.grants import Grant
from access.ssh import told as ssh
from access.ssh.terminal import SUFFIX as CAST
from factory import events
from factory.paths import FactoryRoot

Record = dict[str, Any]
# What the bastion records by operations, and not as a terminal.
FILES = ("sftp", "scp")


class Held(StrEnum):
    """What the log says of a recording's file."""

    WHOLE = "whole"
    """It is what the log told the digest of, when the session ended."""
    CHANGED = "changed"
    """It is not, or it cannot be read."""
    GONE = "gone"
    """The log tells of it, and it is not there."""
    OPEN = "open"
    """The session has not ended yet, or its relay was killed: nothing is told of it."""


@dataclass
class Said:
    """One statement, and what became of it. `at`: seconds since the epoch; `ms`: how long it took.

    `values` are what stood in place of its parameters, redacted where they may be credentials. `refused`: why it was
    not passed on. No outcome (`sqlstate` None): none came.
    """

    at: float
    text: str
    values: list[Any] = field(default_factory=list)
    refused: str = ""
    tags: list[str] = field(default_factory=list)
    rows: int = 0
    sqlstate: str | None = None
    ms: float = 0.0
    skipped: bool = False


@dataclass
class Recorded:
    """One session. `file`: its recording; one that ends with `.cast` any player of asciicasts plays."""

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
    folder = root.recordings / grant.app / grant.id
    files = {path.stem: path for suffix in (".jsonl", CAST) for path in folder.glob(f"*{suffix}")}
    found = [_session(name, files.get(name), told.get(name, {}).get("digest", "")) for name in {*told, *files}]
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
        if path.suffix == CAST or (records and records[0].get("what") in FILES):
            return replace(_over_ssh(path, records), session=name, held=held)
        start = records[0] if records else {}
        end = next((each for each in records if each["kind"] == "session_end"), None)
        ended = None if end is None else (end["detail"] or "the client went")
        found = list(said(records))
        return Recorded(name, start.get("client", ""), start.get("at", 0.0), ended, held, found, str(path))
    except (ValueError, KeyError, TypeError):
        return Recorded(name, "", 0.0, None, Held.CHANGED, [])


def _over_ssh(path: Path, records: list[Any]) -> Recorded:
    told = ssh.terminal(records) if path.suffix == CAST else ssh.files(records)
    found = [
        Said(each.at, each.text, refused=each.refused, tags=list(each.tags), sqlstate=each.error, ms=each.ms)
        for each in told.done
    ]
    return Recorded("", told.client, told.began, told.ended, Held.OPEN, found, str(path))


def said(records: Iterable[Record]) -> Iterator[Said]:
    """What was said, in its order, from the records of one session."""
    prepared: dict[str, str] = {}
    portals: dict[str, tuple[str, list[Any]]] = {}
    found: dict[int, Said] = {}
    for each in records:
        number = each.get("n", 0)
        match each["kind"]:
            case "query" | "function_call":
                found[number] = Said(each["at"], each.get("text", "(function call)"), refused=each.get("refused", ""))
            case "parse":
                prepared[each["statement"]] = each["text"]
                if "refused" in each:
                    found[number] = Said(each["at"], each["text"], refused=each["refused"])
            case "bind":
                portals[each["portal"]] = (prepared.get(each["statement"], "(unknown)"), each["values"])
            case "execute":
                text, values = portals.get(each["portal"], ("(unknown)", []))
                found[number] = Said(each["at"], text, values)
            case "outcome" if each["of"] in found:
                one = found[each["of"]]
                one.tags, one.rows = each.get("tags", []), each.get("rows", 0)
                one.sqlstate, one.ms = each.get("sqlstate", ""), each.get("ms", 0.0)
                one.skipped = each.get("skipped", False)
    yield from found.values()
