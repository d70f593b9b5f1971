"""Data that an update would lose: staging and production lose it by an architect's decision only, and once.

Build is left out: what it holds is disposable, and its databases are not protected either.
"""

import itertools
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from factory import approvals, db, decisions, environments, events, requests
from factory.decisions import awaited
from factory.errors import DecisionRequired, LossUndecided
from factory.fingerprints import fingerprint
from factory.gates import Deciders, Gate
from factory.people import load_people
from factory.requests import Question, Request, RequestState
from factory.spec import Environment
from stacks.driver.model import Step
from stacks.driver.stateful import at_risk, effect_of
from stacks.places import Place

GUARDED = (Environment.STAGING, Environment.PRODUCTION)
ANOTHER = "what the update would lose is another now"
NOTHING = "the update would lose nothing any more"
# As many letters of a digest as tell one question of a stack from the next; a key has 128 letters at most.
DIGEST = slice(len("sha256:"), len("sha256:") + 32)


def require_decided(place: Place, spec: str, steps: Iterable[Step]) -> None:
    """Let an update of `steps` pass only if it loses nothing, or exactly what was approved since the last update.

    `spec` is the digest of the spec that the program declares. Otherwise the question is opened, once; an open one
    about something else is withdrawn. Raises LossUndecided that names the request.
    """
    if place.environment not in GUARDED:
        return
    lost = at_risk(steps)
    question = _question(place, spec, lost) if lost else None
    _withdraw_others(place, question)
    if question:
        _require_approved(place, question, lost)


def _require_approved(place: Place, question: Question, lost: tuple[Step, ...]) -> None:
    deciders = Deciders(question.role, question.approvals)
    for number in itertools.count():
        # Asked anew after it was withdrawn, or when what was approved does not hold any more.
        request = _opened(place, replace(question, key=f"{question.key}~{number}") if number else question)
        if request.state is RequestState.WITHDRAWN or _outdated(place, request, deciders):
            continue
        if request.state is RequestState.OPEN:
            raise _undecided(place, request, lost, f"request {request.id}, it waits for {_awaited(place, request)}")
        try:
            people, shown = load_people(place.root, place.settings), fingerprint(question.shown)
            approval = approvals.verified(
                place.database, people, request.id, gate=Gate.ARCHITECTURE, fingerprint=shown, deciders=deciders
            )
        except DecisionRequired as refusal:
            if request.state is RequestState.REFUSED:
                raise _undecided(place, request, lost, str(refusal)) from None
            continue
        _tell(place, approval, lost)
        return


def _question(place: Place, spec: str, lost: tuple[Step, ...]) -> Question:
    with db.transaction(place.database) as connection:
        row = environments.read(connection, place.stack)
    deciders = place.spec.deciders_at(Gate.ARCHITECTURE)
    shown = {
        "app": place.spec.name,
        "environment": place.environment.value,
        "stack": place.stack,
        "spec": spec,
        # Any later update makes it another question, so one decision loses something once.
        "updated": row.updated if row else None,
        # Not the engine's own word: it is another one when a kill left a replacement half done.
        "would be lost": sorted([step.urn, str(effect_of(step.action))] for step in lost),
    }
    return Question(
        key=f"{_prefix(place)}{fingerprint(shown)[DIGEST]}",
        gate=Gate.ARCHITECTURE,
        app=place.spec.name,
        environment=place.environment.value,
        title=f"an update of {place.stack} that loses the data of {len(lost)} resource(s)",
        role=deciders.role,
        approvals=deciders.approvals,
        # Whoever edited app.yaml or infra.py did not prove who they are.
        authors=[],
        shown=shown,
    )


def _prefix(place: Place) -> str:
    return f"{place.stack}:architecture:"


def _opened(place: Place, question: Question) -> Request:
    with db.transaction(place.database) as connection:
        return requests.open_request(connection, question)


def _withdraw_others(place: Place, question: Question | None) -> None:
    with db.transaction(place.database) as connection:
        for request in _waiting(connection, place):
            if question is None:
                requests.withdraw(connection, request, NOTHING)
            elif not request.key.startswith(question.key):
                requests.withdraw(connection, request, ANOTHER)


def _waiting(connection: Connection, place: Place) -> list[Request]:
    found = requests.open_requests(connection, app=place.spec.name)
    return [request for request in found if request.key.startswith(_prefix(place))]


def _outdated(place: Place, request: Request, deciders: Deciders) -> bool:
    """Whether it waits for others than those that app.yaml names now; then it is withdrawn."""
    if request.state is not RequestState.OPEN or (request.role, request.approvals) == deciders:
        return False
    with db.transaction(place.database) as connection:
        requests.withdraw(connection, request, "app.yaml names others for the gate now")
    return True


def _awaited(place: Place, request: Request) -> str:
    with db.transaction(place.database) as connection:
        return awaited(request, decisions.decisions_of(connection, request.id))


def _undecided(place: Place, request: Request, lost: tuple[Step, ...], why: str) -> LossUndecided:
    named = "\n".join(f"  {effect_of(step.action)} {step.type} {step.name}" for step in lost)
    return LossUndecided(
        f"{place.stack}: the update would lose data, which an architect decides: {why}\n{named}",
        hint=f"millwright review {request.id}; once it is approved, run this again; or keep what would be lost",
    )


def _tell(place: Place, approval: approvals.Approval, lost: tuple[Step, ...]) -> None:
    """Written down before anything is lost."""
    event = events.new_event(
        "data_loss.allowed",
        actor="factory",
        app=place.spec.name,
        environment=place.environment.value,
        request=approval.request,
        approved_by=approval.people,
        lost=[step.urn for step in lost],
    )
    with db.transaction(place.database) as connection:
        events.append(connection, event)
