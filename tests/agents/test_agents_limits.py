"""Limits are checked before every call of the model, and a task that runs in circles is stopped."""

from dataclasses import dataclass

import pytest
from agents_place import Surroundings

from agents import limits
from agents.brief import OutcomeState, TaskLimits
from agents.limits import Called, Spent, affordable_tokens, reached, stuck
from agents.prices import Price, price_of
from agents.twin import answers
from factory.usage import Usage

READ_FOR_EVER = "attempts: {1: {turns: [" + "{use: [{read: {path: store.py}}]}, " * 12
FOR_EVER = READ_FOR_EVER + "{use: [{submit: {summary: done}}]}]}}"


@dataclass
class Clock:
    """Goes on by itself: so many seconds with each look."""

    step: float
    now: float = 100.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_the_turns_of_the_brief_are_asked_and_no_more(place: Surroundings) -> None:
    place.script(FOR_EVER)
    outcome = place.run(limits=TaskLimits(turns=3, minutes=2, dollars=1))
    assert (outcome.state, outcome.turns) == (OutcomeState.LIMIT, 3)
    assert outcome.reason == "the limit of 3 turns is reached"
    assert len(place.usages) == 3


def test_with_turns_enough_the_same_task_ends_by_itself(place: Surroundings) -> None:
    place.script(FOR_EVER)
    assert place.run(limits=TaskLimits(turns=13, minutes=2, dollars=1)).state is OutcomeState.SUBMITTED


def test_no_call_is_made_after_the_minutes(place: Surroundings) -> None:
    place.script(FOR_EVER)
    brief = place.brief(limits=TaskLimits(turns=20, minutes=1, dollars=1))
    outcome = place.loop(brief, clock=Clock(step=4.0)).run()
    assert outcome.state is OutcomeState.LIMIT
    assert outcome.reason == "the limit of 1 minutes is reached"
    assert 1 <= outcome.turns < 8


def test_no_call_is_made_that_could_pass_the_dollars(place: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the real API would answer: without the label, so that it is charged for.
    monkeypatch.setattr(answers, "SCRIPTED_ID", "msg_01")
    place.script(FOR_EVER.replace("{use:", "{usage: {input_tokens: 4000, output_tokens: 100}, use:"))
    outcome = place.run(scripted=False, limits=TaskLimits(turns=20, minutes=2, dollars=0.04))
    assert outcome.state is OutcomeState.LIMIT
    assert outcome.reason.startswith("the next answer does not fit into the limit")
    assert outcome.dollars == pytest.approx(outcome.turns * (4000 * 2 + 100 * 10) / 1_000_000)
    assert 2 <= outcome.turns <= 4
    assert outcome.dollars <= 0.04


def test_a_model_without_a_known_price_is_not_asked(place: Surroundings) -> None:
    place.script(FOR_EVER)
    outcome = place.run(scripted=False, model_name="other-model")
    assert (outcome.state, outcome.turns, place.usages) == (OutcomeState.FAILED, 0, [])
    assert "no price is known for other-model" in outcome.reason


@pytest.mark.parametrize(("scripted", "label"), [(False, "msg_scripted_"), (True, "msg_01")])
def test_an_answer_of_the_wrong_kind_ends_the_task(
    scripted: bool, label: str, place: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "SCRIPTED_ID", label)
    place.script(FOR_EVER)
    outcome = place.run(scripted=scripted)
    assert outcome.state is OutcomeState.FAILED
    assert "answer came where" in outcome.reason


def test_the_same_failure_three_times_running_ends_the_task(place: Surroundings) -> None:
    turns = "{use: [{run: {argv: [python, -c, 'import store; store.nothing']}}, {read: {path: store.py}}]}, " * 5
    place.script("attempts: {1: {turns: [" + turns + "{use: [{submit: {summary: done}}]}]}}")
    outcome = place.run()
    assert (outcome.state, outcome.turns) == (OutcomeState.STUCK, 3)
    assert outcome.reason.startswith("run failed in the same way 3 times running: exit code 1")


def test_a_model_that_declines_ends_the_task_as_refused(place: Surroundings) -> None:
    place.script("attempts: {1: {turns: [{say: I will not., stop: refusal}]}}")
    assert place.run().state is OutcomeState.REFUSED


def test_an_answer_that_was_cut_off_does_nothing(place: Surroundings) -> None:
    place.script(
        """
        attempts:
          1:
            turns:
              - use: [{edit: {path: new.py, new: "x = 1\\n"}}, {submit: {summary: too early}}]
                stop: max_tokens
              - when: {is_error: true, contains: [was cut off, "not submitted"]}
                say: I say nothing more.
              - use: [{submit: {summary: done}}]
        """
    )
    outcome = place.run()
    assert outcome.submission == {"summary": "done"}
    assert not (place.worktree / "new.py").exists()


def _call(tool: str, answer: str, *, error: bool = True, what: str = "") -> Called:
    return Called(tool, what, answer, error)


@pytest.mark.parametrize(
    "calls",
    [
        [_call("run", "exit code 1 after 0.1 s"), _call("run", "exit code 1 after 2 s")],
        [_call("run", "a"), _call("run", "b"), _call("run", "a")],
        [_call("run", "a"), _call("run", "a"), _call("run", "fine", error=False), _call("run", "a")],
        [_call("run", "a", what="x"), _call("run", "a", what="y"), _call("run", "a", what="z")],
        [_call("run", "fine", error=False)] * 9,
    ],
)
def test_other_failures_are_no_circle(calls: list[Called]) -> None:
    assert stuck(calls) is None


def test_times_and_other_tools_in_between_do_not_hide_a_circle() -> None:
    calls = [_call("run", f"exit code 1 after {n}.5 s, at 0x7f{n}a") for n in range(3)]
    mixed = [calls[0], _call("edit", "edited", error=False), calls[1], _call("read", "x", error=False), calls[2]]
    assert stuck(mixed) == "run failed in the same way 3 times running: exit code 1 after 2.5 s, at 0x7f2a"


def test_each_limit_is_named() -> None:
    limits = TaskLimits(turns=2, minutes=1, dollars=0.5)
    assert reached(limits, Spent(turns=1, seconds=59.9, dollars=0.49)) is None
    assert reached(limits, Spent(turns=2, seconds=0, dollars=0)) == "the limit of 2 turns is reached"
    assert reached(limits, Spent(turns=0, seconds=60, dollars=0)) == "the limit of 1 minutes is reached"
    assert reached(limits, Spent(turns=0, seconds=0, dollars=0.5)) == "the limit of $0.50 is reached ($0.5000 spent)"


def test_a_conversation_that_became_too_long_is_not_sent(place: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CHARACTERS", 9_000)
    place.script(FOR_EVER)
    outcome = place.run()
    assert outcome.state is OutcomeState.LIMIT
    assert "at most 9000 are sent" in outcome.reason
    assert outcome.turns > 1


def test_an_answer_may_be_as_long_as_the_money_lasts() -> None:
    limits, price = TaskLimits(turns=1, minutes=1, dollars=0.1), Price(3e-6, 15e-6)
    assert affordable_tokens(limits, Spent(0, 0, 0.0), price, 300) == pytest.approx(0.0994 / 15e-6, abs=20)
    assert affordable_tokens(limits, Spent(0, 0, 0.096), price, 300) == 0


def test_prices_know_snapshots_and_the_cache() -> None:
    price = price_of("claude-sonnet-4-5-20250929")
    assert price is not None
    assert price.dollars(Usage(1_000_000, 1_000_000, 1_000_000, 1_000_000)) == pytest.approx(3 + 15 + 3.75 + 0.3)
    assert price_of("claude-sonnet-4-5-99") is None
