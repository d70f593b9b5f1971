"""Deploy: one artefact to staging by itself, to production by decision; a bad release returns to the one before."""

from factory import artefacts, db, releases, requests
from factory.errors import DecisionRequired, MillwrightError
from factory.gates import Gate
from factory.releases import Proposal, Release, ReleaseState
from factory.requests import RequestState
from factory.spec import Environment
from pipeline import records
from pipeline.approvals import approved
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.gates import ask
from pipeline.records import ChangeRecord
from pipeline.stages.main import main_as_recorded
from pipeline.stages.merge import build
from pipeline.stages.serving import OVERTAKEN, return_to_before, serve
from stacks import production


def staging(context: Context, identifier: str, argument: Json) -> Json:
    """Serve the artefact in staging. The answer: `{"ok", "reason", "release"}`."""
    record = context.change(identifier)
    if newer := _contained(context, record, Environment.STAGING, argument["artefact"]):
        return {"ok": True, "reason": newer, "release": None}
    release = _propose(context, record, Environment.STAGING, argument["artefact"], argument["round"])
    if release.state is ReleaseState.FAILED:
        # Killed after it had been found bad: the return may not have been finished.
        return return_to_before(context, record, release, release.reason)
    if release.state in (ReleaseState.REPLACED, ReleaseState.REFUSED):
        return {"ok": True, "reason": OVERTAKEN, "release": None}
    _begin(context, release, None)
    return serve(context, record, release)


def propose(context: Context, identifier: str, argument: Json) -> Json:
    """Preview the release in production and ask a person. The answer: `{"state", "release", "request"}`.

    `state` is asked, or contained (with a `reason`): what serves there was built on top of it.
    """
    record = context.change(identifier)
    if newer := _contained(context, record, Environment.PRODUCTION, argument["artefact"]):
        return {"state": "contained", "reason": newer}
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
        "takes back": [each.id for each in _brought(context, record.app, replaced, release)] if replaced else [],
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
    return {"state": "asked", "release": release.id, "request": request.id}


def provenance(context: Context, identifier: str, argument: Json) -> Json:
    """Whether an artefact is what main holds, or held. The answer: `{"ok", "reason"}`."""
    record = context.change(identifier)
    artefact = argument["artefact"]
    repository = context.repository(record.app)
    repository.ensure(context.root.apps / record.app / "source")
    main_as_recorded(context, record)
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
    """Serve what was decided. The answer: `{"state": serving | returned | stale, "reason"}`."""
    record = context.change(identifier)
    release = _read(context, argument["release"])
    if release.state is ReleaseState.FAILED:
        return {"state": "returned", **return_to_before(context, record, release, release.reason)}
    # Taken up again after a kill: it may have been applied already, in part or as a whole.
    resumed = release.state in releases.WANTED
    if not resumed and outdated(context, release.id):
        return _set_aside(context, release, OVERTAKEN)
    try:
        request = _request(context, argument["request"])
        approved(context, record.app, request.id, Gate.PRODUCTION, request.shown)
        _begin(context, release, request.id)
        context.faults.reach("production.release-begun")
        answer = serve(context, record, release)
    except DecisionRequired as error:
        # It is not, or no more, what was decided: another plan, a role that was lost.
        if resumed:
            return {"state": "returned", **return_to_before(context, record, release, str(error))}
        return _set_aside(context, release, str(error))
    return {"state": "serving" if answer["ok"] else "returned", **answer}


def abandon(context: Context, identifier: str, argument: Json) -> Json:
    """What the change began there and will not finish: a proposal is refused, a release returns. No answer."""
    record = context.change(identifier)
    environment, reason = argument["environment"], argument["reason"]
    with db.transaction(context.database) as connection:
        mine = [r for r in releases.of_app(connection, record.app) if r.key.startswith(f"{record.id}:{environment}:")]
    for release in mine:
        if release.state is ReleaseState.PROPOSED:
            _set_aside(context, release, reason)
        elif release.state is ReleaseState.DEPLOYING:
            return_to_before(context, record, release, reason)
    return {}


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
    return return_to_before(context, record, release, argument["reason"])


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


def _brought(context: Context, app: str, release: Release, replaced: Release | None) -> list[ChangeRecord]:
    """The changes that a release brings to an environment, newest first: merged since what it replaces was built."""
    here = _commit(context, release.artefact)
    if here is None:
        return []
    since = _commit(context, replaced.artefact) if replaced else None
    merged = context.repository(app).merged_changes(here, since=since)
    with db.transaction(context.database) as connection:
        found = (records.read_change(connection, change) for change in merged)
        return [change for change in found if change is not None]


def _contained(context: Context, record: ChangeRecord, environment: str, artefact: str) -> str:
    """That what serves there was built on top of this artefact, in words; "" when it was not.

    Who promotes an older artefact means it; a change that was overtaken on its way does not.
    """
    with db.transaction(context.database) as connection:
        now = releases.wanted(connection, record.app, environment)
    if record.promotes or now is None or now.artefact == artefact:
        return ""
    here, there = _commit(context, artefact), _commit(context, now.artefact)
    if here is None or there is None or not context.repository(record.app).contains(there, here):
        return ""
    return f"it came to {environment} with {now.change}, release {now.id}, which was built on top of it"


def _commit(context: Context, artefact: str) -> str | None:
    with db.transaction(context.database) as connection:
        built = artefacts.read(connection, artefact)
    return built.commit if built else None


def _set_aside(context: Context, release: Release, reason: str) -> Json:
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
