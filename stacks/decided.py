"""What was decided about a release: that the decision names exactly it, holds now, and for what it is returned to."""

from typing import Any

from factory import approvals, db, releases
from factory.errors import DecisionRequired
from factory.gates import Gate
from factory.people import load_people
from factory.releases import Release, ReleaseState
from factory.requests import Request
from factory.spec import recorded_spec
from stacks.infra_code import INFRA
from stacks.inputs import Inputs, differing, inputs_of
from stacks.places import Place, request_of


def named(release: Release) -> dict[str, str]:
    """What a decision names of a release: its artefact and spec."""
    return {"artefact": release.artefact, "spec": release.spec_digest}


def kept(release: Release) -> dict[str, str]:
    """What a return to a release brings back."""
    return named(release) | ({} if release.infra is None else {INFRA: release.infra})


def require_approval(place: Place, release: Release, request_id: int | None) -> None:
    """The decided request names exactly this release's artefact and spec, and the decision holds now."""
    request = request_of(place, request_id)
    if request is None:
        raise DecisionRequired(f"release {release.id} was never decided")
    if request.shown.get("release") != release.id:
        raise DecisionRequired(f"request {request.id} decided on another release than {release.id}")
    if {key: request.shown.get(key) for key in ("artefact", "spec")} != named(release):
        raise DecisionRequired(f"request {request.id} showed another artefact or spec than release {release.id} has")
    if request.shown.get("restores") != release.restores:
        raise DecisionRequired(f"request {request.id} did not show that release {release.id} is a way back")
    if recorded_spec(release.spec).digest() != release.spec_digest:
        raise DecisionRequired(f"the spec kept for release {release.id} is not the one that was decided")
    _require_same_inputs(place, release, request)
    _verify(place, request)


def _require_same_inputs(place: Place, release: Release, request: Request) -> None:
    now = inputs_now(place, release)
    try:
        _require_inputs(request, now)
    except DecisionRequired as refusal:
        if release.infra is not None or (request.shown.get("inputs") or {}).get(INFRA) == now[INFRA]:
            raise DecisionRequired(str(refusal), hint=ask_again(place)) from None
        # Its digest was another kind of digest: nobody need have edited anything.
        raise DecisionRequired(
            f"release {release.id} was decided by an earlier Millwright, which kept no copy of {INFRA}: what runs now "
            f"cannot be compared with what was decided ({refusal})",
            hint=f"if nothing was edited, nothing has to be: {_promote(place)} asks once more, and then a copy is kept",
        ) from None


def ask_again(place: Place) -> str:
    """What to do when the files say otherwise than what was decided."""
    return f"undo the edit, or ask for what the files say now: {_promote(place)}, and another person approves"


def _promote(place: Place) -> str:
    return f"millwright promote {place.spec.name} --as PERSON"


def is_return(place: Place, release: Release) -> bool:
    """Whether a later decision, which holds now, named this release as the one to return to, and its release failed."""
    for request in returns(place, release):
        try:
            _require_inputs(request, _inputs_of_return(place, release, request))
            _verify(place, request)
        except DecisionRequired:
            continue
        return True
    return False


def returns(place: Place, release: Release) -> list[Request]:
    """The requests of failed releases that named this one as what they replace."""
    with db.transaction(place.database) as connection:
        later = [r for r in releases.of_app(connection, release.app) if r.replaces == release.id]
    asked = [request_of(place, r.request) for r in later if r.state is ReleaseState.FAILED]
    return [request for request in asked if request and _replaced(request) == kept(release)]


def _replaced(request: Request) -> dict[str, Any]:
    return {key: value for key, value in (request.shown.get("replaces") or {}).items() if key != "release"}


def inputs_now(place: Place, release: Release) -> Inputs:
    """What the release runs with now."""
    return inputs_of(place.root, place.stack, place.files.infra if release.infra is None else release.infra)


def _inputs_of_return(place: Place, release: Release, failed: Request) -> Inputs:
    """The same for a return: the decision on the failed release named the code among what it replaces."""
    now = inputs_now(place, release)
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
