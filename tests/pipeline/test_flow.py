"""The way of a change: what sends it back, where a person decides, how it ends; and that no kill changes any of it."""

from pathlib import Path

import pytest
from flow_bench import COUNTS, GOOD, WHO, Bench, Killed, make_bench

from factory.decisions import Verdict
from factory.gates import Gate
from factory.requests import Request, RequestState
from pipeline import gates
from pipeline.flow import ATTEMPTS, ChangeFlow
from pipeline.records import ChangeState

LINE = ["intake", "generate", "test", "security", "review", "merge", "staging", "propose", "production"]


@pytest.fixture(autouse=True)
def _quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "POLL_SECONDS", 0.01)


def approve(_: Request) -> tuple[Verdict, str]:
    return Verdict.APPROVE, ""


def gates_of(bench: Bench) -> list[Gate]:
    return [request.gate for request in bench.requests]


def test_a_good_change_passes_six_stages_and_two_gates(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.run()
    assert bench.engine.stages() == LINE
    assert gates_of(bench) == [Gate.MERGE, Gate.PRODUCTION]
    assert bench.record.state is ChangeState.RELEASED


def test_a_failed_test_goes_back_to_the_coder_with_what_it_may_know(tmp_path: Path) -> None:
    told = []

    def generate(argument: dict, turn: int) -> dict:
        told.append(argument["feedback"])
        return GOOD["generate"] | {"head": f"h{turn}"}

    def test(argument: dict, turn: int) -> dict:
        return GOOD["test"] if turn else {"passed": False, "report": {}, "feedback": "held-out criteria failed: 1 of 3"}

    bench = make_bench(tmp_path, generate=generate, test=test)
    bench.run()
    assert told == ["", "held-out criteria failed: 1 of 3"]
    assert bench.record.state is ChangeState.RELEASED


def test_a_coder_that_does_not_get_through_ends_in_the_inbox(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, test=lambda a, t: {"passed": False, "report": {}, "feedback": "1 failed"})
    bench.run(lambda request: (Verdict.REFUSE, "not worth it"))
    assert bench.engine.stages().count("generate") == ATTEMPTS
    assert gates_of(bench) == [Gate.ATTENTION]
    assert bench.record.state is ChangeState.CLOSED
    assert "not worth it" in bench.record.detail


def test_a_person_may_let_the_coder_try_again_and_is_heard(tmp_path: Path) -> None:
    told = []

    def generate(argument: dict, turn: int) -> dict:
        told.append(argument["feedback"])
        return GOOD["generate"]

    def test(argument: dict, turn: int) -> dict:
        return GOOD["test"] if turn >= ATTEMPTS else {"passed": False, "report": {}, "feedback": "1 failed"}

    bench = make_bench(tmp_path, generate=generate, test=test)
    bench.run(lambda request: (Verdict.APPROVE, "mind the empty list"))
    assert "mind the empty list" in told[ATTEMPTS]
    assert bench.record.state is ChangeState.RELEASED


def test_a_coder_that_submits_nothing_is_no_success(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, generate=lambda a, t: GOOD["generate"] | {"changed": False})
    bench.run(lambda request: (Verdict.REFUSE, "no"))
    assert set(bench.engine.stages()) == {"intake", "generate"}
    assert bench.record.state is ChangeState.CLOSED


@pytest.mark.parametrize(("verdict", "heads"), [(Verdict.APPROVE, 1), (Verdict.REFUSE, 2)])
def test_a_critical_finding_needs_a_person_of_security(tmp_path: Path, verdict: Verdict, heads: int) -> None:
    finding = {
        "tool": "detect-secrets",
        "rule": "secret",
        "severity": "critical",
        "path": "a",
        "line": 1,
        "message": "x",
    }

    def security(argument: dict, turn: int) -> dict:
        return (
            GOOD["security"] if turn else {"critical": [finding], "counts": COUNTS | {"critical": 1}, "feedback": "x"}
        )

    bench = make_bench(tmp_path, security=security)
    bench.run(lambda r: (verdict if r.gate is Gate.SECURITY_EXCEPTION else Verdict.APPROVE, "said"))
    assert gates_of(bench)[0] is Gate.SECURITY_EXCEPTION
    assert bench.engine.stages().count("generate") == heads
    assert bench.record.state is ChangeState.RELEASED


def test_an_exception_is_shown_where_the_merge_is_decided_and_ends_with_its_commit(tmp_path: Path) -> None:
    finding = {"tool": "t", "rule": "r", "severity": "critical", "path": "a", "line": 1, "message": "x"}
    bad = {"critical": [finding], "counts": COUNTS | {"critical": 1}, "feedback": "x"}
    asked: list[dict] = []

    def merge(argument: dict, turn: int) -> dict:
        asked.append(argument)
        return GOOD["merge"] if turn else {"state": "stale", "reason": "pushed"}

    bench = make_bench(tmp_path, merge=merge, security=lambda a, turn: GOOD["security"] if turn else bad)
    bench.run()
    granted, first, second, _ = bench.requests
    assert first.shown["exception"] == {
        "request": granted.id,
        "person": WHO[Gate.SECURITY_EXCEPTION],
        "reason": "",
        "findings": [finding],
    }
    assert asked[0]["facts"]["exception"] == first.shown["exception"]
    # The next commit was clean: nothing was excepted for it.
    assert second.shown["exception"] is None


def test_what_the_reviewer_wants_changed_goes_back_and_is_bounded(tmp_path: Path) -> None:
    asks = GOOD["review"] | {"verdict": "changes", "comments": [{"path": "a.py", "line": 3, "message": "rename"}]}
    bench = make_bench(tmp_path, review=lambda a, t: asks)
    bench.run()
    assert bench.engine.stages().count("review") == ATTEMPTS
    # After the last attempt the person who decides on the merge sees what the reviewer wanted.
    assert bench.requests[0].shown["review"]["verdict"] == "changes"


def test_a_refused_merge_goes_back_with_the_reason(tmp_path: Path) -> None:
    told = []

    def generate(argument: dict, turn: int) -> dict:
        told.append(argument["feedback"])
        return GOOD["generate"]

    bench = make_bench(tmp_path, generate=generate)
    bench.run(lambda r: (Verdict.REFUSE, "no tests for zero") if ":merge:1" in r.key else (Verdict.APPROVE, ""))
    assert "no tests for zero" in told[1]
    assert bench.record.state is ChangeState.RELEASED


def test_a_push_while_a_person_decides_takes_the_question_back(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)

    def push_then_approve(request: Request) -> tuple[Verdict, str] | None:
        if request.key.endswith("merge:1.0"):
            bench.context.bench_repository.tip = "h2"
            return None
        return Verdict.APPROVE, ""

    bench.run(push_then_approve)
    first, second, _ = bench.requests
    assert (first.state, first.shown["head"]) == (RequestState.WITHDRAWN, "h1")
    assert (second.state, second.shown["head"]) == (RequestState.APPROVED, "h2")
    assert bench.engine.stages().count("test") == 2


@pytest.mark.parametrize("stage", ["test", "security", "review"])
def test_a_push_while_the_branch_is_looked_at_has_it_looked_at_again(tmp_path: Path, stage: str) -> None:
    def push(argument: dict, turn: int) -> dict:
        bench.context.bench_repository.tip = "h2"
        return GOOD[stage]

    bench = make_bench(tmp_path, **{stage: push})
    bench.run()
    # Nobody is asked about a commit that was not looked at.
    assert (bench.requests[0].gate, bench.requests[0].shown["head"]) == (Gate.MERGE, "h2")
    assert bench.engine.stages().count("test") == 2
    assert bench.record.state is ChangeState.RELEASED


def test_a_decision_that_does_not_hold_is_asked_again(tmp_path: Path) -> None:
    def merge(argument: dict, turn: int) -> dict:
        return GOOD["merge"] if turn else {"state": "refused", "reason": "the role was lost"}

    bench = make_bench(tmp_path, merge=merge)
    bench.run()
    assert gates_of(bench) == [Gate.MERGE, Gate.MERGE, Gate.PRODUCTION]
    assert bench.record.state is ChangeState.RELEASED


def test_a_refused_production_ends_the_change_where_it_stands(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.run(lambda r: (Verdict.REFUSE if r.gate is Gate.PRODUCTION else Verdict.APPROVE, "not today"))
    assert "production" not in bench.engine.stages()
    assert bench.record.state is ChangeState.CLOSED
    assert "not today" in bench.record.detail


def test_a_proposal_that_was_overtaken_is_made_anew(tmp_path: Path) -> None:
    def production(argument: dict, turn: int) -> dict:
        return GOOD["production"] if turn else {"state": "stale", "reason": "another release came first"}

    bench = make_bench(tmp_path, production=production)
    bench.run()
    assert gates_of(bench) == [Gate.MERGE, Gate.PRODUCTION, Gate.PRODUCTION]
    assert bench.record.state is ChangeState.RELEASED


@pytest.mark.parametrize(("verdict", "reverts"), [(Verdict.APPROVE, 1), (Verdict.REFUSE, 0)])
def test_a_release_that_returned_is_offered_to_be_reverted(tmp_path: Path, verdict: Verdict, reverts: int) -> None:
    bench = make_bench(tmp_path, production=lambda a, t: {"state": "returned", "reason": "503 at /health"})
    bench.run(lambda r: (verdict if r.gate is Gate.ATTENTION else Verdict.APPROVE, "said"))
    assert bench.engine.stages().count("take-back-staging") == 1
    assert bench.engine.stages().count("revert") == reverts
    assert bench.record.state is ChangeState.ROLLED_BACK
    assert "503 at /health" in bench.record.detail


def test_whatever_a_change_waits_for_is_in_the_inbox(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    seen: list[tuple[ChangeState, str]] = []

    def look_first(request: Request) -> tuple[Verdict, str]:
        seen.append((bench.record.state, bench.record.detail))
        return Verdict.APPROVE, ""

    bench.run(look_first)
    assert [state for state, _ in seen] == [ChangeState.WAITING, ChangeState.WAITING]
    assert all("millwright review" in detail for _, detail in seen)


def test_a_kill_after_any_effect_changes_nothing_of_the_way(tmp_path: Path) -> None:
    whole = make_bench(tmp_path / "whole")
    whole.run()
    number = len(whole.engine.memory)
    assert number > len(LINE)
    for kill_at in range(1, number + 1):
        bench = make_bench(tmp_path / str(kill_at))
        bench.engine.kill_at = kill_at
        with pytest.raises(Killed):
            bench.run(approve)
        bench.engine.restart()
        bench.run(approve)
        assert bench.record.state is ChangeState.RELEASED, kill_at
        # Every stage and every question has one key, so what is done twice is done once.
        assert {key for _, key in bench.engine.asked} == {key for _, key in whole.engine.asked}
        assert [r.key for r in bench.requests] == [r.key for r in whole.requests]


def test_the_flow_of_a_change_that_has_ended_does_nothing_more(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.run()
    asked = list(bench.engine.asked)
    bench.engine.restart()
    ChangeFlow(bench.context, bench.engine, bench.identifier).run()
    assert bench.engine.asked == asked
