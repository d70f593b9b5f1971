"""What tells who did what, and is older than it has to be kept: planned, said in the log by a person, then removed.

app.yaml's `retention.audit` is how many days entries of the log and recordings are kept at least. What belongs to no
app is kept as long as what is kept longest of any.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine

from access import audit
from access.audit.pruning import PRUNED, AuditBroken, drop, older, payload, without_content
from access.grants.model import stamp
from access.grants.proof import Sign
from factory import db, events, signatures
from factory.errors import AccessDenied, InputError
from factory.gates import Role
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.settings import Settings
from factory.spec import app_names, load_app

REMOVED: Final = "recording.removed"
# Where relays write down who was refused before it was known whom they meant.
OF_NONE: Final = "refusals"
TAIL_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Old:
    """A recording whose time is over. `path` is relative to the recordings; `time` is when it last was written to."""

    path: str
    time: str
    size: int
    digest: str
    changed: bool


@dataclass(frozen=True)
class Plan:
    """What may go: the content of the first `entries` entries (of `gone` there is none already), and recordings."""

    app: str
    days: int
    before: str
    entries: int
    gone: int
    recordings: tuple[Old, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return self.entries <= self.gone and not self.recordings

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        return asdict(self)


def plan(root: FactoryRoot, connection: Connection, app: str, now: datetime) -> Plan:
    """What of an app's log and recordings is older than it has to be kept. Raises InputError for an unknown app."""
    days = _days(root, app)
    before = stamp(now - timedelta(days=days))
    told = {
        str(each.properties.get("recording")): (each.time, str(each.properties.get("digest", "")))
        for each in events.of_kinds(connection, ["session.ended"], app=None if app == audit.SHARED else app)
    }
    found = tuple(old for path in _files(root, app) if (old := _old(root, path, told)).time < before)
    entries = older(connection, app, before)
    return Plan(app, days, before, entries, without_content(connection, app), found)


def prune(root: FactoryRoot, settings: Settings, database: Engine, what: Plan, *, person: str, sign: Sign) -> int:
    """Do what was planned, as a person says and signs; of how many entries the content went.

    It is in the log before anything goes. Raises AccessDenied for who does not hold the role security; AuditBroken
    where something is not what it was: what would show that stays.
    """
    told = _said(root, settings, what, person, sign)
    _require_whole(root, settings, database, what)
    with db.transaction(database) as connection:
        for each in what.recordings:
            about = {"recording": each.path, "digest": each.digest, "size": each.size, "last": each.time}
            events.append(connection, _event(REMOVED, what.app, person, **about))
        events.append(connection, _event(PRUNED, what.app, person, **told))
    audit.sequence(database, audit.signing_key(root))
    for each in what.recordings:
        path = root.recordings / each.path
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    with db.transaction(database) as connection:
        return drop(connection, what.app, what.entries, what.before)


def _said(root: FactoryRoot, settings: Settings, what: Plan, person: str, sign: Sign) -> dict[str, Any]:
    """The properties of the event, with their signature. Raises AccessDenied."""
    people = load_people(root, settings)
    known = people.find(person)
    if known is None or not known.holds(Role.SECURITY, what.app):
        raise AccessDenied(f"{person} does not hold the role security for {what.app}, and may not prune its log")
    told = {
        "person": person,
        "entries": what.entries,
        "before": what.before,
        "days": what.days,
        "recordings": len(what.recordings),
    }
    said = payload(what.app, told)
    signature = sign(said)
    if not signatures.verify(said, signature, known.keys, namespace=signatures.ACCESS):
        raise AccessDenied(f"nothing proves that it is {person} who says so")
    return {**told, "signature": signature}


def _require_whole(root: FactoryRoot, settings: Settings, database: Engine, what: Plan) -> None:
    """Raises AuditBroken where the log, or a recording that would go, is not what it was."""
    key, people = audit.signing_key(root), load_people(root, settings)
    audit.sequence(database, key)
    with db.transaction(database) as connection:
        faults = audit.verify(connection, what.app, audit.raw(key.public_key()), people=people).faults
    faults += [
        f"the recording {each.path} is not what the log has the digest of" for each in what.recordings if each.changed
    ]
    if faults:
        raise AuditBroken(
            f"nothing of {what.app} is pruned: {'; '.join(faults)}", hint=f"millwright audit verify {what.app}"
        )


def _event(kind: str, app: str, actor: str, **properties: Any) -> events.Event:
    return events.new_event(kind, actor=actor, app=None if app == audit.SHARED else app, **properties)


def _days(root: FactoryRoot, app: str) -> int:
    if app != audit.SHARED:
        return load_app(root, app).retention.audit
    if not (names := app_names(root)):
        raise InputError("there is no app whose retention.audit says how long anything is kept")
    return max(load_app(root, name).retention.audit for name in names)


def _files(root: FactoryRoot, app: str) -> Iterator[Path]:
    folder = root.recordings / (OF_NONE if app == audit.SHARED else app)
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _old(root: FactoryRoot, path: Path, told: dict[str, tuple[str, str]]) -> Old:
    name = str(path.relative_to(root.recordings))
    ended, digest = told.get(name, ("", ""))
    facts = path.stat()
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    # Whichever is latest: none of them alone makes something old.
    last = max(stamp(datetime.fromtimestamp(facts.st_mtime, UTC)), ended, _last_said(path))
    return Old(name, last, facts.st_size, found, changed=bool(digest) and digest != found)


def _last_said(path: Path) -> str:
    """The moment of the last record that tells one; "" where none does."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().splitlines()
    for line in reversed(lines):
        with contextlib.suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
            return stamp(datetime.fromtimestamp(float(json.loads(line)["at"]), UTC))
    return ""
