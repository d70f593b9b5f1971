"""A release runs the infra.py that was decided for it, whatever the app's folder holds by then."""

import shutil
from collections.abc import Callable

import pytest
from component_mocks import declare
from production_bench import back, configure, decide, decided, deploy, edit, propose, read, refused, write_infra
from production_bench import kept as kept  # noqa: PLC0414  (the fixture)
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from sqlalchemy import update
from test_stacks_program import ANSWERS

from factory import artefacts, db, releases
from factory.artefacts import ArtefactBroken
from factory.errors import DecisionRequired, InputError
from factory.releases import RELEASES, Release
from factory.spec import Environment
from stacks import production, rollback
from stacks.infra_code import infra_digest, keep_infra
from stacks.places import Place
from stacks.program.build import build
from stacks.program.keys import secret_keys

TOPIC = "import pulumi_aws as aws\n\ndef extend(factory):\n    aws.sns.Topic('%s')\n"
BESIDE = "import alarms\n\ndef extend(factory):\n    alarms.make()\n"
HELPER = "import pulumi_aws as aws\n\ndef make():\n    aws.sns.Topic('%s')\n"


def topics(place: Place, release: int | None = None) -> list[str]:
    """The topics that the program declares."""
    config = {f"my-factory:{key}": "any" for key in secret_keys(place.spec)}
    declared = declare(
        lambda: build(place.root, place.settings, place.spec, place.environment, release),
        stack=place.stack,
        config=config,
        answers=ANSWERS,
    )
    return [each.name for each in declared if each.type == "aws:sns/topic:Topic" and each.name in ("one", "two")]


def two_codes(place: Place, kept: list[str], *, beside: bool = False) -> tuple[Release, Release]:
    """A release with one infra.py, and a later one with another, which serves."""
    for number, name in enumerate(("one", "two")):
        write_infra(place, BESIDE if beside else TOPIC % name)
        if beside:
            write_infra(place, HELPER % name, "alarms.py")
        found, _ = decided(place, kept[number])
        if number == 0:
            first = found
    return read(place, first), found


def went_back(place: Place, to: Release) -> Release:
    release, request = back(place, to)
    decide(place, request)
    deploy(place, release, request)
    return release


@pytest.mark.parametrize("beside", [False, True], ids=["infra.py", "what it imports"])
def test_a_way_back_runs_the_code_of_the_earlier_release_by_every_door(
    place: Place, kept: list[str], beside: bool
) -> None:
    first, second = two_codes(place, kept, beside=beside)
    assert topics(place) == ["two"]
    release = went_back(place, first)
    assert (release.infra, first.infra == second.infra) == (first.infra, False)
    for named in (None, release.id):
        assert topics(place, named) == ["one"]
    assert "infra.py differs: it is set aside until a release with it is decided" in production.note(place)
    # What serves, and what was set aside, are both known.
    shutil.copytree(artefacts.folder(place.root, first.infra or ""), place.root.apps / "links", dirs_exist_ok=True)
    assert topics(place) == ["one"]
    assert production.note(place) == ""


def _edited(place: Place) -> None:
    write_infra(place, TOPIC % "three")


def _edited_beside(place: Place) -> None:
    write_infra(place, HELPER % "three", "alarms.py")


def _added_beside(place: Place) -> None:
    (place.root.apps / "links" / "more").mkdir()
    write_infra(place, "", "more/data.json")


def _removed(place: Place) -> None:
    (place.root.apps / "links" / "infra.py").unlink()


def _of_another_release(place: Place) -> None:
    write_infra(place, TOPIC % "three")
    other = keep_infra(place.root, "links")
    write_infra(place, BESIDE)
    _write_row(place, infra=other)


def _not_kept_any_more(place: Place) -> None:
    """So that the folder's would count, as of a release from before code was kept; and it is another one."""
    write_infra(place, TOPIC % "three")
    _write_row(place, infra=None)


def _write_row(place: Place, **values: object) -> None:
    with db.transaction(place.database) as connection:
        connection.execute(update(RELEASES).values(**values))


@pytest.mark.parametrize(
    "attack", [_edited, _edited_beside, _added_beside, _removed, _of_another_release, _not_kept_any_more]
)
def test_code_that_was_not_decided_is_refused_by_door_and_program(
    place: Place, kept: list[str], attack: Callable[[Place], None]
) -> None:
    write_infra(place, BESIDE)
    write_infra(place, HELPER % "one", "alarms.py")
    write_infra(place, "held out", "changes/later.md")
    decided(place, kept[0])
    # What no stack depends on may change, and what was decided holds.
    write_infra(place, "other", "changes/later.md")
    write_infra(place, "other", "README.md")
    assert topics(place) == ["one"]
    attack(place)
    with pytest.raises(DecisionRequired, match=r"changed after the decision: infra\.py"):
        production.require_release(place)
    with pytest.raises(DecisionRequired, match=r"changed after the decision: infra\.py"):
        topics(place)
    assert len(refused(place)) == 2


def test_who_meets_code_that_nobody_decided_is_told_what_became_of_it_and_what_to_do(
    place: Place, kept: list[str]
) -> None:
    decided(place, kept[0])
    assert production.require_release(place)
    write_infra(place, TOPIC % "one")
    with pytest.raises(DecisionRequired, match=r"changed after the decision: infra\.py \(it was added\)") as added:
        production.require_release(place)
    asks = "millwright promote links --as PERSON"
    assert added.value.hint == f"undo the edit, or ask for what the files say now: {asks}, and another person approves"
    decided(place, kept[0])
    assert production.require_release(place)
    (place.root.apps / "links" / "infra.py").unlink()
    with pytest.raises(DecisionRequired, match=r"infra\.py \(it was removed\)"):
        production.require_release(place)


def test_what_was_decided_before_code_was_kept_is_to_be_asked_for_once_more_and_says_so(
    place: Place, kept: list[str]
) -> None:
    write_infra(place, TOPIC % "one")
    release, _ = decided(place, kept[0])
    _write_row(place, infra=None)
    assert production.require_release(place).id == release.id
    # Its request showed a digest of another kind, which no folder has now.
    write_infra(place, TOPIC % "two")
    with pytest.raises(DecisionRequired, match=f"release {release.id} was decided by an earlier Millwright") as refusal:
        production.require_release(place)
    assert refusal.value.hint.startswith("if nothing was edited, nothing has to be: millwright promote links")
    # What was configured is another matter, and is told as that.
    write_infra(place, TOPIC % "one")
    configure(place, {"aws:region": "us-east-1"})
    with pytest.raises(DecisionRequired, match="changed after the decision: aws:region"):
        production.require_release(place)
    decided(place, kept[0])
    assert production.require_release(place).infra


def test_the_line_applies_the_code_that_was_decided_whatever_is_edited_meanwhile(place: Place, kept: list[str]) -> None:
    write_infra(place, TOPIC % "one")
    release, _ = decided(place, kept[0])
    write_infra(place, TOPIC % "three")
    assert topics(place, release.id) == ["one"]


def test_what_is_kept_and_was_tampered_with_is_not_run(place: Place, kept: list[str]) -> None:
    first, _ = two_codes(place, kept)
    went_back(place, first)
    file = artefacts.folder(place.root, first.infra or "") / "infra.py"
    file.chmod(0o644)
    file.write_text(TOPIC % "two")
    with pytest.raises(ArtefactBroken, match="was changed"):
        topics(place)
    with pytest.raises(InputError, match="release 1 of links-production cannot serve again"):
        rollback.require_kept(place, first)


def test_after_a_way_back_one_file_alone_was_never_decided(place: Place, kept: list[str]) -> None:
    write_infra(place, TOPIC % "one")
    first, _ = decided(place, kept[0])
    later = edit(place)
    write_infra(later, TOPIC % "two")
    decided(later, kept[1])
    went_back(later, first)
    assert production.require_release(later).restores == first.id
    said = "app.yaml differs in services.web.replicas and infra.py differs: they are set aside"
    assert said in production.note(later)
    # The earlier app.yaml with the later infra.py: nobody has seen the two together.
    with pytest.raises(DecisionRequired, match=r"changed after the decision: infra\.py"):
        production.require_release(place)
    write_infra(place, TOPIC % "one")
    assert production.require_release(place).restores == first.id


def test_staging_runs_the_folders_code_again_once_that_is_edited(place: Place, kept: list[str]) -> None:
    staging = place._replace(environment=Environment.STAGING)
    write_infra(staging, TOPIC % "one")
    first, request = propose(staging, kept[0])
    deploy(staging, first, request)
    write_infra(staging, TOPIC % "two")
    # Without a release that went back, a plain update follows the files.
    assert topics(staging) == ["two"]
    deploy(staging, *propose(staging, kept[1]))
    deploy(staging, *back(staging, first))
    assert topics(staging) == ["one"]
    write_infra(staging, TOPIC % "two" + "# edited\n")
    assert topics(staging) == ["two"]


def _returned(place: Place, kept: list[str]) -> Release:
    """The release that production has returned to by itself."""
    write_infra(place, TOPIC % "one")
    decided(place, kept[0])
    write_infra(place, TOPIC % "two")
    bad, request = propose(place, kept[1])
    decide(place, request)
    deploy(place, bad, request, serves=False)
    with db.transaction(place.database) as connection:
        before = releases.failed(connection, read_in(connection, bad), "503")
        assert before is not None
        releases.returned(connection, read_in(connection, bad), before)
    return before


def read_in(connection: db.Connection, release: Release) -> Release:
    found = releases.read(connection, release.id)
    assert found is not None
    return found


def test_an_automatic_return_runs_the_code_that_the_decision_named(place: Place, kept: list[str]) -> None:
    before = _returned(place, kept)
    assert topics(place) == topics(place, before.id) == ["one"]
    assert "infra.py differs" in production.note(place)
    # Nobody was shown that it returns to any other code.
    _write_row(place, infra=infra_digest(place.root, "links"))
    with pytest.raises(DecisionRequired):
        production.require_release(place, before.id)


def test_a_release_from_before_code_was_kept_runs_the_folders(place: Place, kept: list[str]) -> None:
    write_infra(place, TOPIC % "one")
    release, _ = decided(place, kept[0])
    _write_row(place, infra=None)
    assert topics(place) == topics(place, release.id) == ["one"]


def test_who_decides_is_shown_which_values_are_others_than_when_it_served(place: Place, kept: list[str]) -> None:
    configure(place, {"millwright:secret.signing-key": {"secure": "v1:aaaa"}, "aws:region": "eu-central-1"})
    first, second = two_codes(place, kept)
    with db.transaction(place.database) as connection:
        releases.serves(connection, first, {"millwright:secret.signing-key": "sha256:0"})
        releases.serves(connection, second)
    first = read(place, first)
    release, _ = back(place, first)
    shown = production.shown(place, release, second, [], {})
    assert shown["configured since"] == ["aws:region", "millwright:secret.signing-key"]
    assert (shown["infra.py set aside"], shown["inputs"]["infra.py"]) == (second.infra, first.infra)
    said = rollback.choose(place, first.id).stays
    assert said[0] == "set aside: infra.py differs"
    assert said[1].endswith("and stays so: aws:region, millwright:secret.signing-key")
