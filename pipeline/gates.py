"""Gates: a question is asked once, waited for, and its decision is verified where it is used."""

import time
from collections.abc import Callable, Collection
from typing import Any

from factory import db, decisions, requests
from factory.decisions import Decision, Verdict, awaited, verdict_of
from factory.errors import DecisionRequired
from factory.gates import Gate
from factory.requests import Question, Request, RequestState
from pipeline import records
from pipeline.approvals import approved
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord, ChangeState

# A person's answer took minutes; each look asks the database and git.
POLL_SECONDS = 0.5
GONE_ON = "what was shown is no longer what would be done"


class Cancelled(Exception):
    """The change was cancelled while it waited or worked."""


def ask(
    context: Context,
    record: ChangeRecord,
    gate: Gate,
    key: str,
    title: str,
    shown: dict[str, Any],
    authors: Collection[str] = (),
) -> Request:
    """Open the request, once; the change shows that it waits. `authors`: whose work it is beside the change's own."""
    deciders = context.spec(record.app).deciders_at(gate)
    question = Question(
        key=f"{record.id}:{key}",
        gate=gate,
        app=record.app,
        change=record.change,
        environment=shown.get("environment"),
        title=title,
        role=deciders.role,
        approvals=deciders.approvals,
        authors=sorted({record.author, *authors}),
        shown=shown,
    )
    with db.transaction(context.database) as connection:
        request = requests.open_request(connection, question)
        if request.state is RequestState.OPEN:
            made = decisions.decisions_of(connection, request.id)
            records.set_change(connection, record.id, state=ChangeState.WAITING, detail=_waiting(request, made))
    return request


def wait(context: Context, identifier: str, request_id: int, moved: Callable[[], bool] = lambda: False) -> Json:
    """Wait until it is decided, or what was shown has `moved`; then the request is withdrawn.

    The answer: `{"verdict": "approve" | "refuse" | "withdrawn", "person", "reason"}`; several people who approved stand
    in one line. Raises Cancelled.
    """
    while True:
        change = context.change(identifier)
        if change.state is ChangeState.CANCELLING:
            _withdraw(context, _request(context, request_id), "the change was cancelled")
            raise Cancelled(change.detail)
        if answer := _answer(context, identifier, request_id):
            return answer
        if moved():
            _withdraw(context, _request(context, request_id), GONE_ON)
            continue
        time.sleep(POLL_SECONDS)


def wait_in_any_case(context: Context, identifier: str, request_id: int) -> Json:
    """Wait until a person has decided, also when the change was cancelled: what is asked is owed. Answers as `wait`."""
    while not (answer := _answer(context, identifier, request_id)):
        time.sleep(POLL_SECONDS)
    return answer


def _answer(context: Context, identifier: str, request_id: int) -> Json | None:
    """What was said to a request; None while more has to be said."""
    request = _request(context, request_id)
    with db.transaction(context.database) as connection:
        made = decisions.decisions_of(connection, request_id)
    if request.state is RequestState.WITHDRAWN:
        return {"verdict": "withdrawn", "person": "", "reason": request.reason}
    if request.state is RequestState.OPEN and verdict_of(request, made) is None:
        if made:
            _say_who_is_awaited(context, identifier, _waiting(request, made))
        return None
    answer = _answered(context, request, made)
    with db.transaction(context.database) as connection:
        records.set_change(connection, identifier, state=ChangeState.RUNNING, detail=f"{request.gate} decided")
    return answer


def _waiting(request: Request, made: list[Decision]) -> str:
    return f"waits for {awaited(request, made)} at the gate {request.gate}: millwright review {request.id}"


def _say_who_is_awaited(context: Context, identifier: str, detail: str) -> None:
    record = context.change(identifier)
    if record.state is ChangeState.WAITING and record.detail != detail:
        context.set(record, detail=detail)


def _request(context: Context, request_id: int) -> Request:
    with db.transaction(context.database) as connection:
        request = requests.read(connection, request_id)
    if request is None:
        raise LookupError(f"the request {request_id} has no row any more")
    return request


def _answered(context: Context, request: Request, made: list[Decision]) -> Json:
    """What verdicts come to now: an approval that does not hold any more (a role was lost) allows nothing."""
    verdict = verdict_of(request, made)
    said = [each for each in made if each.verdict is verdict]
    answer = {"person": ", ".join(each.person for each in said)}
    if verdict is not Verdict.REFUSE:
        try:
            approved(context, request.app, request.id, request.gate, request.shown)
        except DecisionRequired as error:
            return {"verdict": "withdrawn", **answer, "reason": str(error)}
    return {
        "verdict": (verdict or Verdict.APPROVE).value,
        **answer,
        "reason": "\n".join(each.reason for each in said if each.reason),
    }


def _withdraw(context: Context, request: Request, reason: str) -> None:
    with db.transaction(context.database) as connection:
        requests.withdraw(connection, request, reason)


def check_cancelled(context: Context, identifier: str) -> None:
    """Raises Cancelled when a person has cancelled the change."""
    record = context.change(identifier)
    if record.state is ChangeState.CANCELLING:
        raise Cancelled(record.detail)
