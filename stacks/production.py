"""Production: it may become what a person decided. Asked by the driver, by the door, and by the program itself."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from sqlalchemy import Engine

from factory import approvals, artefacts, db, environments, events, releases, requests
from factory.errors import DecisionRequired, InputError
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.releases import Release, ReleaseState
from factory.requests import Request
from factory.settings import Settings
from factory.spec import AppSpec, Environment, recorded_spec
from stacks.driver.model import UNCHANGED, Step
from stacks.followed import Files, brought_back, edited, follows_file, set_aside
from stacks.infra_code import INFRA, infra_digest, keep_infra
from stacks.inputs import Inputs, configured, differing, inputs_of
from stacks.shared_platform import Spec, Which

Plan = list[list[Any]]
RETURNED_TO = (ReleaseState.SERVING, ReleaseState.REPLACED)


class Place(NamedTuple):
    """Where something is asked about: a factory, its database, one app in one environment."""

    root: FactoryRoot
    settings: Settings
    database: Engine
    spec: AppSpec
    environment: Environment

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.spec.stack(self.environment)

    @property
    def files(self) -> Files:
        """What the app's files say now."""
        return Files(self.spec, infra_digest(self.root, self.spec.name))

    @property
    def guarded(self) -> bool:
        """Whether it changes by a person's decision only."""
        return self.environment is Environment.PRODUCTION


def place_of(root: FactoryRoot, settings: Settings, database: Engine, spec: Spec, which: Which) -> Place | None:
    """The place of an app's environment; None for what all apps share."""
    if isinstance(spec, AppSpec) and isinstance(which, Environment):
        return Place(root, settings, database, spec, which)
    return None


def in_production(root: FactoryRoot, settings: Settings, database: Engine, spec: Spec, which: Which) -> Place | None:
    """The place of a production environment; None for every other one, and for what all apps share."""
    place = place_of(root, settings, database, spec, which)
    return place if place and place.guarded else None


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
        **_named(release),
        "plan": plan,
        "inputs": _inputs(place, release),
        "replaces": {"release": replaced.id, **_kept(replaced)} if replaced else None,
        **(_brought_back(place, release) if release.restores is not None else {}),
    }


def to_serve(place: Place, release_id: int | None, *, dry_run: bool) -> Served:
    """What the program declares. A release that is named (by the pipeline) brings its recorded spec with it.

    Production takes nothing but what was decided; only a dry run may show what is still to be decided. Raises
    DecisionRequired, InputError for a release of another environment.
    """
    release = _named_release(place, release_id)
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
    release = _named_release(place, None)
    if release is None or follows_file(files := place.files, place.environment, release, None):
        return ""
    return set_aside(files, place.environment, release)


def declared_digest(place: Place, release_id: int | None) -> str:
    """The digest of the spec that the program declares. Raises InputError for a release of another environment."""
    release = _named_release(place, release_id)
    if release is None or follows_file(place.files, place.environment, release, release_id):
        return place.spec.digest()
    return release.spec_digest


def goes_back(place: Place, release_id: int | None) -> bool:
    """Whether an update brings an earlier release back, so that no data may be lost by it. Raises InputError."""
    release = _named_release(place, release_id)
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
    release = _named_release(place, release_id)
    if release is None or release.state not in releases.WANTED:
        refuse(place, "it changes only by a person's recorded decision, and no release was decided")
    if release_id is None and (wrong := edited(place.files, release)):
        refuse(place, wrong, hint=_ask_again(place))
    try:
        _require_approval(place, release, release.request)
    except DecisionRequired as refusal:
        if not _is_return(place, release):
            refuse(place, str(refusal), **({"hint": refusal.hint} if refusal.hint else {}))
    return release


def require_proposal(place: Place, release_id: int | None = None) -> None:
    """A preview shows what is proposed or wanted. Raises DecisionRequired when there is neither."""
    if _named_release(place, release_id) is None:
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
        request = _request(place, release.request)
        decided = request.shown.get("plan", []) if request else []
        strange = [step for step in plan if step not in decided]
    else:
        touched = {step[0] for request in _returns(place, release) for step in request.shown.get("plan", [])}
        strange = [step for step in plan if step[0] not in touched]
    if strange:
        urn, operation, *paths = strange[0]
        what = f"{operation} {urn.rsplit('::', 1)[-1]} ({', '.join(paths)})"
        refuse(place, f"the update would do what nobody was shown: {what}, and {len(strange) - 1} more")


def refuse(
    place: Place, why: str, hint: str = "millwright promote proposes a release; millwright inbox shows it"
) -> NoReturn:
    """Refuse something that production does not take, and write that down. Raises DecisionRequired."""
    event = events.new_event(
        "update.refused",
        actor="unattested",
        app=place.spec.name,
        environment=place.environment.value,
        reason=why.splitlines()[0][:500],
    )
    with db.transaction(place.database) as connection:
        events.append(connection, event)
    raise DecisionRequired(f"{place.stack} is production: {why}", hint=hint)


def _named(release: Release) -> dict[str, str]:
    return {"artefact": release.artefact, "spec": release.spec_digest}


def _kept(release: Release) -> dict[str, str]:
    """What a return to a release brings back."""
    return _named(release) | ({} if release.infra is None else {INFRA: release.infra})


def _brought_back(place: Place, release: Release) -> dict[str, Any]:
    back = _named_release(place, release.restores)
    return brought_back(place.files, release, back, configured(place.root, place.stack)) if back else {}


def _named_release(place: Place, release_id: int | None) -> Release | None:
    with db.transaction(place.database) as connection:
        if release_id is None:
            return releases.wanted(connection, place.spec.name, place.environment)
        release = releases.read(connection, release_id)
    if release is None or (release.app, release.environment) != (place.spec.name, place.environment):
        raise InputError(f"{place.stack} has no release {release_id}")
    return release


def _require_approval(place: Place, release: Release, request_id: int | None) -> None:
    """The decided request names exactly this release's artefact and spec, and the decision holds now."""
    request = _request(place, request_id)
    if request is None:
        raise DecisionRequired(f"release {release.id} was never decided")
    if request.shown.get("release") != release.id:
        raise DecisionRequired(f"request {request.id} decided on another release than {release.id}")
    if {key: request.shown.get(key) for key in ("artefact", "spec")} != _named(release):
        raise DecisionRequired(f"request {request.id} showed another artefact or spec than release {release.id} has")
    if request.shown.get("restores") != release.restores:
        raise DecisionRequired(f"request {request.id} did not show that release {release.id} is a way back")
    if recorded_spec(release.spec).digest() != release.spec_digest:
        raise DecisionRequired(f"the spec kept for release {release.id} is not the one that was decided")
    _require_same_inputs(place, release, request)
    _verify(place, request)


def _require_same_inputs(place: Place, release: Release, request: Request) -> None:
    now = _inputs(place, release)
    try:
        _require_inputs(request, now)
    except DecisionRequired as refusal:
        if release.infra is not None or (request.shown.get("inputs") or {}).get(INFRA) == now[INFRA]:
            raise DecisionRequired(str(refusal), hint=_ask_again(place)) from None
        # Its digest was another kind of digest: nobody need have edited anything.
        raise DecisionRequired(
            f"release {release.id} was decided by an earlier Millwright, which kept no copy of {INFRA}: what runs now "
            f"cannot be compared with what was decided ({refusal})",
            hint=f"if nothing was edited, nothing has to be: {_promote(place)} asks once more, and then a copy is kept",
        ) from None


def _ask_again(place: Place) -> str:
    return f"undo the edit, or ask for what the files say now: {_promote(place)}, and another person approves"


def _promote(place: Place) -> str:
    return f"millwright promote {place.spec.name} --as PERSON"


def _is_return(place: Place, release: Release) -> bool:
    """Whether a later decision, which holds now, named this release as the one to return to, and its release failed."""
    for request in _returns(place, release):
        try:
            _require_inputs(request, _inputs_of_return(place, release, request))
            _verify(place, request)
        except DecisionRequired:
            continue
        return True
    return False


def _returns(place: Place, release: Release) -> list[Request]:
    """The requests of failed releases that named this one as what they replace."""
    with db.transaction(place.database) as connection:
        later = [r for r in releases.of_app(connection, release.app) if r.replaces == release.id]
    asked = [_request(place, r.request) for r in later if r.state is ReleaseState.FAILED]
    return [request for request in asked if request and _replaced(request) == _kept(release)]


def _replaced(request: Request) -> dict[str, Any]:
    return {key: value for key, value in (request.shown.get("replaces") or {}).items() if key != "release"}


def _inputs(place: Place, release: Release) -> Inputs:
    """What the release runs with now."""
    return inputs_of(place.root, place.stack, place.files.infra if release.infra is None else release.infra)


def _inputs_of_return(place: Place, release: Release, failed: Request) -> Inputs:
    """The same for a return: the decision on the failed release named the code among what it replaces."""
    now = _inputs(place, release)
    return now if release.infra is None else now | {INFRA: (failed.shown.get("inputs") or {}).get(INFRA)}


def _require_inputs(request: Request, now: Inputs) -> None:
    if wrong := differing(request.shown.get("inputs"), now):
        raise DecisionRequired(f"request {request.id}: {wrong}")


def _verify(place: Place, request: Request) -> None:
    people = load_people(place.root, place.settings)
    deciders = place.spec.deciders_at(Gate.PRODUCTION)
    approvals.verified(
        place.database, people, request.id, gate=Gate.PRODUCTION, fingerprint=request.fingerprint, deciders=deciders
    )


def _request(place: Place, request_id: int | None) -> Request | None:
    with db.transaction(place.database) as connection:
        return None if request_id is None else requests.read(connection, request_id)
