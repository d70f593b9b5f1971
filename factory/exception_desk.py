"""Where an exception is requested by one person and accepted by another: what each signs, and what is written down."""

import fcntl
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString
from sqlalchemy import Engine

from factory import db, events, signatures
from factory.errors import DecisionRequired, InputError
from factory.exception_file import (
    LIST,
    app_of,
    exceptions_file,
    load_exceptions,
    load_requested,
    read_exceptions,
    requested_file,
    require_sound,
    signed_by,
    standing,
)
from factory.exceptions import LONGEST, Accepted, Requested
from factory.paths import FactoryRoot, private_folder
from factory.people import load_people
from factory.settings import Settings

HEAD: Final = (
    "# Findings that people accepted; signed, so written by `millwright policy except` and `policy accept` only.\n"
)
REQUESTED_HEAD: Final = "# What waits for somebody of security: `millwright policy accept ID`. It covers nothing yet.\n"
WIDE: Final = 1 << 16


class Desk:
    """The two files of one factory, and the database that hears what is done to them.

    `controls` are the policy pack's, each with why it is never excepted ("" when it may be).
    """

    def __init__(self, root: FactoryRoot, settings: Settings, database: Engine, controls: Mapping[str, str]) -> None:
        self._root = root
        self._settings = settings
        self._database = database
        self._controls = controls

    def check_request(self, entry: Requested, now: datetime) -> None:
        """Whether this may be asked for, before anybody signs it. Raises InputError."""
        require_sound(entry, self._controls, self._settings.identity)
        if entry.ends <= now or entry.ends > now + LONGEST:
            raise InputError(f"{entry.expires} is not in 1 to {LONGEST.days} days", hint="--expires DAYS")
        standing_ids = {each.id for each in load_exceptions(self._root, self._settings, self._controls, now).entries}
        if entry.id in standing_ids | {each.id for each in self.waiting()}:
            raise InputError(f"there is an exception {entry.id} already", hint="give this one another --id")

    def request(self, entry: Requested, now: datetime) -> None:
        """Write down what is asked for, signed by its requester. Raises InputError."""
        with self._alone():
            self.check_request(entry, now)
            requester = load_people(self._root, self._settings).person(entry.requester)
            payload = entry.request_payload()
            if not signatures.verify(
                payload, entry.request_signature, requester.keys, namespace=signatures.EXCEPTION_REQUEST
            ):
                raise InputError(f"that is not {entry.requester}'s signature over exactly this request")
            self._tell("exception.requested", entry, entry.requester)
            path = requested_file(self._root)
            _replace(path, _with(path, REQUESTED_HEAD, entry))

    def waiting(self) -> tuple[Requested, ...]:
        """What was requested and waits for an approver. Raises InputError."""
        return load_requested(self._root, self._settings, self._controls)

    def waiting_for(self, id: str) -> Requested:
        """One of them. Raises InputError when there is none of this id."""
        found = {entry.id: entry for entry in self.waiting()}
        if id not in found:
            known = ", ".join(found) or "nothing"
            raise InputError(
                f"no exception {id!r} waits for an approver; waiting: {known}", hint="millwright policy report"
            )
        return found[id]

    def check_accept(self, entry: Requested, approver: str, now: datetime) -> None:
        """Whether this person may accept it now. Raises DecisionRequired; that is an event too."""
        why = standing(load_people(self._root, self._settings), entry, approver)
        if not why and entry.ends <= now:
            why = f"it was asked for until {entry.expires}, which is over"
        if why:
            raise self._rejected(entry, approver, why)

    def accept(self, entry: Accepted, now: datetime) -> None:
        """Write down an exception, signed by its approver. Raises DecisionRequired, InputError."""
        with self._alone():
            if self.waiting_for(entry.id).request_payload() != entry.request_payload():
                raise self._rejected(entry, entry.approver, "what is asked for was changed meanwhile")
            self.check_accept(entry, entry.approver, now)
            if not signed_by(load_people(self._root, self._settings), entry):
                raise self._rejected(
                    entry, entry.approver, f"that is not {entry.approver}'s signature over exactly this"
                )
            load_exceptions(self._root, self._settings, self._controls, now)
            path = exceptions_file(self._root)
            draft = _draft(path, _with(path, HEAD, entry))
            try:
                # As it will be read: nothing is put into force that would be refused there.
                read_exceptions(draft, self._root, self._settings, self._controls, now)
                # Before the file: an exception that nobody heard of is worse than one that was told and is not there.
                self._tell("exception.approved", entry, entry.approver, requester=entry.requester)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            _replace(requested_file(self._root), _without(requested_file(self._root), entry.id))

    def _rejected(self, entry: Requested, approver: str, why: str) -> DecisionRequired:
        # Whoever tries has not proved yet who they are.
        self._tell("exception.rejected", entry, "unattested", person=approver, why=why)
        return DecisionRequired(f"the exception {entry.id}: {why}", hint="millwright policy report")

    def _tell(self, kind: str, entry: Requested, actor: str, **told: Any) -> None:
        event = events.new_event(
            kind,
            actor=actor,
            app=app_of(entry) or None,
            exception=entry.id,
            rule=entry.rule,
            about=entry.urn or f"{entry.app}: {entry.path}",
            fingerprint=entry.fingerprint,
            reason=entry.reason,
            expires=entry.expires,
            **told,
        )
        with db.transaction(self._database) as connection:
            events.append(connection, event)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (private_folder(self._root.locks) / "exceptions.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _with(path: Path, head: str, entry: Requested) -> str:
    """The text of the file with one more entry; what people wrote beside the entries stays."""
    document = _read(path)
    fields = entry.model_dump(exclude_none=True)
    written = {name: LiteralScalarString(text) if "\n" in text else text for name, text in fields.items()}
    # An empty list may be written `[]`, and in that style nobody could read an entry.
    listed = document.get(LIST) or []
    listed.append(written)
    document[LIST] = listed
    return ("" if path.exists() else head) + _text(document)


def _without(path: Path, id: str) -> str:
    document = _read(path)
    kept = document[LIST]
    for number in reversed([number for number, each in enumerate(kept) if each["id"] == id]):
        del kept[number]
    return _text(document)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = WIDE
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _read(path: Path) -> Any:
    found = _yaml().load(path.read_text()) if path.exists() else None
    return {LIST: []} if found is None else found


def _text(document: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    return draft


def _replace(path: Path, text: str) -> None:
    _draft(path, text).replace(path)
