"""What fails, is given up, cancelled or overtaken on the way of a change: nothing is silent or half done."""

import threading
import time
from pathlib import Path

import pytest
from flow_bench import GOOD, Bench, make_bench

from factory import db, requests
from factory.decisions import Verdict
from factory.gates import Gate
from factory.requests import Request, RequestState
from pipeline import gates, records
from pipeline.records import ChangeState


@pytest.fixture(autouse=True)
def _quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "POLL_SECONDS", 0.01)


def gates_of(bench: Bench) -> list[Gate]:
    return [request.gate for request in bench.requests]


def test_a_step_that_fails_is_told_and_done_again_until_it_works(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    app = bench.context.root.apps / "links" / "app.yaml"
    kept, told = app.read_text(), []

    def break_app(argument: dict, turn: int) -> dict:
        app.write_text(kept.replace("replicas:", "replicaz:"))
        return GOOD["review"]

    def mend(seconds: float) -> None:
        told.append(bench.record.detail)
        app.write_text(kept)

    bench.engine.answers["review"] = break_app
    bench.sleep = mend
    bench.run()
    assert bench.record.state is ChangeState.RELEASED
    assert any("cannot go on, and tries again" in line and "replicaz" in line for line in told)


def test_a_step_that_keeps_failing_can_be_cancelled(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)

    def break_app(argument: dict, turn: int) -> dict:
        (bench.context.root.apps / "links" / "app.yaml").write_text("name: [\n")
        return GOOD["review"]

    def cancel(seconds: float) -> None:
        with db.transaction(bench.context.database) as connection:
            records.cancel_change(connection, bench.identifier, "cancelled: why")

    bench.engine.answers["review"] = break_app
    bench.sleep = cancel
    bench.run()
    assert bench.record.state is ChangeState.CANCELLED


def test_what_is_owed_is_done_for_a_cancelled_change_too(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)

    def bad_and_cancelled(argument: dict, turn: int) -> dict:
        with db.transaction(bench.context.database) as connection:
            records.cancel_change(connection, bench.identifier, "cancelled: why")
        return {"state": "returned", "reason": "503 at /health"}

    bench.engine.answers["production"] = bad_and_cancelled
    bench.run()
    assert bench.engine.stages()[-2:] == ["take-back-staging", "revert"]
    assert gates_of(bench)[-1] is Gate.ATTENTION
    assert bench.record.state is ChangeState.ROLLED_BACK


def test_a_proposal_of_a_cancelled_change_is_refused(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)

    def cancel_at_production(request: Request) -> tuple[Verdict, str] | None:
        if request.gate is not Gate.PRODUCTION:
            return Verdict.APPROVE, ""
        with db.transaction(bench.context.database) as connection:
            records.cancel_change(connection, bench.identifier, "cancelled: why")
        return None

    bench.run(cancel_at_production)
    assert bench.engine.stages()[-2:] == ["propose", "abandon"]
    assert bench.record.state is ChangeState.CANCELLED


def test_a_deployment_that_is_given_up_is_not_left_half_way(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, staging=lambda a, t: {"broken": "the cloud is away"})
    bench.run(lambda r: (Verdict.REFUSE if r.gate is Gate.ATTENTION else Verdict.APPROVE, "enough"))
    assert bench.engine.stages()[-2:] == ["staging", "abandon"]
    assert bench.record.state is ChangeState.FAILED


def test_a_change_that_came_to_production_with_another_is_released(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, propose=lambda a, t: {"state": "contained", "reason": "it came with two"})
    bench.run()
    assert "production" not in bench.engine.stages()
    assert bench.record.state is ChangeState.RELEASED
    assert "it came with two" in bench.record.detail


def test_an_approval_that_holds_no_more_is_asked_for_anew(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, staging=lambda a, t: GOOD["staging"] if t else {"broken": "the cloud is away"})
    file = bench.context.root.demo_people / "people.yaml"
    kept = file.read_text()
    answered: list[int] = []

    def approve_and_lose_the_role_once(request: Request) -> tuple[Verdict, str] | None:
        if request.gate is Gate.ATTENTION and not answered:
            answered.append(request.id)
            bench.decide(request, Verdict.APPROVE, "again")
            file.write_text(kept.replace("[maintainer]", "[viewer]").replace("- maintainer", "- viewer"))
            return None
        file.write_text(kept)
        return Verdict.APPROVE, ""

    bench.run(approve_and_lose_the_role_once)
    # Not "given up by" somebody who had said: again.
    assert gates_of(bench).count(Gate.ATTENTION) == 2
    assert bench.record.state is ChangeState.RELEASED


def test_a_stage_that_could_not_be_done_waits_for_a_person(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, staging=lambda a, t: GOOD["staging"] if t else {"broken": "the cloud is away"})
    bench.run()
    assert gates_of(bench) == [Gate.MERGE, Gate.ATTENTION, Gate.PRODUCTION]
    assert "the cloud is away" in bench.requests[1].shown["what happened"]
    assert bench.record.state is ChangeState.RELEASED


def test_a_cancelled_change_ends_where_it_waits_and_its_question_is_taken_back(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)

    def cancel(request: Request) -> None:
        with db.transaction(bench.context.database) as connection:
            records.set_change(connection, bench.identifier, state=ChangeState.CANCELLING, detail="cancelled: why")

    bench.run(cancel)
    assert bench.record.state is ChangeState.CANCELLED
    assert [request.state for request in bench.requests] == [RequestState.WITHDRAWN]
    assert "merge" not in bench.engine.stages()


def test_two_waits_on_one_request_end_alike(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    request = gates.ask(bench.context, bench.record, Gate.MERGE, "merge:x", "merge", {"head": "h1"})
    answers = []
    waits = [
        threading.Thread(target=lambda: answers.append(gates.wait(bench.context, bench.identifier, request.id)))
        for _ in range(2)
    ]
    for each in waits:
        each.start()
    time.sleep(0.05)
    bench.decide(request, Verdict.APPROVE, "")
    for each in waits:
        each.join(10)
    assert [answer["verdict"] for answer in answers] == ["approve", "approve"]
    with db.transaction(bench.context.database) as connection:
        assert requests.open_requests(connection) == []
