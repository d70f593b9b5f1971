"""A gate of the line that asks for two: it waits for both, names both, and counts again where that is used."""

from pathlib import Path

import pytest
from deploy_bench import make_deploy_bench
from flow_bench import COUNTS, Bench, Said, make_bench
from merge_bench import MergeBench, make_merge_bench

from factory import db, decisions, demo_people, events, requests, signatures
from factory.decisions import Verdict
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.requests import Request
from pipeline import gates, health
from pipeline.context import Context
from pipeline.records import ChangeState
from pipeline.stages import deploy

FIRST, SECOND = demo_people.MAINTAINER, demo_people.SECURITY
APPROVE = Verdict.APPROVE


@pytest.fixture(autouse=True)
def _quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "POLL_SECONDS", 0.01)


def ask_for_two(root: FactoryRoot, gate: Gate) -> None:
    """From now on app.yaml asks for two at the gate, and each stand-in holds every role."""
    file = root.apps / "links" / "app.yaml"
    file.write_text(f"{file.read_text()}gates:\n  {gate}: {{approvals: 2}}\n")
    people = root.demo_people / "people.yaml"
    text = people.read_text()
    for role in ("[security]", "[maintainer]", "[operator]"):
        text = text.replace(f"roles: {role}", "roles: [maintainer, operator, security]")
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


def test_production_takes_a_release_that_both_approved_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = health.Health(settled=True, bad=False, detail="1 of 1 run")
    monkeypatch.setattr(health, "watch", lambda look: well)
    monkeypatch.setattr(health, "of_environment", lambda *of: lambda: well)
    bench = make_deploy_bench(tmp_path)
    context = bench.context
    ask_for_two(context.root, Gate.PRODUCTION)
    artefact = bench.merged_more("one")
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    for number, people in ((1, [FIRST]), (2, [FIRST, SECOND])):
        argument = {"artefact": artefact, "round": number, "staging": {"ok": True, "reason": "", "release": None}}
        asked = deploy.propose(context, record.id, argument)
        request = asked["request"]
        for person in people:
            approve(context, request, person)
        answer = deploy.to_production(context, record.id, asked)
        if number == 1:
            assert answer["state"] == "stale"
            assert f"it takes 2 approvals: 1 of 2 approved by {FIRST}" in answer["reason"]
        else:
            assert answer["state"] == "serving"
    with db.transaction(context.database) as connection:
        (served,) = [e for e in events.recent(connection, app="links") if e.kind == "release.served"]
    assert served.properties["approved_by"] == [FIRST, SECOND]
    ups = [(what, release) for what, release in bench.driver.asked if what.startswith("up ")]
    assert ups == [("up links-production", asked["release"])]


def approve(context: Context, number: int, person: str) -> None:
    with db.transaction(context.database) as connection:
        request = requests.read(connection, number)
    assert request is not None
    key = demo_people.key_file(context.root, person)
    signature = signatures.sign_unattended(decisions.payload(request, APPROVE, person, ""), key)
    said = {"person": person, "reason": "", "signature": signature}
    decisions.decide(context.database, context.people(), number, verdict=APPROVE, **said)


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
