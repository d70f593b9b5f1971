"""Destroying production: asked by a person who proves it, decided by another, for exactly what stands.

And the platform: after everything else.
"""

from sqlalchemy import Engine

from factory import approvals, db, environments, events, requests, signatures
from factory.cloud_clients import client
from factory.environments import EnvironmentRecord
from factory.errors import CloudUnavailable, DecisionRequired, InputError
from factory.fingerprints import canonical, fingerprint
from factory.gates import DEFAULT_ROLES, MOST_APPROVALS, Deciders, Gate
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import Question, Request
from factory.settings import Settings
from stacks.places import Place, refuse
from stacks.shared_platform import PLATFORM


def asked(place: Place) -> Request | None:
    """The request to destroy what stands now, of those who decide that now; None when nobody has asked.

    One that asked for more approvals than app.yaml does now is as good. Raises InputError when it does not stand.
    """
    row, (role, needed) = _standing(place), place.spec.deciders_at(Gate.DESTROY)
    keys = [_key(place, row, Deciders(role, number)) for number in range(needed, MOST_APPROVALS + 1)]
    with db.transaction(place.database) as connection:
        found = (requests.find(connection, key) for key in keys)
        return next((request for request in found if request), None)


def payload(place: Place, person: str) -> bytes:
    """What a person signs (namespace `factory.signatures.SUBMIT`) to ask for it. Raises InputError as above."""
    return canonical({"destroy": place.stack, "updated": _standing(place).updated, "person": person})


def ask(place: Place, person: str, signature: str) -> Request:
    """Open the question, once. Who asks is its author, and does not decide it.

    Raises InputError (nothing stands, a stranger, a signature that does not verify).
    """
    who = load_people(place.root, place.settings).person(person)
    if not signatures.verify(payload(place, person), signature, who.keys, namespace=signatures.SUBMIT):
        raise InputError(f"the signature is not one of {person}'s over this question", hint="sign it again")
    question = _question(place, [person])
    told = {"stack": place.stack, "signature": signature}
    with db.transaction(place.database) as connection:
        if known := requests.find(connection, question.key):
            return known
        event = events.new_event(
            "destroy.asked", actor=person, app=place.spec.name, environment=place.environment.value, **told
        )
        events.append(connection, event)
        return requests.open_request(connection, question, actor=person)


def require_destroy(place: Place) -> None:
    """Raises DecisionRequired unless a person has approved the destruction of exactly what stands now."""
    request = asked(place)
    if request is None:
        refuse(place, "it is destroyed only by a person's recorded decision, and nobody was asked")
    try:
        people = load_people(place.root, place.settings)
        shown, deciders = _question(place, request.authors).shown, place.spec.deciders_at(Gate.DESTROY)
        approvals.verified(
            place.database, people, request.id, gate=Gate.DESTROY, fingerprint=fingerprint(shown), deciders=deciders
        )
    except DecisionRequired as refusal:
        refuse(place, str(refusal))


def require_last(database: Engine) -> None:
    """The platform is destroyed after everything else: without it nothing records what happens to the apps.

    Raises InputError that names what still stands.
    """
    with db.transaction(database) as connection:
        standing = [row.stack for row in environments.read_all(connection) if row.stack != PLATFORM]
    if standing:
        raise InputError(
            f"{PLATFORM} is destroyed last, and still there: {', '.join(standing)}",
            hint="millwright destroy APP ENV, for each; then destroy it",
        )


def require_destroyable(root: FactoryRoot, settings: Settings, database: Engine) -> None:
    """What must hold before the platform is destroyed: it is the last one, and its audit store is empty.

    A bucket with records cannot be removed, and half of it gone would be a platform that records nothing. Raises
    InputError, and CloudUnavailable when nobody can say.
    """
    require_last(database)
    with db.transaction(database) as connection:
        platform = environments.platform(connection)
    if platform is None:
        return
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    store = platform.audit.store
    try:
        found = client(root, settings, "s3", platform.region).list_object_versions(Bucket=store, MaxKeys=1)
    except ClientError as error:
        # It is gone, or another cloud's: the engine finds nothing to keep there either.
        if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
            return
        raise CloudUnavailable(f"the cloud does not say whether {store} holds records: {error}") from None
    except BotoCoreError as error:
        raise CloudUnavailable(f"the cloud does not say whether {store} holds records: {error}") from None
    if found.get("Versions"):
        stays = "millwright demo --clean" if settings.aws == "local" else "leave it, or close the account"
        raise InputError(
            f"{PLATFORM} stays: {store} holds audit records, and nobody removes those for a year",
            hint=f"{stays}; docs/explanation/audit.md",
        )


def _standing(place: Place) -> EnvironmentRecord:
    with db.transaction(place.database) as connection:
        row = environments.read(connection, place.stack)
    if row is None:
        raise InputError(
            f"{place.stack} does not stand: there is nothing to destroy",
            hint=f"millwright promote {place.spec.name} proposes it",
        )
    return row


def _key(place: Place, row: EnvironmentRecord, deciders: Deciders) -> str:
    # Any later update makes it another question, so one decision destroys once. So does a gate that was tightened:
    # it must be possible to ask anew.
    whom = "" if deciders == (DEFAULT_ROLES[Gate.DESTROY], 1) else f":{deciders.approvals} {deciders.role}"
    return f"{place.stack}:destroy:{row.updated}{whom}"


def _question(place: Place, authors: list[str]) -> Question:
    row, deciders = _standing(place), place.spec.deciders_at(Gate.DESTROY)
    content = {
        "app": place.spec.name,
        "environment": place.environment.value,
        "stack": place.stack,
        "updated": row.updated,
        "stands": row.outputs.model_dump(mode="json") if row.outputs else None,
    }
    return Question(
        key=_key(place, row, deciders),
        gate=Gate.DESTROY,
        app=place.spec.name,
        environment=place.environment.value,
        title=f"destroy {place.stack}, with everything in it",
        role=deciders.role,
        approvals=deciders.approvals,
        authors=authors,
        shown=content,
    )
