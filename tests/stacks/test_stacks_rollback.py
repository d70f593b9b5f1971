"""Back to an earlier release: no data is lost, the program declares its spec, and only what a person decided."""

from collections.abc import Callable

import pytest
from production_bench import (
    OTHER,
    STEP,
    back,
    decide,
    decided,
    deploy,
    edit,
    lose_roles,
    propose,
    read,
    refused,
    two_specs,
)
from production_bench import kept as kept  # noqa: PLC0414  (the fixture)
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from sqlalchemy import update

from factory import db, releases
from factory.errors import DataAtRisk, DecisionRequired
from factory.releases import RELEASES, Release
from factory.spec import Environment
from stacks import production, rollback
from stacks.driver import Step
from stacks.places import Place

BUCKET = Step(urn="urn:a::b::files", type="aws:s3/bucket:Bucket", name="files", action="delete")


def test_what_holds_data_is_never_lost_on_the_way_back() -> None:
    rollback.require_data_kept("links-staging", [STEP])
    with pytest.raises(DataAtRisk, match="delete aws:s3/bucket:Bucket files") as refusal:
        rollback.require_data_kept("links-staging", [STEP, BUCKET])
    assert refusal.value.exit_code == 13


def test_a_decided_way_back_serves_its_own_spec_by_every_door(place: Place, kept: list[str]) -> None:
    edited, first, _ = two_specs(place, kept)
    release, request = back(edited, first)
    decide(edited, request)
    deploy(edited, release, request)
    assert release.spec_digest != edited.spec.digest()
    for named in (None, release.id):
        served = production.to_serve(edited, named, dry_run=False)
        assert (served.artefact, served.spec) == (first.artefact, place.spec)
        assert "app.yaml differs in services.web.replicas" in served.note
        assert production.goes_back(edited, named)
    assert production.note(edited).startswith("links-production serves release 3, which brought release 1 back")
    assert refused(edited) == []


def test_an_app_yaml_edited_once_more_was_not_decided(place: Place, kept: list[str]) -> None:
    edited, first, _ = two_specs(place, kept)
    release, request = back(edited, first)
    decide(edited, request)
    deploy(edited, release, request)
    third = edit(edited, "replicas: 2", "replicas: 3")
    with pytest.raises(DecisionRequired, match=r"app\.yaml was edited after the decision.*services\.web\.replicas"):
        production.require_release(third)
    # What was set aside, and what serves, are both known.
    assert production.require_release(edited).id == release.id
    assert production.require_release(place).id == release.id


def _undecided(place: Place, first: Release, second: Release) -> None:
    del second
    deploy(place, *back(place, first))


def _lost_role(place: Place, first: Release, second: Release) -> None:
    del second
    release, request = back(place, first)
    decide(place, request)
    deploy(place, release, request)
    lose_roles(place)


def _decision_on_the_release_that_served(place: Place, first: Release, second: Release) -> None:
    del second
    release, _ = back(place, first)
    # Its request has the same number.
    deploy(place, release, first.id)


def _another_artefact(place: Place, first: Release, second: Release) -> None:
    release, request = back(place, first)
    decide(place, request)
    deploy(place, release, request)
    with db.transaction(place.database) as connection:
        query = update(RELEASES).where(RELEASES.c.id == release.id)
        connection.execute(query.values(artefact=second.artefact))


def _not_shown_as_a_way_back(place: Place, first: Release, second: Release) -> None:
    del second
    release, request = propose(place, first.artefact)
    decide(place, request)
    deploy(place, release, request)
    with db.transaction(place.database) as connection:
        query = update(RELEASES).where(RELEASES.c.id == release.id)
        connection.execute(query.values(restores=first.id))


def _by_hand(place: Place, first: Release, second: Release) -> None:
    """The rows say that the first serves again, and nobody decided on it after the second had served."""
    with db.transaction(place.database) as connection:
        for release, state in ((first, "serving"), (second, "replaced")):
            connection.execute(update(RELEASES).where(RELEASES.c.id == release.id).values(state=state))


ATTACKS: dict[str, tuple[Callable[[Place, Release, Release], None], str]] = {
    "undecided": (_undecided, "nobody has decided yet"),
    "the role lost": (_lost_role, "does not hold the role operator"),
    "another release's decision": (_decision_on_the_release_that_served, "decided on another release"),
    "another artefact in the row": (_another_artefact, "showed another artefact or spec"),
    "not shown as a way back": (_not_shown_as_a_way_back, "did not show that release 3 is a way back"),
    "rows written by hand": (_by_hand, "app.yaml was edited after the decision"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_way_back_around_a_decision_is_refused_for_its_own_reason(place: Place, kept: list[str], attack: str) -> None:
    act, reason = ATTACKS[attack]
    edited, first, second = two_specs(place, kept)
    act(edited, first, second)
    with pytest.raises(DecisionRequired, match=reason):
        production.require_release(edited)
    # The program asks the same, so a plain `pulumi up` without our door gains nothing.
    with pytest.raises(DecisionRequired, match=reason):
        production.to_serve(edited, None, dry_run=False)
    assert len(refused(edited)) == 2


def test_before_the_decision_every_door_serves_what_was_decided_before(place: Place, kept: list[str]) -> None:
    edited, first, second = two_specs(place, kept)
    release, request = back(edited, first)
    assert production.to_serve(edited, release.id, dry_run=True).artefact == first.artefact
    assert production.to_serve(edited, None, dry_run=False).artefact == second.artefact
    with pytest.raises(DecisionRequired, match="no release was decided"):
        production.to_serve(edited, release.id, dry_run=False)
    decide(edited, request)
    deploy(edited, release, request)
    assert production.to_serve(edited, None, dry_run=False).artefact == first.artefact


def test_the_plan_of_a_way_back_is_what_was_shown(place: Place, kept: list[str]) -> None:
    edited, first, second = two_specs(place, kept)
    release, request = back(edited, first)
    decide(edited, request)
    deploy(edited, release, request, serves=False)
    begun = production.require_release(edited)
    production.require_plan(edited, begun, production.plan_of([STEP]))
    with pytest.raises(DecisionRequired, match="what nobody was shown: delete y"):
        production.require_plan(edited, begun, production.plan_of([STEP, OTHER]))
    # A bad one returns to what it replaced: the decision named that.
    with db.transaction(edited.database) as connection:
        before = releases.failed(connection, begun, "503")
    assert before is not None
    assert before.id == second.id
    assert production.require_release(edited, second.id).id == second.id


def test_staging_follows_app_yaml_again_once_that_is_edited(place: Place, kept: list[str]) -> None:
    staging = place._replace(environment=Environment.STAGING)
    first, request = propose(staging, kept[0])
    deploy(staging, first, request)
    edited = edit(staging)
    deploy(edited, *propose(edited, kept[1]))
    assert production.to_serve(edited, None, dry_run=False) == (kept[1], edited.spec, "", "")
    deploy(edited, *back(edited, first))
    served = production.to_serve(edited, None, dry_run=False)
    assert (served.artefact, served.spec) == (kept[0], staging.spec)
    assert "services.web.replicas: it is set aside until it is edited, or the next release" in served.note
    third = edit(edited, "replicas: 2", "replicas: 3")
    assert production.to_serve(third, None, dry_run=False) == (kept[0], third.spec, "", "")
    assert not production.goes_back(third, None)


def test_an_automatic_return_sets_app_yaml_aside_as_well(place: Place, kept: list[str]) -> None:
    first, _ = decided(place, kept[0])
    edited = edit(place)
    second, request = propose(edited, kept[1])
    decide(edited, request)
    deploy(edited, second, request, serves=False)
    bad = read(edited, second)
    with db.transaction(edited.database) as connection:
        before = releases.failed(connection, bad, "503")
    assert before is not None
    with pytest.raises(DecisionRequired, match="edited after the decision"):
        production.require_release(edited)
    # From when the stack is back, a plain update changes nothing.
    with db.transaction(edited.database) as connection:
        releases.returned(connection, bad, before)
    assert production.to_serve(edited, None, dry_run=False).spec == place.spec
    assert "which was returned to" in production.note(edited)
    assert first.id == before.id
