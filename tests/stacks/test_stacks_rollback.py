"""Back to an earlier release: which one may serve again, what the program then declares, and what was decided of it."""

from collections.abc import Callable

import pytest
from production_bench import OTHER, STEP, decide, decided, deploy, lose_roles, propose, refused
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from sqlalchemy import update

from factory import artefacts, db, releases
from factory.errors import DataAtRisk, DecisionRequired, InputError
from factory.releases import RELEASES, Release
from factory.spec import Environment, load_app
from stacks import production, rollback
from stacks.driver import Step
from stacks.production import Place

BUCKET = Step(urn="urn:a::b::files", type="aws:s3/bucket:Bucket", name="files", action="delete")


@pytest.fixture
def kept(place: Place) -> list[str]:
    """Three artefacts that are kept."""
    source = place.root.apps / "links" / "source"
    digests = []
    for number in range(3):
        (source / f"{number}.txt").write_text(str(number))
        digests.append(artefacts.store(place.root, source))
    return digests


def edit(place: Place, old: str = "replicas: 1", new: str = "replicas: 2") -> Place:
    """The place after app.yaml was edited."""
    file = place.root.apps / "links" / "app.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return place._replace(spec=load_app(place.root, "links"))


def back(place: Place, to: Release) -> tuple[Release, int]:
    """A way back that is proposed, and the request that shows it."""
    return propose(place, to.artefact, back=to)


def two_specs(place: Place, kept: list[str]) -> tuple[Place, Release, Release]:
    """One release, and another one with a later app.yaml, which serves."""
    first, _ = decided(place, kept[0])
    edited = edit(place)
    second, _ = decided(edited, kept[1])
    return edited, first, second


def read(place: Place, release: Release) -> Release:
    with db.transaction(place.database) as connection:
        found = releases.read(connection, release.id)
    assert found is not None
    return found


def test_without_a_number_it_is_what_the_newest_release_replaced(place: Place, kept: list[str]) -> None:
    first, second, third = (decided(place, digest)[0] for digest in kept)
    chosen = rollback.choose(place, None)
    assert chosen.release is not None
    assert (chosen.release.id, chosen.said) == (second.id, "links-production goes back from release 3 to release 2")
    assert rollback.choose(place, first.id).release == read(place, first)
    assert rollback.choose(place, third.id).release is None


def test_what_serves_already_is_nothing_to_do(place: Place, kept: list[str]) -> None:
    first, _ = decided(place, kept[0])
    second, _ = decided(place, kept[0])
    assert rollback.choose(place, second.id).said == "links-production serves release 2 already"
    said = rollback.choose(place, first.id)
    assert said == (None, "links-production serves release 2 already, which is what release 1 was")


def test_twice_in_a_row_goes_back_once_and_forward_only_by_number(place: Place, kept: list[str]) -> None:
    edited, first, second = two_specs(place, kept)
    release, request = back(edited, first)
    decide(edited, request)
    deploy(edited, release, request)
    again = rollback.choose(edited, None)
    assert again.release is None
    assert again.said.startswith("links-production serves release 3: it went back already, from release 2; --to goes")
    # A way back of a way back is named.
    forward = rollback.choose(edited, second.id).release
    assert forward is not None
    assert forward.artefact == second.artefact


def test_after_an_automatic_return_there_is_nothing_to_do_either(place: Place, kept: list[str]) -> None:
    decided(place, kept[0])
    second, request = propose(place, kept[1])
    decide(place, request)
    deploy(place, second, request, serves=False)
    with db.transaction(place.database) as connection:
        releases.failed(connection, read(place, second), "503")
    assert "it went back already, from release 2" in rollback.choose(place, None).said


def _of_staging(place: Place, kept: list[str]) -> tuple[int, str]:
    staging = place._replace(environment=Environment.STAGING)
    with db.transaction(place.database) as connection:
        made = releases.propose(
            connection,
            releases.Proposal(
                key="links/y:staging:1",
                app="links",
                environment="staging",
                artefact=kept[0],
                spec=staging.spec.model_dump(mode="json", by_alias=True),
                spec_digest=staging.spec.digest(),
                change="y",
            ),
        )
    return made.id, f"has no release {made.id}"


def _refused(place: Place, kept: list[str]) -> tuple[int, str]:
    release, _ = propose(place, kept[2])
    with db.transaction(place.database) as connection:
        releases.refused(connection, release.id, "too big")
    return release.id, f"release {release.id} of links-production is refused: too big"


def _found_bad(place: Place, kept: list[str]) -> tuple[int, str]:
    release, request = propose(place, kept[2])
    deploy(place, release, request, serves=False)
    with db.transaction(place.database) as connection:
        releases.failed(connection, read(place, release), "503 at /health")
    return release.id, f"release {release.id} of links-production is failed: 503 at /health"


def _unknown(place: Place, kept: list[str]) -> tuple[int, str]:
    return 99, "links-production has no release 99"


@pytest.mark.parametrize("case", [_of_staging, _refused, _found_bad, _unknown])
def test_what_never_served_there_is_refused_with_what_did(
    place: Place, kept: list[str], case: Callable[[Place, list[str]], tuple[int, str]]
) -> None:
    for digest in kept[:2]:
        decided(place, digest)
    number, why = case(place, kept)
    with pytest.raises(InputError, match=why) as refusal:
        rollback.choose(place, number)
    assert refusal.value.hint.startswith(f"--to takes one that served there before: 1 (x, {kept[0][:19]}, ")
    chosen = rollback.choose(place, 1).release
    assert chosen is not None


def test_a_first_release_and_nothing_at_all_have_no_way_back(place: Place, kept: list[str]) -> None:
    with pytest.raises(InputError, match="nothing was released to links-production") as refusal:
        rollback.choose(place, None)
    assert "millwright promote links" in refusal.value.hint
    decided(place, kept[0])
    with pytest.raises(InputError, match="replaced no other release") as refusal:
        rollback.choose(place, None)
    assert refusal.value.hint.endswith("there is none")


@pytest.mark.parametrize("change", ["removed", "edited"])
def test_an_artefact_that_is_not_kept_any_more_cannot_serve_again(place: Place, kept: list[str], change: str) -> None:
    for digest in kept[:2]:
        decided(place, digest)
    assert rollback.choose(place, None).release
    folder = artefacts.folder(place.root, kept[0])
    folder.chmod(0o755)
    if change == "removed":
        folder.rename(folder.with_name("elsewhere"))
    else:
        (folder / "more.txt").write_text("x")
    with pytest.raises(InputError, match="release 1 of links-production cannot serve again: ") as refusal:
        rollback.choose(place, None)
    assert "--to RELEASE" in refusal.value.hint


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
    assert production.to_serve(edited, None, dry_run=False) == (kept[1], edited.spec, "")
    deploy(edited, *back(edited, first))
    served = production.to_serve(edited, None, dry_run=False)
    assert (served.artefact, served.spec) == (kept[0], staging.spec)
    assert "services.web.replicas: it is set aside until it is edited, or the next release" in served.note
    third = edit(edited, "replicas: 2", "replicas: 3")
    assert production.to_serve(third, None, dry_run=False) == (kept[0], third.spec, "")
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


def test_other_apps_releases_are_not_this_apps(place: Place, kept: list[str]) -> None:
    first, _ = decided(place, kept[0])
    decided(place, kept[1])
    with db.transaction(place.database) as connection:
        connection.execute(update(RELEASES).where(RELEASES.c.id == first.id).values(app="notes"))
    with pytest.raises(InputError, match="has no release 1"):
        rollback.choose(place, first.id)
