"""A gate of the line that asks for two: it waits for both, names both, and counts again where that is used."""

from pathlib import Path

import pytest
from flow_bench import COUNTS, Bench, Said, make_bench
from merge_bench import MergeBench, make_merge_bench

from factory import demo_people
from factory.decisions import Verdict
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.requests import Request
from pipeline import gates
from pipeline.records import ChangeState

FIRST, SECOND = demo_people.MAINTAINER, demo_people.SECURITY
APPROVE = Verdict.APPROVE


@pytest.fixture(autouse=True)
def _quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "POLL_SECONDS", 0.01)


def ask_for_two(root: FactoryRoot, gate: Gate) -> None:
    """From now on app.yaml asks for two at the gate, whose roles both stand-ins hold."""
    file = root.apps / "links" / "app.yaml"
    file.write_text(f"{file.read_text()}gates:\n  {gate}: {{approvals: 2}}\n")
    people = root.demo_people / "people.yaml"
    text = people.read_text()
    for role in ("[security]", "[maintainer]"):
        text = text.replace(f"roles: {role}", "roles: [maintainer, security]")
    assert text != people.read_text()
    people.write_text(text)


def test_a_merge_that_takes_two_is_made_when_both_approved_and_names_them(tmp_path: Path) -> None:
    bench: MergeBench = make_merge_bench(tmp_path)
    ask_for_two(bench.context.root, Gate.MERGE)
    base, request = bench.main, bench.approved()
    assert bench.merge(request.id)["state"] == "refused"
    assert bench.rejected() == f"it takes 2 approvals: 1 of 2 approved by {FIRST}"
    assert bench.main == base
    bench.decide(request, SECOND)
    assert bench.merge(request.id)["state"] == "merged"
    told = bench.git("log", "-1", "--format=%B", "main").stdout
    assert f"Decision: {request.id}\nDecided-by: {FIRST}, {SECOND}\n" in told
    # Again, as after a kill: the same merge is known by the same names.
    assert bench.merge(request.id)["commit"] == bench.main


def test_a_merge_that_one_approved_before_the_gate_asked_for_two_is_not_made(tmp_path: Path) -> None:
    bench = make_merge_bench(tmp_path)
    base, request = bench.main, bench.approved()
    ask_for_two(bench.context.root, Gate.MERGE)
    assert bench.merge(request.id)["state"] == "refused"
    assert bench.rejected().endswith("and app.yaml asks for 2 for the gate merge now")
    assert bench.main == base
    again = bench.ask(key="2")
    for person in (FIRST, SECOND):
        bench.decide(again, person)
    assert bench.merge(again.id)["state"] == "merged"


class Two:
    """Two people: the second one approves when the change says that one more is waited for."""

    def __init__(self, bench: Bench, gate: Gate) -> None:
        self.bench, self.gate = bench, gate
        self.first: set[int] = set()
        self.seen: list[str] = []

    def __call__(self, request: Request) -> Said | None:
        if request.gate is not self.gate:
            return APPROVE, ""
        if request.id not in self.first:
            self.first.add(request.id)
            return APPROVE, "it fits", FIRST
        if "1 more" in (detail := self.bench.record.detail):
            self.seen.append(detail)
            return APPROVE, "I read it", SECOND
        return None


def test_a_change_waits_for_both_and_says_whom_it_waits_for(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    ask_for_two(bench.context.root, Gate.MERGE)
    two = Two(bench, Gate.MERGE)
    bench.run(two)
    where = "at the gate merge: millwright review 1"
    assert two.seen == [f"waits for 1 more (maintainer; 1 of 2 approved by {FIRST}) {where}"]
    assert [(r.gate, r.approvals) for r in bench.requests] == [(Gate.MERGE, 2), (Gate.PRODUCTION, 1)]
    assert bench.record.state is ChangeState.RELEASED


def test_an_exception_that_two_granted_names_both_where_the_merge_is_decided(tmp_path: Path) -> None:
    finding = {"tool": "t", "rule": "r", "severity": "critical", "path": "a", "line": 1, "message": "x"}
    bad = {"critical": [finding], "counts": COUNTS | {"critical": 1}, "feedback": "x"}
    bench = make_bench(tmp_path, security=lambda a, turn: bad)
    ask_for_two(bench.context.root, Gate.SECURITY_EXCEPTION)
    bench.run(Two(bench, Gate.SECURITY_EXCEPTION))
    granted, merge, _ = bench.requests
    assert granted.approvals == 2
    said = merge.shown["exception"]
    assert (said["person"], said["reason"]) == (f"{FIRST}, {SECOND}", "it fits\nI read it")


def test_one_refusal_ends_it_after_the_other_has_approved(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, test=lambda a, t: {"passed": False, "report": {}, "feedback": "1 failed"})
    ask_for_two(bench.context.root, Gate.ATTENTION)
    first: list[int] = []

    def decide(request: Request) -> Said:
        if not first:
            first.append(request.id)
            return APPROVE, "again", FIRST
        return Verdict.REFUSE, "not worth it", SECOND

    bench.run(decide)
    assert (bench.record.state, bench.record.detail) == (
        ChangeState.CLOSED,
        f"given up by {SECOND}: not worth it",
    )


def test_what_one_approves_after_the_gate_was_tightened_is_asked_anew_of_two(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    two = Two(bench, Gate.MERGE)

    def decide(request: Request) -> Said | None:
        if request.gate is Gate.MERGE and request.approvals == 1:
            ask_for_two(bench.context.root, Gate.MERGE)
            return APPROVE, "", FIRST
        return two(request)

    bench.run(decide)
    assert [r.approvals for r in bench.requests if r.gate is Gate.MERGE] == [1, 2]
    assert bench.record.state is ChangeState.RELEASED
