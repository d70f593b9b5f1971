"""When the API fails for a moment the task goes on; when it fails for good the task ends and says why."""

import subprocess
import sys

import pytest
from agents_place import Surroundings

from agents.brief import Outcome, OutcomeState, TaskLimits


def _script(faults: str) -> str:
    return f"""
    attempts:
      1:
        turns:
          - use: [{{edit: {{path: new.py, new: "x = 1\\n"}}}}]
            faults: [{faults}]
          - use: [{{submit: {{summary: done}}}}]
    """


def _run(place: Surroundings, faults: str, silence_seconds: float = 60.0) -> Outcome:
    place.script(_script(faults))
    return place.loop(place.brief(), silence_seconds=silence_seconds, sleep=lambda seconds: None).run()


@pytest.mark.parametrize("faults", ["429", "529", "500", "broken", "429, 529", "broken, 529, broken", "500, broken"])
def test_a_fault_that_passes_is_not_noticed(faults: str, place: Surroundings) -> None:
    outcome = _run(place, faults)
    assert (outcome.state, outcome.turns) == (OutcomeState.SUBMITTED, 2), outcome
    assert place.factory.commits() == ["1"]


def test_a_hang_is_ended_by_time_and_asked_again(place: Surroundings) -> None:
    assert _run(place, "hang", silence_seconds=0.5).state is OutcomeState.SUBMITTED


@pytest.mark.parametrize(
    ("faults", "silence_seconds", "reason"),
    [
        ("429, 429, 429", 60, "the model's API answered 429"),
        ("529, 529, 529", 60, "the model's API answered 529"),
        ("500, 500, 500", 60, "the model's API answered 500"),
        ("broken, broken, broken, broken", 60, "(4 times running)"),
        ("hang, hang, hang", 0.5, "the model was silent for 0.5 s, 3 times running"),
    ],
)
def test_a_fault_that_stays_ends_the_task_with_its_name(
    faults: str, silence_seconds: float, reason: str, place: Surroundings
) -> None:
    outcome = _run(place, faults, silence_seconds=silence_seconds)
    assert (outcome.state, outcome.turns) == (OutcomeState.FAILED, 0)
    assert reason in outcome.reason
    assert not (place.worktree / "new.py").exists()


def test_what_a_broken_answer_has_cost_is_counted(place: Surroundings) -> None:
    place.script(
        _script("broken").replace("faults:", "usage: {input_tokens: 5000, output_tokens: 7}\n            faults:")
    )
    outcome = place.loop(place.brief(), sleep=lambda seconds: None).run()
    assert outcome.input_tokens > 10_000
    assert outcome.input_tokens == sum(usage.input for _, usage in place.usages)


def test_broken_answers_do_not_pass_the_minutes(place: Surroundings) -> None:
    place.script(_script("broken, broken, broken, broken"))
    brief = place.brief(limits=TaskLimits(turns=5, minutes=1, dollars=1))
    now = [0.0]
    loop = place.loop(brief, clock=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + 40))
    outcome = loop.run()
    assert outcome.state is OutcomeState.LIMIT, outcome


def test_the_room_is_imported_without_the_sdk() -> None:
    look = "import sys, agents.loop, agents.task, agents.twin, pipeline.task_door; print('anthropic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
