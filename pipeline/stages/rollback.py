"""Staging goes back to an earlier release, as it takes a new one: previewed, updated, watched."""

from factory import releases
from factory.errors import DataAtRisk
from factory.releases import Release, ReleaseState
from factory.spec import Environment
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from pipeline.stages.proposals import (
    NO_WAY_BACK,
    begin,
    contained,
    previewed,
    propose_release,
    refuse_way_back,
    restored,
)
from pipeline.stages.serving import OVERTAKEN, return_to_before, serve

ENDED = (ReleaseState.FAILED, ReleaseState.REFUSED, ReleaseState.REPLACED)


def roll_back(context: Context, identifier: str, argument: Json) -> Json:
    """Serve the earlier release in staging. The answer: `{"state": serving | returned | refused, "reason"}`.

    It is previewed before it is wanted there: until then nothing that others do to the stack can lose data by it.
    """
    del argument
    record = context.change(identifier)
    back = restored(context, record)
    if back is None:
        raise LookupError(f"{identifier} is no way back")
    if already := contained(context, record, Environment.STAGING, back.artefact):
        return {"state": "serving", "reason": already}
    release = propose_release(context, record, Environment.STAGING, back.artefact, 1)
    if release.state in ENDED:
        return _as_it_ended(context, record, release)
    return _serve(context, record, release)


def _as_it_ended(context: Context, record: ChangeRecord, release: Release) -> Json:
    """What a killed stage has brought about already."""
    if release.state is ReleaseState.FAILED:
        # The return may not have been finished.
        return {"state": "returned", **return_to_before(context, record, release, release.reason)}
    if release.state is ReleaseState.REFUSED:
        return {"state": "refused", "reason": release.reason}
    return {"state": "serving", "reason": OVERTAKEN}


def _serve(context: Context, record: ChangeRecord, release: Release) -> Json:
    resumed = release.state in releases.WANTED
    if not resumed:
        context.set(record, detail="staging is previewed")
        try:
            previewed(context, record, release)
        except NO_WAY_BACK as error:
            return refuse_way_back(context, record, release, error)
        begin(context, release, None)
    try:
        answer = serve(context, record, release)
    except DataAtRisk as error:
        # The stack was changed since the preview. What was begun and killed is applied in part.
        if resumed:
            return {"state": "returned", **return_to_before(context, record, release, str(error))}
        return refuse_way_back(context, record, release, error)
    return {"state": "serving" if answer["ok"] else "returned", **answer}
