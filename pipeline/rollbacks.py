"""What the console asks of the pipeline to go back to an earlier release: a signed record, for the worker."""

from collections.abc import Iterator

from sqlalchemy import Connection

from factory import db, events, signatures
from factory.errors import InputError
from factory.fingerprints import canonical, fingerprint
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.releases import Release
from factory.settings import Settings
from pipeline import records
from pipeline.records import ChangeRecord, ChangeState, Stage
from stacks import rollback
from stacks.names import declared
from stacks.places import Place, place_of
from stacks.rollback import Choice


def under_way(root: FactoryRoot, settings: Settings, app: str, environment: str, to: int | None) -> ChangeRecord | None:
    """The rollback of an environment that has not ended: asked again, it is the same one. None when there is none.

    Raises InputError when it leads to another release than `to`: one ends before the next is asked for.
    """
    declared(root, app, environment)
    with db.transaction(db.connect(root, settings)) as connection:
        record = next(_under_way(connection, app, environment), None)
    if record is not None and to not in (None, record.specification["rollback"]["release"]):
        raise InputError(
            f"{record.id} is under way already: {record.title}",
            hint=f"millwright change show {app} {record.change}; `change cancel` ends it",
        )
    return record


def choose(root: FactoryRoot, settings: Settings, app: str, environment: str, to: int | None) -> Choice:
    """The release to go back to; see `stacks.rollback.choose`. Raises InputError."""
    return rollback.choose(_place(root, settings, app, environment), to)


def payload(root: FactoryRoot, settings: Settings, app: str, environment: str, to: int, person: str) -> bytes:
    """What a person signs (namespace `factory.signatures.SUBMIT`) to ask for a rollback: this once."""
    with db.transaction(db.connect(root, settings)) as connection:
        change = _next_name(connection, app)
    return canonical({"rollback": change, "app": app, "environment": environment, "release": to, "person": person})


def ask(
    root: FactoryRoot, settings: Settings, app: str, environment: str, to: int, *, person: str, signature: str
) -> ChangeRecord:
    """Start the way of an environment back to release `to`: staging at once, production when a person decided on it.

    Raises InputError: nothing to go back to, another rollback under way, a stranger, a signature that does not verify.
    """
    if before := under_way(root, settings, app, environment, to):
        return before
    place = _place(root, settings, app, environment)
    choice = rollback.choose(place, to)
    if choice.release is None:
        raise InputError(choice.said)
    who = load_people(root, settings).person(person)
    signed = payload(root, settings, app, environment, to, person)
    if not signatures.verify(signed, signature, who.keys, namespace=signatures.SUBMIT):
        raise InputError(f"the signature is not one of {person}'s over this rollback", hint="sign it again")
    with db.transaction(place.database) as connection:
        if known := next(_under_way(connection, app, environment), None):
            return known
        record = _record(_next_name(connection, app), place, choice.release, person)
        records.add_change(connection, record)
        told = events.new_event(
            "change.submitted",
            actor=person,
            app=app,
            change=record.change,
            environment=environment,
            release=to,
            signature=signature,
        )
        events.append(connection, told)
    return record


def _place(root: FactoryRoot, settings: Settings, app: str, environment: str) -> Place:
    spec, which = declared(root, app, environment)
    place = place_of(root, settings, db.connect(root, settings), spec, which)
    if place is None:
        raise InputError(f"{app} has no releases", hint="name an app: millwright app list")
    return place


def _record(change: str, place: Place, release: Release, person: str) -> ChangeRecord:
    way = {"environment": place.environment.value, "release": release.id, "artefact": release.artefact}
    return ChangeRecord(
        id=f"{release.app}/{change}",
        app=release.app,
        change=change,
        title=f"{place.environment} back to release {release.id} ({release.artefact[: rollback.DIGEST]})",
        author=person,
        specification={"rollback": way},
        digest=fingerprint({**way, "spec": release.spec_digest}),
        stage=Stage.DEPLOY,
        state=ChangeState.SUBMITTED,
        detail="submitted",
        attempt=0,
        head=None,
        artefact=release.artefact,
        submitted=records.now(),
        updated=records.now(),
    )


def _under_way(connection: Connection, app: str, environment: str) -> Iterator[ChangeRecord]:
    for record in records.all_changes(connection, app):
        if record.rolls_back and not record.ended and record.specification["rollback"]["environment"] == environment:
            yield record


def _next_name(connection: Connection, app: str) -> str:
    names = {record.change for record in records.all_changes(connection, app)}
    return next(name for n in range(1, len(names) + 2) if (name := f"rollback-{n}") not in names)
