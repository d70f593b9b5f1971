"""Intake tells nothing of the held-out criteria: not of an edit, and not of a mistake in them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from checks_helpers import factory_with_links

from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.spec import Environment
from pipeline.changefiles import ChangeMistakes
from pipeline.service import told
from pipeline.specification import digest_of
from pipeline.stages.intake import intake

CHANGE, CANARY = "link-stats", "canary-kept-from-agents"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FactoryRoot:
    # There is no repository here; where main is belongs to test_stage_merge.
    monkeypatch.setattr("pipeline.stages.intake.main_as_recorded", lambda *_: "")
    return factory_with_links(tmp_path)


def spoil(root: FactoryRoot) -> None:
    """A step that is none, as a person mistypes it."""
    file = root.apps / "links" / "acceptance" / f"{CHANGE}.feature"
    file.write_text(file.read_text() + f"    Then the answer holds it equal to {CANARY}\n")


def context_of(root: FactoryRoot, digest: str) -> Any:
    record = SimpleNamespace(id=f"links/{CHANGE}", app="links", change=CHANGE, digest=digest)
    return SimpleNamespace(
        root=root,
        change=lambda _: record,
        spec=lambda _: SimpleNamespace(environments={Environment.STAGING: None}),
        repository=lambda _: SimpleNamespace(ensure=lambda _: None),
        faults=SimpleNamespace(reach=lambda _: None),
    )


def test_what_was_submitted_is_taken_in(root: FactoryRoot) -> None:
    assert intake(context_of(root, digest_of(root, "links", CHANGE)), f"links/{CHANGE}", {}) == {"ok": True}


def test_an_edit_after_submission_is_said_before_any_mistake_in_it(root: FactoryRoot) -> None:
    context = context_of(root, digest_of(root, "links", CHANGE))
    spoil(root)
    answer = intake(context, f"links/{CHANGE}", {})
    assert not answer["ok"]
    assert "edited after it was submitted" in answer["reason"]
    assert CANARY not in str(answer)


def test_a_mistake_in_the_held_out_file_is_counted_and_not_quoted(root: FactoryRoot) -> None:
    spoil(root)
    context = context_of(root, digest_of(root, "links", CHANGE))
    with pytest.raises(ChangeMistakes) as raised:
        intake(context, f"links/{CHANGE}", {})
    # People are shown it where they submit; everybody else hears of it in these words.
    assert CANARY in raised.value.rendered()
    assert CANARY not in told(raised.value)
    assert "held-out criteria: mistakes: 1" in told(raised.value)


def test_an_error_of_the_users_is_told_whole_and_a_bug_by_its_kind() -> None:
    assert told(InputError("the app has no tests", hint="write some")) == "the app has no tests\nhint: write some"
    assert told(KeyError(CANARY)) == "KeyError: a bug; the worker's log says where"
