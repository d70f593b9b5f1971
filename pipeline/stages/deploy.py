"""Deploy: one artefact to staging by itself, to production by decision; a bad release returns to the one before."""

from typing import Any

from factory import artefacts, db, decisions, releases, requests
from factory.errors import DecisionRequired, MillwrightError
from factory.gates import Gate
from factory.releases import Proposal, Release, ReleaseState
from factory.requests import RequestState
from factory.spec import Environment
from pipeline import health, records
from pipeline.context import ACTOR, Context
from pipeline.durable import Json
from pipeline.gates import ask
from pipeline.records import ChangeRecord
from pipeline.stages.merge import build
from stacks import production


def staging(context: Context, identifier: str, argument: Json) -> Json:
    """Serve the artefact in staging. The answer: `{"ok", "reason", "release"}`."""
    record = context.change(identifier)
    release = _propose(context, record, Environment.STAGING, argument["artefact"], argument["round"])
    if release.state is ReleaseState.FAILED:
        # Killed after it had been found bad: the return may not have been finished.
        return _return(context, record, release, release.reason)
    _begin(context, release, None)
    return _serve(context, record, release)


def propose(context: Context, identifier: str, argument: Json) -> Json:
    """Preview the release in production and ask a person. The answer: `{"release", "request"}`."""
    record = context.change(identifier)
    context.set(record, detail="production is previewed")
    release = _propose(context, record, Environment.PRODUCTION, argument["artefact"], argument["round"])
    result = context.driver.preview(record.app, Environment.PRODUCTION, release=release.id)
    context.faults.reach("production.previewed")
    with db.transaction(context.database) as connection:
        replaced = releases.read(connection, release.replaces) if release.replaces is not None else None
        built = artefacts.read(connection, release.artefact)
    changes = _brought(context, record.app, release, replaced)
    extra = {
        "commit": built.commit if built else "",
        "changes": [{"change": each.id, "title": each.title, "author": each.author} for each in changes],
        "staging": argument["staging"],
        "title": record.title,
    }
    place = context.place(record.app, Environment.PRODUCTION)
    shown = production.shown(place, release, replaced, production.plan_of(result.steps), extra)
    key = f"production:{argument['round']}"
    title = f"{record.title}: to production"
    # Whoever asks for it: nobody decides on what they wrote.
    request = ask(context, record, Gate.PRODUCTION, key, title, shown, [each.author for each in changes])
    context.faults.reach("production.asked")
    return {"release": release.id, "request": request.id}


def provenance(context: Context, identifier: str, argument: Json) -> Json:
    """Whether an artefact is what main holds, or held. The answer: `{"ok", "reason"}`."""
    record = context.change(identifier)
    artefact = argument["artefact"]
    repository = context.repository(record.app)
    repository.ensure(context.root.apps / record.app / "source")
    # What serves before the first change is the tree that main begins with.
    build(context, record.app, None, repository.seed())
    with db.transaction(context.database) as connection:
        built = artefacts.read(connection, artefact)
    if built is None or built.app != record.app or not built.commit or not repository.holds(built.commit):
        reason = f"{artefact[:19]} was not built from a commit of main: what goes to production went through the line"
        context.tell("promotion.refused", record, artefact=artefact, reason=reason)
        return {"ok": False, "reason": reason}
    return {"ok": True, "reason": ""}


def outdated(context: Context, release_id: int) -> bool:
    """Whether another release serves in production than the one that this one was to replace."""
    with db.transaction(context.database) as connection:
        release = releases.read(connection, release_id)
        now = releases.wanted(connection, release.app, release.environment) if release else None
    if release is None or release.state is not ReleaseState.PROPOSED:
        return False
    return (now.id if now else None) != release.replaces


def to_production(context: Context, identifier: str, argument: Json) -> Json:
    """Serve what was decided. The answer: `{"state": serving | returned | stale | refused, "reason"}`."""
    record = context.change(identifier)
    release = _read(context, argument["release"])
    if release.state is ReleaseState.FAILED:
        return {"state": "returned", **_return(context, record, release, release.reason)}
    if release.state is ReleaseState.PROPOSED and outdated(context, release.id):
        return _set_aside(context, release, "another release came first")
    request = _request(context, argument["request"])
    try:
        decisions.verified(
            context.database, context.people(), request.id, gate=Gate.PRODUCTION, fingerprint=request.fingerprint
        )
    except DecisionRequired as error:
        _set_aside(context, release, str(error))
        return {"state": "refused", "reason": str(error)}
    _begin(context, release, request.id)
    context.faults.reach("production.release-begun")
    try:
        answer = _serve(context, record, release)
    except DecisionRequired as error:
        # The driver or the program found that it is not what was decided (another plan): nothing was applied.
        with db.transaction(context.database) as connection:
            releases.refused(connection, release.id, str(error))
        return {"state": "stale", "reason": str(error)}
    return {"state": "serving" if answer["ok"] else "returned", **answer}


def refuse(context: Context, identifier: str, argument: Json) -> Json:
    """A person refused the release: it is history. The answer is empty."""
    del identifier
    with db.transaction(context.database) as connection:
        releases.refused(connection, argument["release"], argument["reason"])
    return {}


def take_back_staging(context: Context, identifier: str, argument: Json) -> Json:
    """Production found the release bad: staging returns as well. The answer: `{"ok", "reason"}`."""
    record = context.change(identifier)
    release = _read(context, argument["release"])
    with db.transaction(context.database) as connection:
        wanted = releases.wanted(connection, release.app, release.environment)
    if release.state is not ReleaseState.FAILED and (wanted is None or wanted.id != release.id):
        return {"ok": True, "reason": "another release serves in staging already"}
    return _return(context, record, release, argument["reason"])


def _propose(context: Context, record: ChangeRecord, environment: Environment, artefact: str, number: int) -> Release:
    spec = context.spec(record.app)
    with db.transaction(context.database) as connection:
        return releases.propose(
            connection,
            Proposal(
                key=f"{record.id}:{environment}:{number}",
                app=record.app,
                environment=environment,
                artefact=artefact,
                spec=spec.model_dump(mode="json", by_alias=True),
                spec_digest=spec.digest(),
                change=record.change,
            ),
        )


def _begin(context: Context, release: Release, request: int | None) -> None:
    if release.state is not ReleaseState.PROPOSED:
        return
    with db.transaction(context.database) as connection:
        releases.begin(connection, release.id, request)
    if release.environment == Environment.STAGING:
        context.faults.reach("staging.release-begun")


def _serve(context: Context, record: ChangeRecord, release: Release) -> Json:
    """Bring the stack to the release and watch it; return to the one before when it is bad."""
    environment = release.environment
    context.set(record, detail=f"{environment} is updated")
    try:
        context.driver.up(record.app, environment, release=release.id, actor=ACTOR)
        context.faults.reach(_point(environment, "stack-updated"))
        context.set(record, detail=f"{environment}: health is watched")
        seen = _watch(context, record.app, environment)
    except DecisionRequired:
        raise
    except MillwrightError as error:
        return _return(context, record, release, str(error))
    context.faults.reach(_point(environment, "watched"))
    if seen.bad:
        return _return(context, record, release, seen.detail)
    with db.transaction(context.database) as connection:
        releases.serves(connection, release)
    context.tell("release.served", record, environment=environment, release=release.id, artefact=release.artefact)
    return {"ok": True, "reason": seen.detail, "release": release.id}


def _return(context: Context, record: ChangeRecord, release: Release, reason: str) -> Json:
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
        context.driver.up(record.app, release.environment, release=before.id, actor=ACTOR)
    except DecisionRequired as error:
        # Not the refusal of a new release: the bad one still runs, so a person is asked, and it is tried again.
        raise MillwrightError(
            f"{release.environment} cannot return to release {before.id}, and still runs the bad release {release.id}: "
            f"{error}",
            hint="mend what the decision misses, then approve trying again",
        ) from None
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


def _brought(context: Context, app: str, release: Release, replaced: Release | None) -> list[ChangeRecord]:
    """The changes that a release brings to an environment, newest first: merged since what it replaces was built."""
    with db.transaction(context.database) as connection:
        here = artefacts.read(connection, release.artefact)
        before = artefacts.read(connection, replaced.artefact) if replaced else None
        if here is None or not here.commit:
            return []
        merged = context.repository(app).merged_changes(here.commit, since=before.commit if before else None)
        found = (records.read_change(connection, change) for change in merged)
        return [change for change in found if change is not None]


def _set_aside(context: Context, release: Release, reason: str) -> Json:
    if release.state is ReleaseState.PROPOSED:
        with db.transaction(context.database) as connection:
            releases.refused(connection, release.id, reason)
    return {"state": "stale", "reason": reason}


def _read(context: Context, release_id: int) -> Release:
    with db.transaction(context.database) as connection:
        release = releases.read(connection, release_id)
    if release is None:
        raise MillwrightError(f"release {release_id} has no row any more", hint="restore the database")
    return release


def _request(context: Context, request_id: int) -> requests.Request:
    with db.transaction(context.database) as connection:
        request = requests.read(connection, request_id)
    if request is None or request.state is RequestState.WITHDRAWN:
        raise DecisionRequired(f"request {request_id} is not there, or was withdrawn")
    return request


def _point(environment: str, what: str) -> str:
    return f"{'production' if environment == Environment.PRODUCTION else 'staging'}.{what}"
