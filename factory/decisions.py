"""Decisions: a person's verdict on a request, signed over exactly what was shown, looked at again where it is used."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Engine, Integer, String, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError

from factory import db, events, requests, signatures
from factory.db import METADATA
from factory.errors import DecisionRequired, InputError
from factory.fingerprints import canonical, fingerprint
from factory.gates import Gate
from factory.people import People
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
    """What a person signs: who says what to which request, showing what."""
    return canonical(
        {
            "request": request.id,
            "gate": request.gate.value,
            "app": request.app,
            "environment": request.environment,
            "change": request.change,
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
    why = _standing(people, request, person) or _signed_by(people, person, signed, signature)
    if not why and verdict is Verdict.REFUSE and not reason.strip():
        why = "a refusal needs a reason: others act on it"
    if not why and request.state is not RequestState.OPEN:
        why = f"the request is {request.state}" + (f": {request.reason}" if request.reason else "")
    if not why:
        values = {"verdict": verdict.value, "person": person, "reason": reason}
        try:
            with db.transaction(database) as connection:
                if requests.close(connection, request_id, CLOSES[verdict]):
                    made = connection.execute(
                        insert(DECISIONS).values(
                            request=request_id,
                            payload=signed.decode(),
                            signature=signature,
                            decided=requests.now(),
                            **values,
                        )
                    )
                    events.append(
                        connection, _event("decision.made", request, person, fingerprint=request.fingerprint, **values)
                    )
                    if made.inserted_primary_key is not None and (found := decision_of(connection, request_id)):
                        return found
        except IntegrityError:
            pass
        why = "somebody else has decided it at this moment"
    raise _rejected(database, request, person, why)


def decision_of(connection: Connection, request_id: int) -> Decision | None:
    """The verdict on a request; None while it is open, or when it was withdrawn."""
    row = connection.execute(select(DECISIONS).where(DECISIONS.c.request == request_id)).mappings().first()
    return None if row is None else Decision.model_validate(dict(row))


def verified(database: Engine, people: People, request_id: int | None, *, gate: Gate, fingerprint: str) -> Decision:
    """The approval that allows what is about to be done. Called where it is done, not where it was decided.

    Holds only if: the request stands, is for this gate and showed exactly this fingerprint; it was approved; the
    signature is one of the person's present keys over the request as it stands; the person holds the role now and is
    no author. Raises DecisionRequired that says what does not hold; that is an event too.
    """
    with db.transaction(database) as connection:
        request = None if request_id is None else requests.read(connection, request_id)
        decision = None if request is None else decision_of(connection, request.id)
    if request is None:
        raise DecisionRequired("nobody has been asked: there is no request for it", hint="millwright inbox")
    person = decision.person if decision else ""
    why = _holds(people, request, decision, gate, fingerprint)
    if why or decision is None:
        raise _rejected(database, request, person, why or "nobody has decided")
    return decision


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
    elif request.fingerprint != wanted or fingerprint(request.shown) != request.fingerprint:
        why = f"it was decided on {request.fingerprint[:19]}, and this is {wanted[:19]}"
    else:
        why = _unsound(people, request, decision)
    return why


def _unsound(people: People, request: Request, decision: Decision) -> str:
    signed = payload(request, decision.verdict, decision.person, decision.reason)
    if signed.decode() != decision.payload:
        return "the request or the decision was changed after it was signed"
    person = decision.person
    return _standing(people, request, person) or _signed_by(people, person, signed, decision.signature)


def _standing(people: People, request: Request, person: str) -> str:
    known = people.find(person)
    if known is None:
        return f"nobody has the id {person!r}"
    if person in request.authors:
        return f"{person} is an author of it, and nobody decides on their own work"
    if not known.holds(request.role, request.app):
        return f"{person} does not hold the role {request.role} for {request.app}"
    return ""


def _signed_by(people: People, person: str, signed: bytes, signature: str) -> str:
    known = people.find(person)
    if known is None or not signatures.verify(signed, signature, known.keys):
        return f"the signature is not one of {person}'s keys over exactly this"
    return ""


def _rejected(database: Engine, request: Request, person: str, why: str) -> DecisionRefused:
    with db.transaction(database) as connection:
        events.append(connection, _event("decision.rejected", request, person or "unattested", reason=why))
    return DecisionRefused(
        f"request {request.id} ({request.gate} of {request.change or request.app}): {why}",
        hint=f"millwright review {request.id}",
    )


def _event(kind: str, request: Request, actor: str, **told: str) -> events.Event:
    return events.new_event(
        kind, actor=actor, app=request.app, change=request.change, request=request.id, gate=request.gate.value, **told
    )
