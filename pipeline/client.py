"""What the console asks of the pipeline: submit, list, show, cancel. All through the database: no daemon is asked."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from factory import daemons, db, environments, events, findings, releases, requests, signatures
from factory.decisions import Decision, awaited, decisions_of
from factory.errors import InputError
from factory.events import Event
from factory.findings import Finding
from factory.fingerprints import canonical
from factory.gates import Gate
from factory.located import nearest
from factory.outputs import AppFactoryOutputs
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.releases import Release
from factory.requests import Request
from factory.settings import Settings
from factory.spec import Environment, load_app
from pipeline import records
from pipeline.changefiles import lint_change, load_change
from pipeline.records import ChangeRecord, ChangeState, Stage, TaskRecord
from pipeline.specification import digest_of


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """Everything about one change that a person may want to see. `waits_for` says what it waits for now, or ""."""

    record: ChangeRecord
    tasks: list[TaskRecord]
    findings: list[Finding]
    requests: list[Request]
    decisions: list[Decision]
    releases: list[Release]
    events: list[Event]
    waits_for: str


def submission_payload(root: FactoryRoot, settings: Settings, app: str, change: str, person: str) -> bytes:
    """What a person signs (namespace `factory.signatures.SUBMIT`) to submit a change: this once, not another time.

    Raises InputError with every mistake of the change's files.
    """
    lint_change(root, app, change)
    digest = digest_of(root, app, change)
    with db.transaction(db.connect(root, settings)) as connection:
        identifier = _open_id(connection, app, change) or _next_id(connection, app, change)
    return canonical({"submit": identifier, "app": app, "person": person, "digest": digest})


def submit(
    root: FactoryRoot, settings: Settings, app: str, change: str, *, person: str, signature: str
) -> ChangeRecord:
    """Put a change on the line; the worker takes it up. Submitting again what is on the line changes nothing.

    Raises InputError (mistakes in the files, unknown person, a signature that does not verify).
    """
    load_app(root, app)
    who = load_people(root, settings).person(person)
    payload = submission_payload(root, settings, app, change, person)
    if not signatures.verify(payload, signature, who.keys, namespace=signatures.SUBMIT):
        raise InputError(f"the signature is not one of {person}'s over this submission", hint="sign it again")
    file = load_change(root, app, change)
    database = db.connect(root, settings)
    with db.transaction(database) as connection:
        before = records.newest_change(connection, app, change)
        if before is not None and not before.ended:
            return before
        record = ChangeRecord(
            id=_next_id(connection, app, change),
            app=app,
            change=change,
            title=file.title,
            author=person,
            specification={"title": file.title, "why": file.why, "what": file.what, "acceptance": file.visible},
            digest=digest_of(root, app, change),
            stage=Stage.INTAKE,
            state=ChangeState.SUBMITTED,
            detail="submitted",
            attempt=0,
            head=None,
            artefact=None,
            submitted=records.now(),
            updated=records.now(),
        )
        records.add_change(connection, record)
        told = events.new_event(
            "change.submitted", actor=person, app=app, change=change, digest=record.digest, signature=signature
        )
        events.append(connection, told)
    return record


def promotion_payload(root: FactoryRoot, settings: Settings, app: str, person: str) -> bytes:
    """What a person signs (namespace `factory.signatures.SUBMIT`) to ask for a promotion: this once.

    Raises InputError when nothing serves in staging.
    """
    artefact = serving_in_staging(root, settings, app)
    with db.transaction(db.connect(root, settings)) as connection:
        under_way = _promotion_under_way(connection, app, artefact)
        change = under_way.change if under_way else _next_promotion(connection, app)
    return canonical({"promote": artefact, "app": app, "change": change, "person": person})


def serving_in_staging(root: FactoryRoot, settings: Settings, app: str) -> str:
    """The digest of the artefact that serves in staging. Raises InputError when nothing does."""
    stack = load_app(root, app).stack(Environment.STAGING)
    with db.transaction(db.connect(root, settings)) as connection:
        row = environments.read(connection, stack)
    if row is None or not isinstance(row.outputs, AppFactoryOutputs) or row.outputs.service is None:
        raise InputError(f"{stack} does not stand: there is nothing to promote", hint=f"millwright up {app} staging")
    return row.outputs.service.artefact


def promote(root: FactoryRoot, settings: Settings, app: str, *, person: str, signature: str) -> ChangeRecord:
    """Start the way of staging's artefact to production, where a person decides on it.

    Raises InputError (nothing serves in staging, unknown person, a signature that does not verify).
    """
    artefact = serving_in_staging(root, settings, app)
    who = load_people(root, settings).person(person)
    payload = promotion_payload(root, settings, app, person)
    if not signatures.verify(payload, signature, who.keys, namespace=signatures.SUBMIT):
        raise InputError(f"the signature is not one of {person}'s over this promotion", hint="sign it again")
    with db.transaction(db.connect(root, settings)) as connection:
        if under_way := _promotion_under_way(connection, app, artefact):
            return under_way
        change = _next_promotion(connection, app)
        record = ChangeRecord(
            id=f"{app}/{change}",
            app=app,
            change=change,
            title=f"what serves in staging ({artefact[:19]})",
            author=person,
            specification={"artefact": artefact},
            digest=artefact,
            stage=Stage.DEPLOY,
            state=ChangeState.SUBMITTED,
            detail="submitted",
            attempt=0,
            head=None,
            artefact=artefact,
            submitted=records.now(),
            updated=records.now(),
        )
        records.add_change(connection, record)
        told = events.new_event(
            "change.submitted", actor=person, app=app, change=change, artefact=artefact, signature=signature
        )
        events.append(connection, told)
    return record


def _open_id(connection: Connection, app: str, change: str) -> str | None:
    before = records.newest_change(connection, app, change)
    return None if before is None or before.ended else before.id


def _next_id(connection: Connection, app: str, change: str) -> str:
    number = sum(record.change == change for record in records.all_changes(connection, app)) + 1
    return f"{app}/{change}" + (f".{number}" if number > 1 else "")


def _promotion_under_way(connection: Connection, app: str, artefact: str) -> ChangeRecord | None:
    found = (r for r in records.all_changes(connection, app) if r.promotes and not r.ended and r.artefact == artefact)
    return next(found, None)


def _next_promotion(connection: Connection, app: str) -> str:
    names = {record.change for record in records.all_changes(connection, app)}
    return next(name for n in range(1, len(names) + 2) if (name := f"promotion-{n}") not in names)


def list_changes(root: FactoryRoot, settings: Settings, app: str | None) -> list[ChangeRecord]:
    """Every change that was submitted, oldest first; of one app, or of all."""
    if app is not None:
        load_app(root, app)
    with db.transaction(db.connect(root, settings)) as connection:
        return records.all_changes(connection, app)


def show_change(root: FactoryRoot, settings: Settings, app: str, change: str) -> ChangeView:
    """One change with all that belongs to it. Raises InputError for one that was never submitted."""
    database = db.connect(root, settings)
    record = _newest(root, database, app, change)
    worker = daemons.read(root, daemons.WORKER) is not None
    with db.transaction(database) as connection:
        asked = requests.of_change(connection, app, change)
        made = [decision for request in asked for decision in decisions_of(connection, request.id)]
        tasks = records.tasks_of(connection, app, change)
        return ChangeView(
            record=record,
            tasks=tasks,
            findings=findings.of_change(connection, app, change),
            requests=asked,
            decisions=made,
            releases=[release for release in releases.of_app(connection, app) if release.change == change],
            events=events.recent(connection, app=app, change=change, limit=200),
            waits_for=waits_for(record, asked, made, worker=worker),
        )


def waits_for(record: ChangeRecord, asked: list[Request], made: list[Decision], *, worker: bool) -> str:
    """What a change waits for, in one line; "" when it has ended."""
    if record.ended:
        return ""
    if opened := [request for request in asked if request.state is requests.RequestState.OPEN]:
        return "; ".join(_awaited(request, made) for request in opened)
    if not worker:
        return "the worker, which does not run: millwright factory up"
    return record.detail


def _awaited(request: Request, made: list[Decision]) -> str:
    whom = awaited(request, [decision for decision in made if decision.request == request.id])
    return f"{whom} to decide on {request.gate}: millwright review {request.id}"


def cancel(
    root: FactoryRoot, settings: Settings, app: str, change: str, *, person: str, reason: str, signature: str
) -> ChangeRecord:
    """End a change where it stands; what it has released stays. Raises InputError."""
    database = db.connect(root, settings)
    record = _newest(root, database, app, change)
    who = load_people(root, settings).person(person)
    if not signatures.verify(
        cancellation_payload(record, person, reason), signature, who.keys, namespace=signatures.SUBMIT
    ):
        raise InputError(f"the signature is not one of {person}'s over this cancellation", hint="sign it again")
    gate = load_app(root, app).role_at(Gate.ATTENTION)
    if person != record.author and not who.holds(gate, app):
        raise InputError(
            f"{person} is neither the author of {change} nor holds the role {gate}", hint="ask one of them"
        )
    if record.ended:
        raise InputError(f"{record.id} has ended: {record.state}", hint="submit it again to start anew")
    with db.transaction(database) as connection:
        if not records.cancel_change(connection, record.id, f"cancelled by {person}: {reason}"):
            raise InputError(f"{record.id} has just ended", hint=f"millwright change show {app} {change}")
        told = events.new_event(
            "change.cancelled", actor=person, app=app, change=change, reason=reason, signature=signature
        )
        events.append(connection, told)
    return _newest(root, database, app, change)


def cancellation_payload(record: ChangeRecord, person: str, reason: str) -> bytes:
    """What a person signs (namespace `factory.signatures.SUBMIT`) to cancel a change."""
    return canonical({"cancel": record.id, "submitted": record.submitted, "person": person, "reason": reason})


def _newest(root: FactoryRoot, database: Engine, app: str, change: str) -> ChangeRecord:
    load_app(root, app)
    with db.transaction(database) as connection:
        record = records.newest_change(connection, app, change)
        known = [each.change for each in records.all_changes(connection, app)]
    if record is None:
        guess = nearest(change, known)
        raise InputError(
            f"no change {change!r} of {app} was submitted; submitted: {', '.join(known) or 'none'}",
            hint=f"did you mean {guess!r}?" if guess else f"millwright change submit {app} {change}",
        )
    return record


def as_json(view: ChangeView) -> dict[str, Any]:
    """The view as one JSON document."""
    return {
        "change": view.record.model_dump(mode="json"),
        "waits_for": view.waits_for,
        "tasks": [each.model_dump(mode="json") for each in view.tasks],
        "findings": [each.model_dump(mode="json") for each in view.findings],
        "requests": [each.model_dump(mode="json") for each in view.requests],
        "decisions": [each.model_dump(mode="json") for each in view.decisions],
        "releases": [each.model_dump(mode="json") for each in view.releases],
        "events": [each.model_dump(mode="json") for each in view.events],
    }
