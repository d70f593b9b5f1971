"""A task whose process is killed goes on where it was: nothing is asked twice, every effect happens once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from agents_place import Surroundings, kill, wait_for

from agents.brief import OutcomeState
from agents.task import LATER
from agents.trajectory import Trajectory
from pipeline.task_door import Step, StepAnswer
from pipeline.task_host import TaskProcess

STEPS = """
attempts:
  1:
    turns:
      - use:
          - edit: {path: store.py, old: "return sum(numbers)", new: "return sum(numbers) + 0"}
          - edit: {path: store.py, old: "sum(numbers) + 0", new: "sum(numbers) + 0 + 0"}
          - edit: {path: one.py, new: "one = 1\\n"}
      - when: {is_error: false, contains: [edited store.py, created one.py]}
        use:
          - run: {argv: [python, -c, "import time; open('begun', 'w'); time.sleep(1); open('two.py', 'a').write('x')"]}
      - when: {is_error: false}
        use: [{edit: {path: one.py, old: "one = 1", new: "one = 2"}}]
      - when: {is_error: false}
        use: [{submit: {summary: done}}]
"""


@contextmanager
def _running(place: Surroundings, token: str) -> Iterator[TaskProcess]:
    process = place.process(token)
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def _finish(place: Surroundings, token: str) -> None:
    with _running(place, token) as process:
        assert process.wait(timeout=60) == 0, (place.folder / "log").read_text()


def _assert_done_once(place: Surroundings) -> None:
    outcome = place.run()
    assert outcome.state is OutcomeState.SUBMITTED, outcome
    assert place.factory.commits() == ["1", "2", "3"]
    assert "return sum(numbers) + 0 + 0\n" in (place.worktree / "store.py").read_text()
    assert (place.worktree / "one.py").read_text() == "one = 2\n"
    steps = [line["step"] for line in place.lines() if line["kind"] == "answer"]
    assert steps == [1, 2, 3, 4]


def _assert_asked_once(place: Surroundings) -> None:
    _assert_done_once(place)
    assert len(place.usages) == 4


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "step", [pytest.param(1, id="every", marks=pytest.mark.long), pytest.param(5, id="every fifth")]
)
def test_killed_at_lines_of_its_record_it_ends_the_same(place: Surroundings, step: int) -> None:
    place.script(STEPS)
    brief = place.brief()
    token = place.door.issue(brief.task)
    kills = 0
    for lines in range(1, 60, step):
        if (place.folder / "outcome.json").exists():
            break
        child = place.child(token)
        wait_for(lambda lines=lines, child=child: len(place.lines()) >= lines or not child.is_alive())
        kills += child.is_alive()
        child.kill()
        child.join()
    assert kills >= 10 // step
    _finish(place, token)
    # A call that was under way when the kill came is asked again; no answer that was recorded is.
    _assert_done_once(place)


def test_killed_during_a_run_it_runs_that_again_and_nothing_else(place: Surroundings) -> None:
    place.script(STEPS)
    token = place.door.issue(place.brief().task)
    with _running(place, token) as process:
        wait_for((place.worktree / "begun").exists)
        kill(process)
    assert not (place.worktree / "two.py").exists()
    _finish(place, token)
    _assert_asked_once(place)
    assert (place.worktree / "two.py").read_text() == "x"


def test_killed_after_the_commit_and_before_its_record_the_step_is_one_commit(place: Surroundings) -> None:
    place.script(STEPS)
    on_step, token = place.factory.on_step, place.door.issue(place.brief().task)
    killed: list[int] = []

    def commit_and_kill(task: str, step: Step) -> StepAnswer:
        answer = on_step(task, step)
        if step.step not in killed:
            killed.append(step.step)
            kill(running[0])
        return answer

    place.door._on_step = commit_and_kill
    running: list[TaskProcess] = []
    for _ in range(5):
        with _running(place, token) as process:
            running[:] = [process]
            process.wait(timeout=60)
        if (place.folder / "outcome.json").exists():
            break
    assert killed == [1, 2, 3]
    _assert_asked_once(place)


def test_an_edit_between_its_intent_and_its_record_is_not_made_twice(place: Surroundings) -> None:
    place.script(STEPS)
    outcome = place.run()
    record = (place.folder / "trajectory.jsonl").read_text().splitlines(keepends=True)
    intent = next(i for i, line in enumerate(record) if '"intent"' in line)
    (place.folder / "trajectory.jsonl").write_text("".join(record[: intent + 1]))
    (place.folder / "outcome.json").unlink()
    # As it stood then: the first edit made, its result not recorded.
    text = (place.worktree / "store.py").read_text()
    (place.worktree / "store.py").write_text(text.replace(" + 0 + 0", " + 0"))
    (place.worktree / "one.py").unlink()
    again = place.run()
    assert (again.state, outcome.state) == (OutcomeState.SUBMITTED, OutcomeState.SUBMITTED)
    assert "return sum(numbers) + 0 + 0\n" in (place.worktree / "store.py").read_text()


@pytest.mark.parametrize("broken", ['{"kind": "ans', "\x00\x00", '{"kind": "answer", "active": 1.0}'])
def test_half_a_last_line_is_no_line(broken: str, place: Surroundings) -> None:
    place.script(STEPS)
    place.run()
    path = place.folder / "trajectory.jsonl"
    steps = len(Trajectory(place.folder).steps)
    with path.open("a") as file:
        file.write(broken)
    assert len(Trajectory(place.folder).steps) == steps
    assert path.read_text().endswith("}\n")


def test_a_task_whose_worker_is_gone_ends_without_an_outcome_and_goes_on_later(place: Surroundings) -> None:
    place.script(STEPS)
    token = place.door.issue(place.brief().task)
    with _running(place, token) as process:
        wait_for((place.worktree / "begun").exists)
        place.door.revoke("links.sums.coder.1")
        assert process.wait(timeout=60) == LATER
    assert "to be taken up later" in (place.folder / "log").read_text()
    assert not (place.folder / "outcome.json").exists()
    _finish(place, place.door.issue("links.sums.coder.1"))
    _assert_asked_once(place)


def test_two_processes_do_not_work_on_one_task(place: Surroundings) -> None:
    place.script(STEPS)
    token = place.door.issue(place.brief().task)
    with _running(place, token) as first:
        wait_for((place.worktree / "begun").exists)
        with _running(place, token) as second:
            assert second.wait(timeout=30) == LATER
        assert first.wait(timeout=60) == 0
    _assert_asked_once(place)
