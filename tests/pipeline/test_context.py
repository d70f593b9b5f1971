"""What a stage tells is told once, however often the stage is repeated; another submission tells it again."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from merge_bench import CHANGE, MergeBench, make_merge_bench

from factory import db, demo_people, events
from factory.paths import FactoryRoot
from factory.settings import Settings
from pipeline.stages import check


@pytest.fixture
def bench(tmp_path: Path) -> MergeBench:
    return make_merge_bench(tmp_path)


def test_a_repeated_event_is_told_once_and_another_one_beside_it(bench: MergeBench) -> None:
    for commit in ("c1", "c1", "c2"):
        bench.context.tell("change.merged", bench.record, commit=commit, problems=("a", "b"))
    assert [event.properties["commit"] for event in bench.told("change.merged")] == ["c1", "c2"]


def test_who_did_it_and_for_which_task_makes_another_event(bench: MergeBench) -> None:
    for actor, task in (("a", "t1"), ("b", "t1"), ("b", "t2"), ("b", "t2")):
        bench.context.tell("commit.made", bench.record, actor=actor, task=task, step=1)
    assert len(bench.told("commit.made")) == 3


def test_the_same_is_told_again_of_the_change_submitted_again(bench: MergeBench) -> None:
    again = bench.submitted(f"{CHANGE}.2", demo_people.AUTHOR).model_copy(update={"change": CHANGE})
    for record in (bench.record, again, again):
        bench.context.tell("change.ended", record, state="cancelled", detail="not wanted")
    assert len(bench.told("change.ended")) == 2


def test_tests_that_a_killed_worker_repeats_are_told_once_however_long_they_take(
    bench: MergeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(1.0)
    report = SimpleNamespace(ok=True, as_json=lambda: {"seconds": next(seconds)}, for_agent=lambda: "")
    monkeypatch.setattr(check, "tested", lambda *_: report)
    monkeypatch.setattr(check, "main_as_recorded", lambda *_: "")
    head = bench.head
    for _ in range(2):
        check.test(bench.context, bench.record.id, {"head": head})
    assert len(bench.told("tests.passed")) == 1
    check.test(bench.context, bench.record.id, {"head": "another"})
    assert len(bench.told("tests.passed")) == 2


def test_events_without_a_key_are_each_their_own(tmp_path: Path) -> None:
    database = db.connect(FactoryRoot(tmp_path), Settings())
    with db.transaction(database) as connection:
        for _ in range(2):
            events.append(connection, events.new_event("update.started", actor="a"))
        once = events.new_event("update.ended", actor="a")
        assert events.append_once(connection, once, "k")
        assert not events.append_once(connection, events.new_event("update.ended", actor="a"), "k")
        assert [event.kind for event in events.recent(connection)] == ["update.started"] * 2 + ["update.ended"]
