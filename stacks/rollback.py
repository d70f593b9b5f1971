"""Back to an earlier release: which one can serve again, and that no data is lost by it."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from factory import artefacts, db, releases
from factory.artefacts import ArtefactBroken, ArtefactMissing
from factory.errors import DataAtRisk, InputError
from factory.releases import Release, ReleaseState
from factory.spec import Environment
from stacks import production
from stacks.driver.model import Step
from stacks.driver.stateful import at_risk
from stacks.followed import configured_since, otherwise
from stacks.inputs import configured
from stacks.places import Place

# As many letters of a digest as people compare.
DIGEST = len("sha256:") + 12
LISTED = 10
KEEP_DATA = "release forward instead, with a spec that keeps what holds data"


class Choice(NamedTuple):
    """Where to go back to. `release` is None when there is nothing to do, and `said` says why.

    `stays` says, in words, what of the app's files is set aside, and what is configured otherwise than it was then.
    """

    release: Release | None
    said: str
    stays: tuple[str, ...] = ()


def choose(place: Place, to: int | None) -> Choice:
    """The release that `to` names; without, the one that the newest release replaced, unless it was taken back already.

    Raises InputError, with the releases that there are: nothing serves there, no release of that number ever served
    there, or its artefact is not kept any more.
    """
    with db.transaction(place.database) as connection:
        known = [r for r in releases.of_app(connection, place.spec.name) if r.environment == place.environment]
    now = next((release for release in known if release.state in releases.WANTED), None)
    if now is None:
        raise InputError(f"nothing was released to {place.stack}: there is no way back", hint=_first_release(place))
    earlier = [r for r in known if r.served and r.state in production.RETURNED_TO and r.id != now.id]
    if to is None and (taken_back := _taken_back(now, known)):
        said = f"{place.stack} serves release {now.id}: it went back already, from release {taken_back}"
        return Choice(None, f"{said}; --to goes elsewhere: {_listed(earlier)}")
    wanted = now if to == now.id else _named(place, now.replaces if to is None else to, known, earlier)
    if wanted.same_as(now):
        what = "" if wanted.id == now.id else f", which is what release {wanted.id} was"
        return Choice(None, f"{place.stack} serves release {now.id} already{what}")
    require_kept(place, wanted)
    said = f"{place.stack} goes back from release {now.id} to release {wanted.id}"
    return Choice(wanted, said, tuple(_stays(place, wanted)))


def _stays(place: Place, back: Release) -> Iterator[str]:
    yield from (f"set aside: {said}" for said in otherwise(place.files, back))
    if keys := configured_since(back, configured(place.root, place.stack)):
        yield f"configured otherwise since release {back.id} served, and stays so: {', '.join(keys)}"


def require_kept(place: Place, release: Release) -> None:
    """Raises InputError when the artefact of a release, or its infra.py, is not kept any more, or was changed."""
    try:
        for digest in filter(None, (release.artefact, release.infra)):
            artefacts.folder(place.root, digest)
    except (ArtefactMissing, ArtefactBroken) as error:
        raise InputError(
            f"release {release.id} of {place.stack} cannot serve again: {error}",
            hint=f"name another one: millwright rollback {place.spec.name} {place.environment} --to RELEASE",
        ) from None


def require_data_kept(stack: str, steps: Iterable[Step]) -> None:
    """Raises DataAtRisk that names what the way back would replace or delete, of what holds data."""
    if lost := at_risk(steps):
        named = "\n".join(f"  {step.action} {step.type} {step.name}" for step in lost)
        raise DataAtRisk(f"the way back on {stack} would lose data:\n{named}", hint=KEEP_DATA)


def not_declared(standing: Iterable[Mapping[str, Any]], declared: Container[str]) -> list[Step]:
    """The resources of a stack's state that a program, which declared the URNs `declared`, leaves out: deletions."""
    return [
        Step(urn=r["urn"], type=r["type"], name=r["urn"].rsplit("::", 1)[-1], action="delete")
        for r in standing
        if r["urn"] not in declared
    ]


def _taken_back(now: Release, known: Iterable[Release]) -> int | None:
    """The release that was taken back, when what serves now is where that led."""
    if now.restores is not None:
        return now.replaces
    failed = (r for r in known if r.state is ReleaseState.FAILED and r.replaces == now.id)
    return next((release.id for release in failed), None)


def _named(place: Place, number: int | None, known: list[Release], earlier: list[Release]) -> Release:
    if found := next((release for release in earlier if release.id == number), None):
        return found
    found = next((release for release in known if release.id == number), None)
    if number is None:
        why = f"what {place.stack} serves replaced no other release"
    elif found is None:
        why = f"{place.stack} has no release {number}"
    else:
        reason = f": {found.reason}" if found.reason else ""
        why = f"release {number} of {place.stack} is {found.state}{reason}"
    raise InputError(why, hint=f"--to takes one that served there before: {_listed(earlier)}")


def _listed(earlier: list[Release]) -> str:
    named = [f"{r.id} ({r.change or 'no change'}, {r.artefact[:DIGEST]}, {r.started[:10]})" for r in earlier]
    more = f", and {len(named) - LISTED} older" if len(named) > LISTED else ""
    return ", ".join(named[:LISTED]) + more if named else "there is none"


def _first_release(place: Place) -> str:
    if place.environment is Environment.PRODUCTION:
        return f"millwright promote {place.spec.name} proposes its first release"
    if place.environment is Environment.STAGING:
        return "a change that is released brings its first release"
    return "only staging and production have releases"
