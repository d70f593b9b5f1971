"""What the driver writes down: an event before and after each operation, and the stack's row after it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from factory import environments, events, releases
from factory.db import transaction
from factory.spec import Environment
from policies.score import Score
from stacks.driver.model import Kind, Result
from stacks.shared_platform import Spec, Which, stack_of


@dataclass(frozen=True, kw_only=True)
class By:
    """Who does it, through which door. Nobody is taken at their word: without a proof, `actor` is `unattested`.

    `spec` is the digest of the spec that the program declares; None: that of app.yaml. `returns_from` is the bad
    release that `release` takes the place of, when the factory returns by itself.
    """

    door: str
    actor: str = "unattested"
    release: int | None = None
    returns_from: int | None = None
    spec: str | None = None


def started(
    database: Engine, spec: Spec, environment: Which, kind: Kind, by: By, *, cloud_generation: str | None
) -> None:
    """Before: what is about to be done, and against which life of the local cloud a new stack is begun.

    Without these rows, the operation does not start.
    """
    stack = stack_of(spec, environment)
    event = events.new_event(
        f"{kind}.started", actor=by.actor, app=spec.name, spec=by.spec or spec.digest(), **_told(environment, by)
    )
    with transaction(database) as connection:
        events.append(connection, event)
        if kind is Kind.UP and environments.read(connection, stack) is None:
            row = _row(spec, environment, by, cloud_generation)
            environments.record(connection, row)


def ended(
    database: Engine,
    spec: Spec,
    environment: Which,
    result: Result,
    by: By,
    *,
    cloud_generation: str | None,
    score: Score | None = None,
) -> None:
    """After a good end: the event and, for what changes a stack, the stack's row, in one transaction.

    `score` is how the stack stands with the policies since then.
    """
    scored: dict[str, Any] = {"policies": score.model_dump()} if score else {}
    event = events.new_event(
        f"{result.kind}.succeeded",
        actor=by.actor,
        app=spec.name,
        changes=result.changes,
        version=result.version,
        **scored,
        **_told(environment, by),
    )
    with transaction(database) as connection:
        events.append(connection, event)
        if result.kind is Kind.DESTROY:
            environments.forget(connection, result.stack)
            if isinstance(environment, Environment):
                releases.forget_environment(connection, spec.name, environment)
        elif result.kind is Kind.UP:
            row = _row(spec, environment, by, cloud_generation, result)
            environments.record(connection, row)


def failed(database: Engine, spec: Spec, environment: Which, kind: Kind, by: By, *, reason: str) -> None:
    """After a bad end: the event, with the first line of the reason."""
    event = events.new_event(
        f"{kind}.failed",
        actor=by.actor,
        app=spec.name,
        reason=reason.splitlines()[0][:500] if reason else "",
        **_told(environment, by),
    )
    with transaction(database) as connection:
        events.append(connection, event)


def is_stale(database: Engine, stack: str, cloud_generation: str | None) -> bool:
    """Whether the local cloud has been emptied since the stack's last recorded update.

    The engine must then look up what is still there before it goes on.
    """
    with transaction(database) as connection:
        known = environments.cloud_generation(connection, stack)
    return known not in (None, cloud_generation)


def _told(environment: Which, by: By) -> dict[str, Any]:
    told = {"environment": environment.value, "door": by.door, "release": by.release}
    return told if by.returns_from is None else told | {"returns_from": by.returns_from}


def _row(
    spec: Spec, environment: Which, by: By, cloud_generation: str | None, result: Result | None = None
) -> environments.EnvironmentRecord:
    return environments.EnvironmentRecord(
        stack=stack_of(spec, environment),
        app=spec.name,
        environment=environment.value,
        updated=environments.now(),
        actor=by.actor,
        version=(result.version or 0) if result else 0,
        cloud_generation=cloud_generation,
        outputs=result.outputs if result else None,
    )
