"""An environment is brought to a release, watched, and returned to the one before when the release is bad."""

from typing import Any

from factory import db, decisions, releases
from factory.errors import DataAtRisk, DecisionRequired, MillwrightError, PolicyViolation, UpdateFailed
from factory.releases import Release
from factory.spec import Environment
from pipeline import health
from pipeline.context import ACTOR, Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from stacks.driver.model import StackEvent, Waiting
from stacks.inputs import configured

OVERTAKEN = "another release came first"


def serve(context: Context, record: ChangeRecord, release: Release) -> Json:
    """Bring the stack to the release and watch it; return to the one before when it is bad.

    Bad is what the engine, the policy pack or the health say. That a cloud is away, or a stack is held, says nothing
    of the release: such an error is raised, and a person may have it tried again.
    """
    environment = release.environment
    if _overtaken(context, release):
        return {"ok": True, "reason": OVERTAKEN, "release": None}
    context.set(record, detail=f"{environment} is updated")
    try:
        _up(context, record, release)
        context.faults.reach(_point(environment, "stack-updated"))
        context.set(record, detail=f"{environment}: health is watched")
        seen = _watch(context, record.app, environment)
    except (UpdateFailed, PolicyViolation) as error:
        return return_to_before(context, record, release, str(error))
    context.faults.reach(_point(environment, "watched"))
    if seen.bad:
        return return_to_before(context, record, release, seen.detail)
    configuration = configured(context.root, f"{release.app}-{environment}")
    with db.transaction(context.database) as connection:
        releases.serves(connection, release, configuration)
        # As it was begun: only then it learnt which request allows it.
        begun = releases.read(connection, release.id) or release
        people = decisions.approvers(connection, begun.request)
    told: dict[str, Any] = {"environment": environment, "release": release.id, "artefact": release.artefact}
    context.tell("release.served", record, approved_by=people, **told)
    return {"ok": True, "reason": seen.detail, "release": release.id}


def _up(context: Context, record: ChangeRecord, release: Release, returns_from: int | None = None) -> None:
    """One update, told in the change's row where another command holds the stack.

    `returns_from` is the bad release that it takes the place of.
    """

    def on_event(event: StackEvent) -> None:
        if isinstance(event, Waiting):
            context.set(record, detail=f"{event.stack} is held by another command: {event.reason}")

    named = {"release": release.id, "returns_from": returns_from}
    context.driver.up(record.app, release.environment, on_event, actor=ACTOR, **named)


def return_to_before(context: Context, record: ChangeRecord, release: Release, reason: str) -> Json:
    """Automatic return to the release before, by the same driver; people learn of it."""
    with db.transaction(context.database) as connection:
        before = releases.failed(connection, release, reason)
    context.faults.reach("rollback.release-failed")
    told: dict[str, Any] = {"environment": release.environment, "release": release.id, "reason": reason}
    context.tell("release.failed", record, **told)
    if before is None:
        return {"ok": False, "release": release.id, "reason": f"{reason} (no release before it to return to)"}
    context.set(record, detail=f"{release.environment}: returns to release {before.id}")
    try:
        _up(context, record, before, returns_from=release.id)
    except (DecisionRequired, DataAtRisk) as error:
        # Not the refusal of a new release: the bad one still runs, so a person is asked, and it is tried again.
        raise MillwrightError(
            f"{release.environment} cannot return to release {before.id}, and still runs the bad release {release.id}: "
            f"{error}",
            hint="mend what the decision misses, or release forward; then approve trying again",
        ) from None
    with db.transaction(context.database) as connection:
        releases.returned(connection, release, before)
    context.faults.reach("rollback.stack-updated")
    seen = _watch(context, record.app, release.environment)
    context.tell("release.returned", record, to=before.id, healthy=not seen.bad, **told)
    back = f"returned to release {before.id}" + (
        "" if not seen.bad else f", which is not healthy either: {seen.detail}"
    )
    return {"ok": False, "release": release.id, "reason": f"{reason}; {back}"}


def _watch(context: Context, app: str, environment: str) -> health.Health:
    outputs = context.driver.outputs(app, environment)
    if outputs is None:
        raise MillwrightError(f"{app}-{environment} has no outputs after its update")
    return health.watch(health.of_environment(context.root, context.settings, outputs))


def _overtaken(context: Context, release: Release) -> bool:
    with db.transaction(context.database) as connection:
        wanted = releases.wanted(connection, release.app, release.environment)
    return wanted is None or wanted.id != release.id


def _point(environment: str, what: str) -> str:
    return f"{'production' if environment == Environment.PRODUCTION else 'staging'}.{what}"
