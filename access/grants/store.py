"""Grants in the database: each move is one transaction with its event, and only from where it was known to be."""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, select, update

from access.grants.model import Grant
from access.grants.states import Move, State, moved
from access.grants.tables import GRANTS
from factory import events
from factory.errors import MillwrightError
from factory.events import EVENTS, Event

# How a move is told, by the state it leads to.
KINDS: Final = {
    State.ISSUING: "grant.allowed",
    State.ACTIVE: "grant.issued",
    State.REVOKING: "grant.revoking",
    State.REVOKE_FAILED: "grant.revoke_failed",
    State.ENDED: "grant.ended",
    State.DENIED: "grant.denied",
}
KINDS_TOLD: Final = frozenset(
    {
        *KINDS.values(),
        *("grant.requested", "grant.renewed", "grant.reopened", "grant.refused", "grant.certified", "secret.read"),
    }
)
# A failure that repeats is told at the first and each so many times.
TOLD_EVERY: Final = 10
# Of one statement: what every database takes as parameters.
TOGETHER: Final = 500


class Overtaken(MillwrightError):
    """The grant has moved on since it was read: whoever wanted to do something to it must look again."""


def add(connection: Connection, grant: Grant, *, actor: str) -> None:
    """Write a new one down, and tell it."""
    connection.execute(insert(GRANTS).values(**grant.model_dump(mode="json")))
    asked = {"minutes": grant.minutes, "reason": grant.reason, "policy": grant.policy_version}
    _tell(connection, "grant.requested", grant, actor, request=grant.request, **asked)


def read(connection: Connection, id: str) -> Grant | None:
    """One by its id."""
    return _first(connection, GRANTS.c.id == id)


def by_token(connection: Connection, token_digest: str) -> Grant | None:
    """The one that a token is of."""
    return _first(connection, GRANTS.c.token_digest == token_digest)


def by_ids(connection: Connection, ids: Collection[str]) -> list[Grant]:
    """Those of these (some hundred) that are there, oldest first."""
    return _all(connection, GRANTS.c.id.in_(ids))


def of_ended_tasks(connection: Connection, kind: str) -> set[str]:
    """The ids of active ones whose task has told an event of this kind."""
    told = select(EVENTS.c.sequence).where(EVENTS.c.task == GRANTS.c.task, EVENTS.c.kind == kind)
    query = select(GRANTS.c.id).where(GRANTS.c.state == State.ACTIVE.value, told.exists())
    return set(connection.execute(query).scalars())


def by_prefix(connection: Connection, prefix: str) -> list[Grant]:
    """Those whose id ends or begins so; ids of one second begin alike, so people name them by their end."""
    either = GRANTS.c.id.endswith(prefix, autoescape=True) | GRANTS.c.id.startswith(prefix, autoescape=True)
    return _all(connection, either)


def in_states(
    connection: Connection,
    states: Collection[State],
    *,
    app: str | None = None,
    task: str | None = None,
    kind: str | None = None,
) -> list[Grant]:
    """Those in one of these states, oldest first; of all, of one app, of one task of it, of one kind of provider."""
    here: list[ColumnElement[bool]] = [GRANTS.c.state.in_([state.value for state in states])]
    if app is not None:
        here.append(GRANTS.c.app == app)
    if task is not None:
        here.append(GRANTS.c.task == task)
    if kind is not None:
        here.append(GRANTS.c.provider_kind == kind)
    return _all(connection, *here)


def of_task(connection: Connection, app: str, task: str) -> list[Grant]:
    """Whatever a task was ever given or refused, oldest first."""
    return _all(connection, GRANTS.c.app == app, GRANTS.c.task == task)


def newest(connection: Connection, *, app: str | None = None, limit: int = 50) -> list[Grant]:
    """The newest, oldest first."""
    query = select(GRANTS).order_by(GRANTS.c.id.desc()).limit(limit)
    if app is not None:
        query = query.where(GRANTS.c.app == app)
    rows = connection.execute(query).mappings().all()
    return [Grant.model_validate(dict(row)) for row in reversed(rows)]


def move(
    connection: Connection, grant: Grant, step: Move, *, actor: str = "access", why: str = "", **values: Any
) -> Grant:
    """Make a move from where `grant` was read; the grant after it.

    Raises IllegalMove for one that there is not, Overtaken when it is not there any more.
    """
    state = moved(grant.state, step)
    after = _change(connection, grant, state=state.value, **values)
    silent = state is State.REVOKE_FAILED and after.revoke_attempts % TOLD_EVERY != 1
    # Trying again is told by what comes of it.
    if not silent and step is not Move.RETRY:
        _tell(connection, KINDS[state], after, actor, **({"why": why} if why else {}))
    return after


def move_all(
    connection: Connection,
    grants: Collection[Grant],
    step: Move,
    actor: Callable[[Grant], str],
    why: str,
    **values: Any,
) -> list[Grant]:
    """The same move (to deny or to revoke) of up to `TOGETHER`; those that made it. Who is overtaken is left out.

    One statement for all that are at the same state and fence. Raises IllegalMove for a move that there is not.
    """
    known: dict[tuple[State, int], list[Grant]] = defaultdict(list)
    for grant in grants:
        known[grant.state, grant.fence].append(grant)
    # Two that move the same ones wait for each other in the same order, where a database locks by row.
    some = GRANTS.c.id.in_([grant.id for grant in grants])
    connection.execute(select(GRANTS.c.id).where(some).order_by(GRANTS.c.id).with_for_update())
    after: list[Grant] = []
    for (state, fence), alike in known.items():
        to = {**values, "state": moved(state, step), "fence": fence + 1}
        written = {**to, "state": to["state"].value}
        here = GRANTS.c.id.in_([grant.id for grant in alike]), GRANTS.c.state == state.value, GRANTS.c.fence == fence
        changed = update(GRANTS).where(*here).values(written).returning(GRANTS.c.id)
        made = set(connection.execute(changed).scalars())
        after += [grant.model_copy(update=to) for grant in alike if grant.id in made]
    said = {"why": why} if why else {}
    events.append_all(connection, [_told(KINDS[each.state], each, actor(each), **said) for each in after])
    return after


def renew(connection: Connection, grant: Grant, lease_until: str, *, actor: str) -> Grant:
    """Prolong an active one. Raises Overtaken."""
    after = _change(connection, grant, lease_until=lease_until)
    _tell(connection, "grant.renewed", after, actor, until=lease_until)
    return after


def reopened(connection: Connection, grant: Grant, door: str, *, actor: str) -> Grant:
    """An active one is found at `door` from now on. Raises Overtaken."""
    after = _change(connection, grant, door=door)
    _tell(connection, "grant.reopened", after, actor)
    return after


def places(connection: Connection, kind: str) -> list[tuple[str, str, str]]:
    """Where anything of one kind of provider was ever given: app, environment, resource."""
    columns = (GRANTS.c.app, GRANTS.c.environment, GRANTS.c.resource)
    rows = connection.execute(select(*columns).where(GRANTS.c.provider_kind == kind).distinct())
    return [(app, environment, resource) for app, environment, resource in rows]


def refused(connection: Connection, grant: Grant, actor: str, why: str, **told: Any) -> None:
    """Tell that somebody tried to do with it what they may not."""
    _tell(connection, "grant.refused", grant, actor, why=why, **told)


def used(connection: Connection, grant: Grant, kind: str, **told: Any) -> None:
    """Tell what its holder does with it."""
    _tell(connection, kind, grant, grant.principal, **told)


def _change(connection: Connection, grant: Grant, **values: Any) -> Grant:
    known = (GRANTS.c.id == grant.id) & (GRANTS.c.fence == grant.fence) & (GRANTS.c.state == grant.state.value)
    values["fence"] = grant.fence + 1
    if not connection.execute(update(GRANTS).where(known).values(**values)).rowcount:
        raise Overtaken(f"the grant {grant.id} has moved on since", hint=f"millwright access show {grant.id}")
    return Grant.model_validate(grant.model_dump() | values)


def _tell(connection: Connection, kind: str, grant: Grant, actor: str, **told: Any) -> None:
    events.append(connection, _told(kind, grant, actor, **told))


def _told(kind: str, grant: Grant, actor: str, **told: Any) -> Event:
    about = {
        "grant": grant.id,
        "principal": grant.principal,
        "environment": grant.environment.value,
        "resource": grant.resource,
        "scope": grant.scope.value,
    }
    return events.new_event(kind, actor=actor, app=grant.app, change=grant.change, task=grant.task, **about, **told)


def _first(connection: Connection, *conditions: Any) -> Grant | None:
    row = connection.execute(select(GRANTS).where(*conditions)).mappings().first()
    return None if row is None else Grant.model_validate(dict(row))


def _all(connection: Connection, *conditions: Any) -> list[Grant]:
    rows = connection.execute(select(GRANTS).where(*conditions).order_by(GRANTS.c.id)).mappings()
    return [Grant.model_validate(dict(row)) for row in rows]
