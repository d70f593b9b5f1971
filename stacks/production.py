"""Production: it may become what a person decided. Asked by the driver, by the door, and by the program itself."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from factory import artefacts, db, environments, releases
from factory.errors import DecisionRequired, InputError
from factory.releases import Release, ReleaseState
from factory.spec import AppSpec, Environment, recorded_spec
from stacks.decided import ask_again, inputs_now, is_return, kept, named, require_approval, returns
from stacks.driver.model import UNCHANGED, Step
from stacks.followed import brought_back, edited, follows_file, set_aside
from stacks.infra_code import keep_infra
from stacks.inputs import configured
from stacks.places import Place, named_release, refuse, request_of

Plan = list[list[Any]]
RETURNED_TO = (ReleaseState.SERVING, ReleaseState.REPLACED)


class Served(NamedTuple):
    """What an environment is to serve: an artefact's digest, with the spec and the code it is declared by.

    `infra` is the digest of the app's own code, which is kept under it; "" without any. `note` says what the app's
    files say otherwise, where the environment went back; "" when there is nothing to say.
    """

    artefact: str
    spec: AppSpec
    infra: str
    note: str = ""


def plan_of(steps: Iterable[Step]) -> Plan:
    """What an update would do, as a person is shown it: [URN, operation, property paths] of all that does not stay."""
    return sorted([step.urn, step.action, *sorted(step.properties)] for step in steps if step.action not in UNCHANGED)


def shown(
    place: Place, release: Release, replaced: Release | None, plan: Plan, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """What a request for production shows, and so what a decision allows: this, and the return to what it replaces."""
    return {
        **extra,
        "app": release.app,
        "environment": release.environment,
        "release": release.id,
        "change": release.change,
        **named(release),
        "plan": plan,
        "inputs": inputs_now(place, release),
        "replaces": {"release": replaced.id, **kept(replaced)} if replaced else None,
        **(_brought_back(place, release) if release.restores is not None else {}),
    }


def to_serve(place: Place, release_id: int | None, *, dry_run: bool) -> Served:
    """What the program declares. A release that is named (by the pipeline) brings its recorded spec with it.

    Production takes nothing but what was decided; only a dry run may show what is still to be decided. Raises
    DecisionRequired, InputError for a release of another environment.
    """
    release = named_release(place, release_id)
    if place.environment is Environment.PRODUCTION:
        if not (dry_run and release is not None and release.state is ReleaseState.PROPOSED):
            release = require_release(place, release_id)
        if release is None:
            raise DecisionRequired(f"{place.stack}: no release is proposed")
    if release is None:
        # Before the first release, staging serves the app as it was seeded.
        seeded = artefacts.store(place.root, source_of(place))
        return Served(seeded, place.spec, keep_infra(place.root, place.spec.name))
    if follows_file(files := place.files, place.environment, release, release_id):
        return Served(release.artefact, place.spec, keep_infra(place.root, place.spec.name))
    # Of a release from before code was kept, the folder's own is what is known.
    infra = keep_infra(place.root, place.spec.name) if release.infra is None else release.infra
    return Served(release.artefact, recorded_spec(release.spec), infra, set_aside(files, place.environment, release))


def note(place: Place) -> str:
    """What the files say otherwise than what is wanted there, because the environment went back; "" otherwise."""
    release = named_release(place, None)
    if release is None or follows_file(files := place.files, place.environment, release, None):
        return ""
    return set_aside(files, place.environment, release)


def declared_digest(place: Place, release_id: int | None) -> str:
    """The digest of the spec that the program declares. Raises InputError for a release of another environment."""
    release = named_release(place, release_id)
    if release is None or follows_file(place.files, place.environment, release, release_id):
        return place.spec.digest()
    return release.spec_digest


def goes_back(place: Place, release_id: int | None) -> bool:
    """Whether an update brings an earlier release back, so that no data may be lost by it. Raises InputError."""
    release = named_release(place, release_id)
    if release is None or follows_file(place.files, place.environment, release, release_id):
        return False
    # One that is named and has served already is returned to.
    return release.went_back or (release_id is not None and release.state in RETURNED_TO)


def source_of(place: Place) -> Path:
    """The folder that the app's repository is seeded from."""
    return place.root.apps / place.spec.name / "source"


def require_release(place: Place, release_id: int | None = None) -> Release:
    """The release that production may serve now: the named one, or else the wanted one.

    Raises DecisionRequired that says what is missing; each refusal is an event.
    """
    release = named_release(place, release_id)
    if release is None or release.state not in releases.WANTED:
        refuse(place, "it changes only by a person's recorded decision, and no release was decided")
    if release_id is None and (wrong := edited(place.files, release)):
        refuse(place, wrong, hint=ask_again(place))
    try:
        require_approval(place, release, release.request)
    except DecisionRequired as refusal:
        if not is_return(place, release):
            refuse(place, str(refusal), **({"hint": refusal.hint} if refusal.hint else {}))
    return release


def require_proposal(place: Place, release_id: int | None = None) -> None:
    """A preview shows what is proposed or wanted. Raises DecisionRequired when there is neither."""
    if named_release(place, release_id) is None:
        refuse(place, "it changes only by a person's recorded decision, and no release is proposed")


def require_standing(place: Place) -> None:
    """Raises InputError when nothing stands there."""
    with db.transaction(place.database) as connection:
        if environments.read(connection, place.stack) is None:
            raise InputError(f"{place.stack} does not stand", hint=f"millwright promote {place.spec.name} proposes it")


def refuse_import(place: Place) -> NoReturn:
    """Its state is what its decisions made of it: nobody decides on another one. Raises DecisionRequired."""
    refuse(
        place,
        "its state is not replaced by an exported one",
        hint="millwright refresh brings it in line with the cloud; to restore a lost backend, put its files back",
    )


def require_plan(place: Place, release: Release, plan: Plan) -> None:
    """An update may do nothing but what a person was shown. `plan` is what differs from the state, drift aside.

    At its first application a release does what its request showed (less, when a kill left it half done). Later it
    changes nothing but drift, or returns: then only what the failed release has changed. Raises DecisionRequired that
    names the first step that nobody was shown.
    """
    if release.state is ReleaseState.DEPLOYING:
        request = request_of(place, release.request)
        decided = request.shown.get("plan", []) if request else []
        strange = [step for step in plan if step not in decided]
    else:
        touched = {step[0] for request in returns(place, release) for step in request.shown.get("plan", [])}
        strange = [step for step in plan if step[0] not in touched]
    if strange:
        urn, operation, *paths = strange[0]
        what = f"{operation} {urn.rsplit('::', 1)[-1]} ({', '.join(paths)})"
        refuse(place, f"the update would do what nobody was shown: {what}, and {len(strange) - 1} more")


def _brought_back(place: Place, release: Release) -> dict[str, Any]:
    back = named_release(place, release.restores)
    return brought_back(place.files, release, back, configured(place.root, place.stack)) if back else {}
