"""What the driver writes down: an event before and after each operation, and the stack's row after it."""

from sqlalchemy import Engine

from factory import environments, events
from factory.db import transaction
from factory.spec import AppSpec, Environment
from stacks.driver.model import Kind, Result

# People prove who they are once decisions exist; until then nobody is taken at their word.
ACTOR = "unattested"


def started(
    database: Engine, spec: AppSpec, environment: Environment, kind: Kind, *, door: str, cloud_generation: str | None
) -> None:
    """Before: what is about to be done, and against which life of the local cloud a new stack is begun.

    Without these rows, the operation does not start.
    """
    stack = spec.stack(environment)
    event = events.new_event(
        f"{kind}.started", actor=ACTOR, app=spec.name, environment=environment.value, door=door, spec=spec.digest()
    )
    with transaction(database) as connection:
        events.append(connection, event)
        if kind is Kind.UP and environments.read(connection, stack) is None:
            row = _row(stack, spec, environment, cloud_generation)
            environments.record(connection, row)


def ended(
    database: Engine,
    spec: AppSpec,
    environment: Environment,
    result: Result,
    *,
    door: str,
    cloud_generation: str | None,
) -> None:
    """After a good end: the event and, for what changes a stack, the stack's row, in one transaction."""
    event = events.new_event(
        f"{result.kind}.succeeded",
        actor=ACTOR,
        app=spec.name,
        environment=environment.value,
        door=door,
        changes=result.changes,
        version=result.version,
    )
    with transaction(database) as connection:
        events.append(connection, event)
        if result.kind is Kind.DESTROY:
            environments.forget(connection, result.stack)
        elif result.kind is Kind.UP:
            row = _row(result.stack, spec, environment, cloud_generation, result)
            environments.record(connection, row)


def failed(database: Engine, spec: AppSpec, environment: Environment, kind: Kind, *, door: str, reason: str) -> None:
    """After a bad end: the event, with the first line of the reason."""
    event = events.new_event(
        f"{kind}.failed",
        actor=ACTOR,
        app=spec.name,
        environment=environment.value,
        door=door,
        reason=reason.splitlines()[0][:500] if reason else "",
    )
    with transaction(database) as connection:
        events.append(connection, event)


def is_stale(database: Engine, stack: str, cloud_generation: str | None) -> bool:
    """Whether the local cloud has been restarted since the stack's last recorded update.

    It keeps nothing over a restart, so the engine must then look up what is still there before it goes on.
    """
    with transaction(database) as connection:
        known = environments.cloud_generation(connection, stack)
    return known not in (None, cloud_generation)


def _row(
    stack: str, spec: AppSpec, environment: Environment, cloud_generation: str | None, result: Result | None = None
) -> environments.EnvironmentRecord:
    return environments.EnvironmentRecord(
        stack=stack,
        app=spec.name,
        environment=environment.value,
        updated=environments.now(),
        actor=ACTOR,
        version=(result.version or 0) if result else 0,
        cloud_generation=cloud_generation,
        outputs=result.outputs if result else None,
    )
