"""Change files: what is taken, and that every mistake of both files is shown at its own line."""

import dataclasses
import json
import pickle

import pytest
from checks_helpers import Bench, bench
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import InputError
from pipeline.changefiles import ChangeMistakes, lint_change, load_change, load_held_out, read_held_out
from pipeline.changefiles import criteria as gherkin

VISIBLE = """Feature: Visible

  Scenario: It answers
    Given the service runs
    When I GET /health
    Then the status is 200
"""
HELD_OUT = VISIBLE.replace("Visible", "Held out").replace("It answers", "It answers twice")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("factory"))


def mistakes(place: Bench, change: str = "try-it") -> list[str]:
    with pytest.raises(ChangeMistakes) as raised:
        lint_change(place.root, "links", change)
    return [str(problem) for problem in raised.value.problems]


def file_of(place: Bench, text: str) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    (place.root.apps / "links" / "changes" / "try-it.md").write_text(text)


def test_a_change_without_a_mistake_is_taken_apart(place: Bench) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    lint_change(place.root, "links", "try-it")
    change = load_change(place.root, "links", "try-it")
    assert (change.id, change.title, change.why, change.what) == ("try-it", "A change", "Because.", "This.")
    assert change.visible == VISIBLE
    assert change.fewer_tests == ""
    assert change.digest.startswith("sha256:")


def test_a_changed_file_has_another_digest(place: Bench) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    before = load_change(place.root, "links", "try-it")
    place.change("try-it", VISIBLE, HELD_OUT, fewer_tests="They tested what is gone.")
    after = load_change(place.root, "links", "try-it")
    assert after.digest != before.digest
    assert after.fewer_tests == "They tested what is gone."


def test_held_out_criteria_are_a_place_and_a_digest_whatever_is_done_with_them(place: Bench) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    held_out = load_held_out(place.root, "links", "try-it")
    carried = [repr(held_out), json.dumps(dataclasses.asdict(held_out), default=str), str(pickle.dumps(held_out))]
    assert not any("It answers twice" in text for text in carried)
    assert "It answers twice" in read_held_out(held_out)


def test_held_out_criteria_that_were_changed_meanwhile_are_not_used(place: Bench) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    held_out = load_held_out(place.root, "links", "try-it")
    held_out.path.write_text(HELD_OUT.replace("200", "404"))
    with pytest.raises(InputError, match="has changed") as raised:
        read_held_out(held_out)
    assert "404" not in raised.value.rendered()


@pytest.mark.parametrize("change", ["", "a", "A-b", "1a", "a_b", "../links", "a/b", "a" * 42, "a.b"])
def test_what_can_be_no_id_is_refused(place: Bench, change: str) -> None:
    with pytest.raises(InputError, match="cannot be the id"):
        lint_change(place.root, "links", change)


def test_an_unknown_app_and_an_unknown_change_are_named_with_the_nearest_one(place: Bench) -> None:
    with pytest.raises(InputError) as raised:
        lint_change(place.root, "linkz", "link-stats")
    assert "did you mean 'links'?" in raised.value.rendered()
    assert any("did you mean 'link-stats'?" in said for said in mistakes(place, "link-stat"))


def test_a_missing_held_out_file_is_a_mistake(place: Bench) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    (place.root.apps / "links" / "acceptance" / "try-it.feature").unlink()
    (said,) = mistakes(place)
    assert "acceptance/try-it.feature: cannot be read" in said


def test_every_mistake_of_both_files_is_shown_at_once(place: Bench) -> None:
    file_of(place, "text\n# One\n# Two\n## Wye\nx\n## What\n\n## Acceptance\n```gherkin\nFeature: x\n```\n")
    feature = place.root.apps / "links" / "acceptance" / "try-it.feature"
    feature.write_text(HELD_OUT.replace("status is 200", "status 200"))
    said = "\n".join(mistakes(place))
    for part in (
        "try-it.md:1:1: belongs to no section",
        "try-it.md:3:1: a second title",
        "try-it.md:4:1: unknown section (found Wye); did you mean `## Why`?",
        "no section `## Why`",
        "try-it.md:6:1: the section `## What` is empty",
        "try-it.md:10:1: no scenario",
        "try-it.feature:6:5: no such step",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Then the status is 200", "The status is 200", ":19:5: not Gherkin"),
        ("Then the status is 200", "Then the status is 20", ":19:5: no such step (found Then the status is 20)"),
        ("Then the status is 200", "Then the status is 20", "did you mean `the status is {status}`?"),
        ("When I GET /health", "When the status is 200", "this is a `Then` step"),
        ("When I GET /health", 'When I POST /x with {"a": }', ":18:5: what follows is not JSON"),
        ("When I GET /health", "* I GET /health", "neither Given, When nor Then"),
        ("    Given the service runs\n", "", "no service runs in it"),
        ("    Then the status is 200\n", "", "nothing is checked"),
        ("  Scenario: It", "  @slow\n  Scenario: It", ":16:3: tags are not taken"),
        ("Feature:", "# language: de\nFunktionalität:", "only Gherkin's English words are taken"),
        ("Feature: Visible", "@slow\nFeature: Visible", "tags are not taken"),
        ("Scenario: It answers", "Scenario:", "a scenario without a name"),
        ("Scenario: It answers", "Scenario Outline: It answers", "an outline without examples"),
        ("Scenario: It answers", "Scenario: It answers twice", "a visible scenario has this name"),
        ("Scenario: It answers", "Rule: x\n  Scenario: It answers", "`Rule:` is not taken"),
        ("When I GET /health", 'When I GET /health\n      """\n      x\n      """', "a step is one line"),
    ],
)
def test_a_mistake_in_the_visible_criteria_is_located_in_the_change_file(
    place: Bench, old: str, new: str, said: str
) -> None:
    assert VISIBLE.count(old) == 1
    place.change("try-it", VISIBLE.replace(old, new), HELD_OUT)
    found = mistakes(place)
    assert any(said in each for each in found), found


def test_a_second_block_an_open_block_and_no_block_are_mistakes(place: Bench) -> None:
    start = "# T\n## Why\nx\n## What\ny\n## Acceptance\n"
    block = f"```gherkin\n{VISIBLE}```\n"
    for text, said in (
        (start + block + block, ":15:1: a second block of criteria"),
        (start + block.removesuffix("```\n"), "the block does not end"),
        (start + "later", "no block of criteria"),
    ):
        file_of(place, text)
        assert any(said in each for each in mistakes(place)), text


def test_two_scenarios_of_one_name_are_a_mistake(place: Bench) -> None:
    twice = VISIBLE + VISIBLE.partition("\n\n")[2]
    place.change("try-it", twice, HELD_OUT)
    (said,) = mistakes(place)
    assert "the same name as the scenario on line 3" in said


def test_headings_inside_a_fenced_block_are_text(place: Bench) -> None:
    file_of(
        place,
        f"# T\n## Why\n~~~\n# no title\n## no section\n~~~\n## What\ny\n## Acceptance\n```gherkin\n{VISIBLE}```\n",
    )
    lint_change(place.root, "links", "try-it")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 70_000])
def test_a_file_that_is_no_text_or_too_large_is_one_mistake(place: Bench, content: bytes) -> None:
    place.change("try-it", VISIBLE, HELD_OUT)
    (place.root.apps / "links" / "changes" / "try-it.md").write_bytes(content)
    assert len(mistakes(place)) == 1


def test_what_everybody_may_see_of_the_mistakes_quotes_nothing_held_out(place: Bench) -> None:
    place.change("try-it", VISIBLE.replace("200", "canaryseen"), HELD_OUT.replace("200", "canaryhidden"))
    with pytest.raises(ChangeMistakes) as raised:
        lint_change(place.root, "links", "try-it")
    assert "canaryhidden" in raised.value.rendered()
    assert "canaryseen" in raised.value.public()
    assert "canaryhidden" not in raised.value.public()
    assert "held-out criteria: mistakes: 1" in raised.value.public()


@given(st.text(alphabet=st.sampled_from("Feature:Scnario GivenWhT\n|<>@#*\"'{}$1/ \t`éx"), max_size=300))
def test_no_text_breaks_the_reading_of_criteria(text: str) -> None:
    found = gherkin.read(text)
    assert found.mistakes or found.scenarios


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_criteria_after_a_good_beginning(text: str) -> None:
    gherkin.read(VISIBLE + text)
