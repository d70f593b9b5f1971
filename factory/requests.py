"""Requests for a decision: what a gate shows, to whom, bound to a fingerprint. The open ones are the inbox."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Column, Connection, Integer, String, Table, Text, insert, select, update

from factory import events
from factory.db import METADATA
from factory.events import Event
from factory.fingerprints import fingerprint
from factory.gates import Gate, Role

REQUESTS = Table(
    "factory_request",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False, unique=True),
    Column("gate", String(24), nullable=False),
    Column("app", String(64), nullable=False, index=True),
    Column("environment", String(16)),
    Column("change", String(64)),
    Column("title", Text, nullable=False),
    Column("role", String(24), nullable=False),
    Column("authors", JSON, nullable=False),
    Column("shown", JSON, nullable=False),
    Column("fingerprint", String(80), nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened", String(32), nullable=False),
    Column("closed", String(32)),
    Column("approvals", Integer, nullable=False),
)


class RequestState(StrEnum):
    """`withdrawn`: what was shown is no longer what would be done (a further push), or the change has ended."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Request(BaseModel):
    """One question to a person. `shown` is everything that is decided on, plain JSON; `fingerprint` is its SHA-256.

    `role` is the one that app.yaml names for the gate, `approvals` how many different people who hold it must approve;
    `authors` are the ids of people who may not decide it themselves; `nonce` makes each request's signature its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    key: str
    gate: Gate
    app: str
    environment: str | None
    change: str | None
    title: str
    role: Role
    authors: list[str]
    shown: dict[str, Any]
    fingerprint: str
    nonce: str
    state: RequestState
    reason: str
    opened: str
    closed: str | None
    approvals: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be asked: see Request. `key` names it for good, whoever asks again."""

    key: str
    gate: Gate
    app: str
    title: str
    role: Role
    authors: list[str]
    shown: dict[str, Any]
    environment: str | None = None
    change: str | None = None
    approvals: int = 1


def open_request(connection: Connection, question: Question, *, actor: str = "factory") -> Request:
    """Ask. The same `key` again is the same request, however often a killed workflow repeats its step."""
    if known := _first(connection, REQUESTS.c.key == question.key):
        return known
    connection.execute(
        insert(REQUESTS).values(
            **{f.name: getattr(question, f.name) for f in fields(question)},
            fingerprint=fingerprint(question.shown),
            nonce=secrets.token_urlsafe(24),
            state=RequestState.OPEN,
            reason="",
            opened=now(),
            closed=None,
        )
    )
    made = _first(connection, REQUESTS.c.key == question.key)
    if made is None:
        raise RuntimeError(f"the request {question.key} was written and is not there")
    asked = {"fingerprint": made.fingerprint, "role": made.role.value, "approvals": made.approvals}
    _tell(connection, "request.opened", made, actor, **asked)
    return made


def read(connection: Connection, request: int) -> Request | None:
    """One request by its id."""
    return _first(connection, REQUESTS.c.id == request)


def find(connection: Connection, key: str) -> Request | None:
    """One request by its key."""
    return _first(connection, REQUESTS.c.key == key)


def open_requests(connection: Connection, *, app: str | None = None, change: str | None = None) -> list[Request]:
    """The inbox: what waits for a person, oldest first; of all, of one app, or of one change."""
    query = select(REQUESTS).where(REQUESTS.c.state == RequestState.OPEN).order_by(REQUESTS.c.id)
    if app is not None:
        query = query.where(REQUESTS.c.app == app)
    if change is not None:
        query = query.where(REQUESTS.c.change == change)
    return [Request.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def of_change(connection: Connection, app: str, change: str) -> list[Request]:
    """Every request of a change, oldest first."""
    query = select(REQUESTS).where(REQUESTS.c.app == app, REQUESTS.c.change == change).order_by(REQUESTS.c.id)
    return [Request.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def withdraw(connection: Connection, request: Request, reason: str, *, actor: str = "factory") -> None:
    """Take an open request back; a decided one stays as it is."""
    withdraw_all(connection, {request.id: actor}, reason)


def withdraw_all(connection: Connection, actors: Mapping[int, str], reason: str) -> None:
    """Take those of some hundred requests back that are open; `actors` says who does, by the request's id."""
    some = REQUESTS.c.id.in_(actors)
    # Two that take back the same ones wait for each other in the same order, where a database locks by row.
    connection.execute(select(REQUESTS.c.id).where(some).order_by(REQUESTS.c.id).with_for_update())
    query = update(REQUESTS).where(some, REQUESTS.c.state == RequestState.OPEN)
    query = query.values(state=RequestState.WITHDRAWN, reason=reason, closed=now())
    taken = connection.execute(query.returning(REQUESTS)).mappings().all()
    found = sorted((Request.model_validate(dict(row)) for row in taken), key=lambda each: each.id)
    told = [_told("request.withdrawn", each, actors[each.id], reason=reason) for each in found]
    events.append_all(connection, told)


def hold(connection: Connection, request: int) -> bool:
    """Keep others from deciding or withdrawing it until the transaction ends; False when it is not open any more."""
    # A write, not a read: also SQLite makes others wait for it.
    query = update(REQUESTS).where(REQUESTS.c.id == request, REQUESTS.c.state == RequestState.OPEN)
    return bool(connection.execute(query.values(state=RequestState.OPEN)).rowcount)


def close(connection: Connection, request: Request, state: RequestState, people: list[str]) -> None:
    """Mark an open request, which is held, as decided by `people`."""
    query = update(REQUESTS).where(REQUESTS.c.id == request.id, REQUESTS.c.state == RequestState.OPEN)
    connection.execute(query.values(state=state, closed=now()))
    _tell(connection, "request.closed", request, people[-1], state=state.value, people=people)


def now() -> str:
    """The present time as the rows hold it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _first(connection: Connection, *conditions: Any) -> Request | None:
    row = connection.execute(select(REQUESTS).where(*conditions)).mappings().first()
    return None if row is None else Request.model_validate(dict(row))


def _tell(connection: Connection, kind: str, request: Request, actor: str, **properties: Any) -> None:
    events.append(connection, _told(kind, request, actor, **properties))


def _told(kind: str, request: Request, actor: str, **properties: Any) -> Event:
    return events.new_event(
        kind,
        actor=actor,
        app=request.app,
        change=request.change,
        request=request.id,
        gate=request.gate.value,
        **properties,
    )
