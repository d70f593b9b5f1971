"""Decisions: people's verdicts on a request, signed over exactly what was shown.

`factory.approvals` looks at them again where they are used.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Engine, Integer, String, Table, Text, UniqueConstraint, insert, select
from sqlalchemy.exc import IntegrityError

from factory import db, events, requests, signatures
from factory.db import METADATA
from factory.errors import DecisionRequired, InputError
from factory.fingerprints import canonical, fingerprint
from factory.gates import ALLOWED_ROLES
from factory.people import DEMO_PREFIX, People
from factory.requests import Request, RequestState

DECISIONS = Table(
    "factory_decision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("request", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("person", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("decided", String(32), nullable=False),
    UniqueConstraint("request", "person", name="factory_decision_once"),
)


class Verdict(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    REFUSE = "refuse"


CLOSES = {Verdict.APPROVE: RequestState.APPROVED, Verdict.REFUSE: RequestState.REFUSED}


class DecisionRefused(DecisionRequired):
    """Somebody tried to decide who may not, or not like this."""


class Decision(BaseModel):
    """One person's verdict. `payload` is the text that was signed, `signature` its armored SSHSIG."""

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
    """What a person signs: who says what to which request, put to how many of whom, showing what."""
    # What was signed before a request could ask for several approvals is signed over the same text still.
    several = {} if request.approvals == 1 else {"approvals": request.approvals}
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
            **several,
        }
    )


def decide(
    database: Engine, people: People, request_id: int, *, verdict: Verdict, person: str, reason: str, signature: str
) -> Decision:
    """Record a verdict; the last approval that is needed closes the request, and so does one refusal.

    A refusal to record is an event of its own. Raises DecisionRefused that says exactly why, InputError for a request
    that is not there.
    """
    with db.transaction(database) as connection:
        request = requests.read(connection, request_id)
        made = decisions_of(connection, request_id)
    if request is None:
        raise InputError(f"there is no request {request_id}", hint="millwright inbox shows the open ones")
    signed = payload(request, verdict, person, reason)
    unproven = signed_by(people, person, signed, signature)
    why = standing(people, request, person) or unproven or _undecidable(request, made, verdict, person, reason)
    if not why:
        draft = _Draft(verdict, person, reason, signed.decode(), signature)
        if recorded := _record(database, request, draft):
            return recorded
        with db.transaction(database) as connection:
            made = decisions_of(connection, request_id)
        why = _twice(made, person) or "it was decided or withdrawn by somebody else at this moment"
    # Whoever cannot prove to be that person has not acted as that person.
    raise rejected(database, request, "unattested" if unproven else person, person, why)


class _Draft(NamedTuple):
    """A verdict that may be recorded."""

    verdict: Verdict
    person: str
    reason: str
    payload: str
    signature: str


def _undecidable(request: Request, made: list[Decision], verdict: Verdict, person: str, reason: str) -> str:
    """Why nobody, or not this person any more, can decide this, like this; "" when it can be decided."""
    if request.state is not RequestState.OPEN:
        return f"it is not open any more: {request.state}" + (f", {request.reason}" if request.reason else "")
    if fingerprint(request.shown) != request.fingerprint:
        return "what it shows was changed after it was asked"
    if verdict is Verdict.REFUSE and not reason.strip():
        return "a refusal needs a reason: others act on it"
    return _twice(made, person)


def _twice(made: list[Decision], person: str) -> str:
    if all(each.person != person for each in made):
        return ""
    return f"{person} has decided on it already, and nobody does that twice"


def _record(database: Engine, request: Request, draft: _Draft) -> Decision | None:
    """The recorded decision; None when the request was closed meanwhile, or the person decides twice at once."""
    told = {"verdict": draft.verdict.value, "person": draft.person, "reason": draft.reason}
    try:
        with db.transaction(database) as connection:
            if not requests.hold(connection, request.id):
                return None
            row = {"request": request.id, **draft._asdict(), "decided": requests.now()}
            connection.execute(insert(DECISIONS).values(row | {"verdict": draft.verdict.value}))
            events.append(
                connection, _event("decision.made", request, draft.person, fingerprint=request.fingerprint, **told)
            )
            made = decisions_of(connection, request.id)
            if ending := verdict_of(request, made):
                people = [each.person for each in made if each.verdict is ending]
                requests.close(connection, request, CLOSES[ending], people)
            return made[-1]
    except IntegrityError:
        return None


def decisions_of(connection: Connection, request_id: int) -> list[Decision]:
    """The verdicts on a request, oldest first; none while nobody has decided."""
    query = select(DECISIONS).where(DECISIONS.c.request == request_id).order_by(DECISIONS.c.id)
    return [Decision.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def verdict_of(request: Request, made: list[Decision]) -> Verdict | None:
    """What these verdicts come to: one refusal refuses, so many approvals as are needed approve; None until then."""
    if any(each.verdict is Verdict.REFUSE for each in made):
        return Verdict.REFUSE
    return Verdict.APPROVE if len({each.person for each in made}) >= request.approvals else None


def approvers(connection: Connection, request_id: int | None) -> list[str]:
    """Who approved a request, oldest first; nobody where none was asked."""
    made = [] if request_id is None else decisions_of(connection, request_id)
    return [each.person for each in made if each.verdict is Verdict.APPROVE]


def awaited(request: Request, made: list[Decision]) -> str:
    """Who has to approve it still, in words: `a person (operator)`, or how many more."""
    if request.approvals == 1:
        return f"a person ({request.role})"
    if not made:
        return f"{request.approvals} people ({request.role})"
    return f"{request.approvals - len(made)} more ({request.role}; {so_far(request, made)})"


def so_far(request: Request, made: list[Decision]) -> str:
    """`1 of 2 approved by ada`."""
    people = dict.fromkeys(each.person for each in made)
    return f"{len(people)} of {request.approvals} approved by {', '.join(people)}"


def standing(people: People, request: Request, person: str) -> str:
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


def signed_by(people: People, person: str, signed: bytes, signature: str) -> str:
    """Why this is not the person's signature; "" when it is."""
    known = people.find(person)
    if known is None or not signatures.verify(signed, signature, known.keys):
        return f"the signature is not one of {person}'s keys over exactly this"
    return ""


def rejected(database: Engine, request: Request, actor: str, person: str, why: str) -> DecisionRefused:
    """The error that says why a decision is not taken, or does not hold; that is an event too."""
    with db.transaction(database) as connection:
        events.append(connection, _event("decision.rejected", request, actor, person=person, reason=why))
    return DecisionRefused(
        f"request {request.id} ({request.gate} of {request.change or request.app}): {why}",
        hint=f"millwright review {request.id}",
    )


def _event(kind: str, request: Request, actor: str, **told: Any) -> events.Event:
    return events.new_event(
        kind, actor=actor, app=request.app, change=request.change, request=request.id, gate=request.gate.value, **told
    )
