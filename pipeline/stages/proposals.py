"""Releases to be: proposed once however often a killed stage repeats it, previewed, begun, or set aside."""

from factory import artefacts, db, releases
from factory.errors import DataAtRisk, InputError, MillwrightError, PolicyViolation, UpdateFailed
from factory.releases import Proposal, Release, ReleaseState
from factory.spec import Environment
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from stacks import rollback
from stacks.driver import Result
from stacks.infra_code import keep_infra

# What says of a way back that there is none; a cloud that is away says nothing of it.
NO_WAY_BACK = (DataAtRisk, InputError, PolicyViolation, UpdateFailed)


def propose_release(
    context: Context, record: ChangeRecord, environment: Environment, artefact: str, number: int
) -> Release:
    """The change's release there; `number` tells one proposal from the next.

    A way back keeps the earlier spec and infra.py. Raises InputError for an infra.py that cannot be kept.
    """
    spec = context.spec(record.app)
    back = restored(context, record)
    now = keep_infra(context.root, record.app)
    with db.transaction(context.database) as connection:
        return releases.propose(
            connection,
            Proposal(
                key=f"{record.id}:{environment}:{number}",
                app=record.app,
                environment=environment,
                artefact=artefact,
                spec=back.spec if back else spec.model_dump(mode="json", by_alias=True),
                spec_digest=back.spec_digest if back else spec.digest(),
                change=record.change,
                restores=back.id if back else None,
                set_aside=releases.files_digest(spec.digest(), now) if back else None,
                infra=now if back is None or back.infra is None else back.infra,
            ),
        )


def restored(context: Context, record: ChangeRecord) -> Release | None:
    """The earlier release that a change brings back; None for one that brings something new."""
    return read_release(context, record.specification["rollback"]["release"]) if record.rolls_back else None


def previewed(context: Context, record: ChangeRecord, release: Release) -> Result:
    """What the release would do; nothing is changed.

    A way back also raises DataAtRisk, InputError when its artefact is not kept, and whatever else is in NO_WAY_BACK.
    """
    place = context.place(record.app, Environment(release.environment))
    back = restored(context, record)
    if back:
        rollback.require_kept(place, back)
    result = context.driver.preview(record.app, place.environment, release=release.id)
    if back:
        rollback.require_data_kept(place.stack, result.steps)
    return result


def begin(context: Context, release: Release, request: int | None) -> None:
    """From now on the environment is to serve it, unless that was so already."""
    if release.state is not ReleaseState.PROPOSED:
        return
    with db.transaction(context.database) as connection:
        releases.begin(connection, release.id, request)
    if release.environment == Environment.STAGING:
        context.faults.reach("staging.release-begun")


def set_aside(context: Context, release: Release, reason: str) -> Json:
    """A proposal that came to nothing. The answer of its stage."""
    with db.transaction(context.database) as connection:
        releases.refused(connection, release.id, reason)
    return {"state": "stale", "reason": reason}


def refuse_way_back(context: Context, record: ChangeRecord, release: Release, error: MillwrightError) -> Json:
    """A way back that there is not: people learn why. The answer of its stage."""
    reason = str(error)
    told: Json = {"environment": release.environment, "release": release.id, "exit_code": int(error.exit_code)}
    context.tell("rollback.refused", record, reason=reason, **told)
    return {**set_aside(context, release, reason), "state": "refused"}


def contained(context: Context, record: ChangeRecord, environment: str, artefact: str) -> str:
    """That what serves there was built on top of this artefact, in words; "" when it was not.

    Who promotes an older artefact means it; a change that was overtaken on its way does not. A way back has come to
    its end when what it leads to serves already.
    """
    with db.transaction(context.database) as connection:
        now = releases.wanted(connection, record.app, environment)
    if back := restored(context, record):
        others = now is not None and now.change != record.change
        return f"release {now.id} serves what release {back.id} was" if others and now and now.same_as(back) else ""
    if record.promotes or now is None or now.artefact == artefact:
        return ""
    here, there = commit_of(context, artefact), commit_of(context, now.artefact)
    if here is None or there is None or not context.repository(record.app).contains(there, here):
        return ""
    return f"it came to {environment} with {now.change}, release {now.id}, which was built on top of it"


def commit_of(context: Context, artefact: str) -> str | None:
    """The commit that an artefact was built from, where that is known."""
    with db.transaction(context.database) as connection:
        built = artefacts.read(connection, artefact)
    return built.commit if built else None


def read_release(context: Context, release_id: int) -> Release:
    """A release by its id, which has a row."""
    with db.transaction(context.database) as connection:
        release = releases.read(connection, release_id)
    if release is None:
        raise MillwrightError(f"release {release_id} has no row any more", hint="restore the database")
    return release
