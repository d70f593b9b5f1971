"""Which release an environment may go back to, and what is said where there is none."""

from collections.abc import Callable

import pytest
from production_bench import back, decide, decided, deploy, propose, read, two_specs
from production_bench import kept as kept  # noqa: PLC0414  (the fixture)
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from sqlalchemy import update

from factory import artefacts, db, releases
from factory.errors import InputError
from factory.releases import RELEASES
from factory.spec import Environment
from stacks import rollback
from stacks.places import Place


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
    choice = rollback.choose(place, first.id)
    assert choice.release is None
    assert choice.said == "links-production serves release 2 already, which is what release 1 was"


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


def test_other_apps_releases_are_not_this_apps(place: Place, kept: list[str]) -> None:
    first, _ = decided(place, kept[0])
    decided(place, kept[1])
    with db.transaction(place.database) as connection:
        connection.execute(update(RELEASES).where(RELEASES.c.id == first.id).values(app="notes"))
    with pytest.raises(InputError, match="has no release 1"):
        rollback.choose(place, first.id)
