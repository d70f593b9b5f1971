"""Deploy: one artefact to staging by itself, to production by decision; a bad release returns to the one before."""

from factory import artefacts, db, releases, requests
from factory.errors import DataAtRisk, DecisionRequired, LossUndecided
from factory.gates import Gate
from factory.releases import Release, ReleaseState
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
from pipeline.stages.proposals import (
    NO_WAY_BACK,
    begin,
    commit_of,
    contained,
    previewed,
    propose_release,
    read_release,
    refuse_way_back,
    set_aside,
)
from pipeline.stages.serving import OVERTAKEN, return_to_before, serve
from stacks import production


def staging(context: Context, identifier: str, argument: Json) -> Json:
    """Serve the artefact in staging. The answer: `{"ok", "reason", "release"}`."""
    record = context.change(identifier)
    if newer := contained(context, record, Environment.STAGING, argument["artefact"]):
        return {"ok": True, "reason": newer, "release": None}
    release = propose_release(context, record, Environment.STAGING, argument["artefact"], argument["round"])
    if release.state is ReleaseState.FAILED:
        # Killed after it had been found bad: the return may not have been finished.
        return return_to_before(context, record, release, release.reason)
    if release.state in (ReleaseState.REPLACED, ReleaseState.REFUSED):
        return {"ok": True, "reason": OVERTAKEN, "release": None}
    begin(context, release, None)
    return serve(context, record, release)


def propose(context: Context, identifier: str, argument: Json) -> Json:
    """Preview the release in production and ask a person. The answer: `{"state", "release", "request"}`.

    `state` is asked, or with a `reason` contained (what serves there was built on top of it) or refused (a way back
    that there is not: it would lose data, or its artefact is not kept any more).
    """
    record = context.change(identifier)
    if newer := contained(context, record, Environment.PRODUCTION, argument["artefact"]):
        return {"state": "contained", "reason": newer}
    context.set(record, detail="production is previewed")
    release = propose_release(context, record, Environment.PRODUCTION, argument["artefact"], argument["round"])
    if record.rolls_back and release.state is ReleaseState.REFUSED:
        return {"state": "refused", "reason": release.reason}
    try:
        result = previewed(context, record, release)
    except NO_WAY_BACK as error:
        if not record.rolls_back:
            raise
        return refuse_way_back(context, record, release, error)
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
    release = read_release(context, argument["release"])
    if release.state is ReleaseState.FAILED:
        return {"state": "returned", **return_to_before(context, record, release, release.reason)}
    # Taken up again after a kill: it may have been applied already, in part or as a whole.
    resumed = release.state in releases.WANTED
    if not resumed and outdated(context, release.id):
        return set_aside(context, release, OVERTAKEN)
    try:
        request = _request(context, argument["request"])
        approved(context, record.app, request.id, Gate.PRODUCTION, request.shown)
        begin(context, release, request.id)
        context.faults.reach("production.release-begun")
        answer = serve(context, record, release)
    except LossUndecided:
        # What was decided still holds; an architect is asked as well, so a person says when it is tried again.
        raise
    except (DecisionRequired, DataAtRisk) as error:
        # It is not, or no more, what was decided: another plan, a role that was lost.
        if resumed:
            return {"state": "returned", **return_to_before(context, record, release, str(error))}
        return set_aside(context, release, str(error))
    return {"state": "serving" if answer["ok"] else "returned", **answer}


def abandon(context: Context, identifier: str, argument: Json) -> Json:
    """What the change began there and will not finish: a proposal is refused, a release returns. No answer."""
    record = context.change(identifier)
    environment, reason = argument["environment"], argument["reason"]
    with db.transaction(context.database) as connection:
        mine = [r for r in releases.of_app(connection, record.app) if r.key.startswith(f"{record.id}:{environment}:")]
    for release in mine:
        if release.state is ReleaseState.PROPOSED:
            set_aside(context, release, reason)
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
    release = read_release(context, argument["release"])
    with db.transaction(context.database) as connection:
        wanted = releases.wanted(connection, release.app, release.environment)
    if release.state is not ReleaseState.FAILED and (wanted is None or wanted.id != release.id):
        return {"ok": True, "reason": "another release serves in staging already"}
    return return_to_before(context, record, release, argument["reason"])


def _brought(context: Context, app: str, release: Release, replaced: Release | None) -> list[ChangeRecord]:
    """The changes that a release brings to an environment, newest first: merged since what it replaces was built."""
    here = commit_of(context, release.artefact)
    if here is None:
        return []
    since = commit_of(context, replaced.artefact) if replaced else None
    merged = context.repository(app).merged_changes(here, since=since)
    with db.transaction(context.database) as connection:
        found = (records.read_change(connection, change) for change in merged)
        return [change for change in found if change is not None]


def _request(context: Context, request_id: int) -> requests.Request:
    with db.transaction(context.database) as connection:
        request = requests.read(connection, request_id)
    if request is None or request.state is RequestState.WITHDRAWN:
        raise DecisionRequired(f"request {request_id} is not there, or was withdrawn")
    return request
