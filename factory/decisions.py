"""Decisions: a person's verdict on a request, signed over exactly what was shown, looked at again where it is used."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Engine, Integer, String, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError

from factory import db, events, requests, signatures
from factory.db import METADATA
from factory.errors import DecisionRequired, InputError
from factory.fingerprints import canonical, fingerprint
from factory.gates import ALLOWED_ROLES, Gate, Role
from factory.people import DEMO_PREFIX, People
from factory.requests import Request, RequestState

DECISIONS = Table(
    "factory_decision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("request", Integer, nullable=False, unique=True),
    Column("verdict", String(16), nullable=False),
    Column("person", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("decided", String(32), nullable=False),
)


class Verdict(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    REFUSE = "refuse"


CLOSES = {Verdict.APPROVE: RequestState.APPROVED, Verdict.REFUSE: RequestState.REFUSED}


class DecisionRefused(DecisionRequired):
    """Somebody tried to decide who may not, or not like this."""


class Decision(BaseModel):
    """One verdict. `payload` is the text that was signed, `signature` its armored SSHSIG."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    request: int
    verdict: Verdict
    person: str
    reason: str
    payload: str
    signature: str
    decided: str


def payload(request: Request, verdict: Verdict, person: str, reason: str) -> bytes:
    """What a person signs: who says what to which request, put to whom, showing what."""
    return canonical(
        {
            "request": request.id,
            "gate": request.gate.value,
            "app": request.app,
            "environment": request.environment,
            "change": request.change,
            "title": request.title,
            "role": request.role.value,
            "authors": request.authors,
            "fingerprint": request.fingerprint,
            "nonce": request.nonce,
            "verdict": Verdict(verdict).value,
            "person": person,
            "reason": reason,
        }
    )


def decide(
    database: Engine, people: People, request_id: int, *, verdict: Verdict, person: str, reason: str, signature: str
) -> Decision:
    """Record a verdict, and close the request. A refusal to record is an event of its own.

    Raises DecisionRefused that says exactly why, InputError for a request that is not there.
    """
    with db.transaction(database) as connection:
        request = requests.read(connection, request_id)
    if request is None:
        raise InputError(f"there is no request {request_id}", hint="millwright inbox shows the open ones")
    signed = payload(request, verdict, person, reason)
    unproven = _signed_by(people, person, signed, signature)
    why = _standing(people, request, person) or unproven or _undecidable(request, verdict, reason)
    if not why:
        draft = _Draft(verdict, person, reason, signed.decode(), signature)
        if made := _record(database, request, draft):
            return made
        why = "it was decided or withdrawn by somebody else at this moment"
    # Whoever cannot prove to be that person has not acted as that person.
    raise _rejected(database, request, "unattested" if unproven else person, person, why)


class _Draft(NamedTuple):
    """A verdict that may be recorded."""

    verdict: Verdict
    person: str
    reason: str
    payload: str
    signature: str


def _undecidable(request: Request, verdict: Verdict, reason: str) -> str:
    """Why nobody can decide this, like this; "" when somebody can."""
    if request.state is not RequestState.OPEN:
        return f"it is not open any more: {request.state}" + (f", {request.reason}" if request.reason else "")
    if fingerprint(request.shown) != request.fingerprint:
        return "what it shows was changed after it was asked"
    if verdict is Verdict.REFUSE and not reason.strip():
        return "a refusal needs a reason: others act on it"
    return ""


def _record(database: Engine, request: Request, draft: _Draft) -> Decision | None:
    """The recorded decision; None when the request was closed meanwhile."""
    told = {"verdict": draft.verdict.value, "person": draft.person, "reason": draft.reason}
    try:
        with db.transaction(database) as connection:
            if not requests.close(connection, request.id, CLOSES[draft.verdict]):
                return None
            row = {"request": request.id, **draft._asdict(), "decided": requests.now()}
            connection.execute(insert(DECISIONS).values(row | {"verdict": draft.verdict.value}))
            events.append(
                connection, _event("decision.made", request, draft.person, fingerprint=request.fingerprint, **told)
            )
            return decision_of(connection, request.id)
    except IntegrityError:
        return None


def decision_of(connection: Connection, request_id: int) -> Decision | None:
    """The verdict on a request; None while it is open, or when it was withdrawn."""
    row = connection.execute(select(DECISIONS).where(DECISIONS.c.request == request_id)).mappings().first()
    return None if row is None else Decision.model_validate(dict(row))


def verified(
    database: Engine, people: People, request_id: int | None, *, gate: Gate, fingerprint: str, role: Role | None = None
) -> Decision:
    """The approval that allows what is about to be done. Called where it is done, not where it was decided.

    Holds only if: the request stands, is for this gate and showed exactly this fingerprint; it was approved; the
    signature is one of the person's present keys over the request as it stands; the person holds the role now and is
    no author. `role` is the one that app.yaml names for the gate now: what was asked of another does not hold.
    Raises DecisionRequired that says what does not hold; that is an event too.
    """
    with db.transaction(database) as connection:
        request = None if request_id is None else requests.read(connection, request_id)
        decision = None if request is None else decision_of(connection, request.id)
    if request is None:
        raise DecisionRequired("nobody has been asked: there is no request for it", hint="millwright inbox")
    why = _asked_of_another(request, role) or _holds(people, request, decision, gate, fingerprint)
    if why or decision is None:
        raise _rejected(database, request, "factory", decision.person if decision else "", why)
    return decision


def _asked_of_another(request: Request, role: Role | None) -> str:
    if role is None or request.role is role:
        return ""
    return f"it was asked of the role {request.role}, and app.yaml names {role} for the gate {request.gate} now"


def _holds(people: People, request: Request, decision: Decision | None, gate: Gate, wanted: str) -> str:
    """Why a decision does not allow something; "" when it does."""
    why = ""
    if request.gate is not gate:
        why = f"it was decided at the gate {request.gate}, not {gate}"
    elif request.state is RequestState.WITHDRAWN:
        why = f"the request was withdrawn: {request.reason}"
    elif decision is None:
        why = "nobody has decided yet"
    elif decision.verdict is not Verdict.APPROVE:
        why = f"{decision.person} refused it: {decision.reason}"
    elif request.fingerprint != wanted:
        why = f"it was decided on {request.fingerprint[:19]}, and this is {wanted[:19]}"
    elif fingerprint(request.shown) != request.fingerprint:
        why = "what it showed was changed after it was asked"
    else:
        why = _unsound(people, request, decision)
    return why


def _unsound(people: People, request: Request, decision: Decision) -> str:
    person = decision.person
    signed = payload(request, decision.verdict, person, decision.reason)
    if signed.decode() != decision.payload or request.state is not CLOSES[decision.verdict]:
        return "the request or the decision was changed after it was signed"
    return _standing(people, request, person) or _signed_by(people, person, signed, decision.signature)


def _standing(people: People, request: Request, person: str) -> str:
    """Why this person may not decide the request; "" when the person may."""
    why = ""
    known = people.find(person)
    if known is None and person.startswith(DEMO_PREFIX):
        why = f"{person} is no demo person here: stand-ins decide only where every target is local"
    elif known is None:
        why = f"nobody has the id {person!r}"
    elif person in request.authors:
        why = f"{person} is an author of it, and nobody decides on their own work"
    elif request.role not in ALLOWED_ROLES[request.gate]:
        why = f"the role {request.role} never decides at the gate {request.gate}"
    elif not known.holds(request.role, request.app):
        why = f"{person} does not hold the role {request.role} for {request.app}"
    return why


def _signed_by(people: People, person: str, signed: bytes, signature: str) -> str:
    known = people.find(person)
    if known is None or not signatures.verify(signed, signature, known.keys):
        return f"the signature is not one of {person}'s keys over exactly this"
    return ""


def _rejected(database: Engine, request: Request, actor: str, person: str, why: str) -> DecisionRefused:
    with db.transaction(database) as connection:
        events.append(connection, _event("decision.rejected", request, actor, person=person, reason=why))
    return DecisionRefused(
        f"request {request.id} ({request.gate} of {request.change or request.app}): {why}",
        hint=f"millwright review {request.id}",
    )


def _event(kind: str, request: Request, actor: str, **told: str) -> events.Event:
    return events.new_event(
        kind, actor=actor, app=request.app, change=request.change, request=request.id, gate=request.gate.value, **told
    )
