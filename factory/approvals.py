"""Approvals: what decisions are worth where they are used. Of people as they are now."""

from typing import NamedTuple

from sqlalchemy import Engine

from factory import db, requests
from factory.decisions import (
    Decision,
    Verdict,
    decisions_of,
    payload,
    rejected,
    signed_by,
    so_far,
    standing,
    verdict_of,
)
from factory.errors import DecisionRequired
from factory.fingerprints import fingerprint
from factory.gates import Deciders, Gate
from factory.people import People
from factory.requests import Request, RequestState

CHANGED = "the request or the decision was changed after it was signed"


class Approval(NamedTuple):
    """What allows something: a request, and the approvals of it, oldest first."""

    request: int
    made: list[Decision]

    @property
    def people(self) -> list[str]:
        """Who approved."""
        return [each.person for each in self.made]


def verified(
    database: Engine, people: People, request_id: int | None, *, gate: Gate, fingerprint: str, deciders: Deciders
) -> Approval:
    """The approval that allows what is about to be done. Called where it is done, not where it was decided.

    Holds only if: the request stands, is for this gate and showed exactly this fingerprint; as many different people
    approved it as it asked for, and nobody refused; each signature is one of that person's present keys over the
    request as it stands; each person holds the role now and is no author. `deciders` are those that app.yaml names for
    the gate now: what was asked of another role, or of fewer people, does not hold.
    Raises DecisionRequired that says what does not hold; that is an event too.
    """
    with db.transaction(database) as connection:
        request = None if request_id is None else requests.read(connection, request_id)
        made = [] if request is None else decisions_of(connection, request.id)
    if request is None:
        raise DecisionRequired("nobody has been asked: there is no request for it", hint="millwright inbox")
    approval = Approval(request.id, made)
    if why := _holds(people, request, made, gate, fingerprint) or _asked_of_others(request, deciders):
        raise rejected(database, request, "factory", ", ".join(approval.people), why)
    return approval


def _asked_of_others(request: Request, deciders: Deciders) -> str:
    """How app.yaml was tightened since it was asked; "" when it was not."""
    if request.role is not deciders.role:
        asked, needed = f"was asked of the role {request.role}", f"names {deciders.role}"
    elif request.approvals < deciders.approvals:
        asked, needed = f"was asked with {request.approvals} approval(s) needed", f"asks for {deciders.approvals}"
    else:
        return ""
    return f"it {asked}, and app.yaml {needed} for the gate {request.gate} now"


def _holds(people: People, request: Request, made: list[Decision], gate: Gate, wanted: str) -> str:
    """Why the verdicts on a request do not allow something; "" when they do."""
    refused = next((each for each in made if each.verdict is not Verdict.APPROVE), None)
    why = ""
    if request.gate is not gate:
        why = f"it was decided at the gate {request.gate}, not {gate}"
    elif request.state is RequestState.WITHDRAWN:
        why = f"the request was withdrawn: {request.reason}"
    elif not made:
        why = "nobody has decided yet"
    elif refused:
        why = f"{refused.person} refused it: {refused.reason}"
    elif request.fingerprint != wanted:
        why = f"it was decided on {request.fingerprint[:19]}, and this is {wanted[:19]}"
    elif fingerprint(request.shown) != request.fingerprint:
        why = "what it showed was changed after it was asked"
    else:
        unsound = (why for each in made if (why := _unsound(people, request, each)))
        why = next(unsound, "") or _too_few(request, made)
    return why


def _too_few(request: Request, made: list[Decision]) -> str:
    if verdict_of(request, made) is None:
        return f"it takes {request.approvals} approvals: {so_far(request, made)}"
    return "" if request.state is RequestState.APPROVED else CHANGED


def _unsound(people: People, request: Request, decision: Decision) -> str:
    person = decision.person
    signed = payload(request, decision.verdict, person, decision.reason)
    if signed.decode() != decision.payload:
        return CHANGED
    return standing(people, request, person) or signed_by(people, person, signed, decision.signature)
