"""The stage merge: main takes what was decided, by whom it may be decided, and nothing that somebody else put there."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from deploy_bench import APP
from merge_bench import BRANCH, CHANGE, COUNTS, MergeBench, make_merge_bench

from factory import db, demo_people
from factory.decisions import DecisionRefused
from factory.findings import Finding, Severity
from factory.gates import Gate
from pipeline import mains
from pipeline.mains import MovedByOthers
from pipeline.stages import check
from pipeline.stages import merge as merging
from pipeline.stages.intake import intake
from pipeline.stages.main import main_as_recorded

# Put together, so that this file holds no secret.
AWS_KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
CRITICAL = Finding(tool="detect-secrets", rule="aws", severity=Severity.CRITICAL, path="tags.py", line=1, message="x")


@pytest.fixture
def bench(tmp_path: Path) -> MergeBench:
    return make_merge_bench(tmp_path)


def test_what_was_decided_is_merged_built_and_recorded(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    answer = bench.merge(request.id)
    assert (answer["state"], answer["commit"]) == ("merged", bench.main)
    assert bench.git("log", "-1", "--format=%P", "main").stdout.split() == [base, bench.head]
    assert f"Decision: {request.id}" in bench.git("log", "-1", "--format=%B", "main").stdout
    assert bench.told("decision.rejected") == []
    # Again, as after a kill: the same merge.
    assert bench.merge(request.id) == answer
    assert len(bench.told("change.merged")) == 1


def test_a_file_behind_a_long_diff_is_named_to_whoever_decides(bench: MergeBench) -> None:
    bench.work(CHANGE, "links/long.py", "x = 1\n" * 50_000)
    bench.work(CHANGE, "links/zz.py", "hidden = True\n")
    shown = merging.shown_for_merge(bench.context, bench.record, bench.facts)
    assert {"links/long.py", "links/zz.py"} <= set(shown["files"])
    assert "cut here" in shown["diff"]
    assert "hidden" not in shown["diff"]


def test_without_a_decision_nothing_is_merged(bench: MergeBench) -> None:
    base, request = bench.main, bench.ask()
    assert bench.merge(request.id)["state"] == "refused"
    assert (bench.rejected(), bench.main) == ("nobody has decided yet", base)
    assert "nobody has been asked" in bench.merge(None)["reason"]
    assert bench.main == base


def test_an_author_does_not_decide_on_the_own_merge(tmp_path: Path) -> None:
    bench = make_merge_bench(tmp_path, author=demo_people.MAINTAINER)
    base, request = bench.main, bench.ask()
    with pytest.raises(DecisionRefused, match="is an author of it"):
        bench.decide(request)
    bench.write_decision(request, demo_people.MAINTAINER)
    assert bench.merge(request.id)["state"] == "refused"
    assert "is an author of it" in bench.rejected()
    assert bench.main == base


def test_a_decision_on_something_else_merges_nothing(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    bench.facts = bench.facts | {"tests": {"passed": 2}}
    assert bench.merge(request.id)["state"] == "refused"
    assert bench.rejected().startswith("it was decided on sha256:")
    assert bench.main == base


def test_who_has_lost_the_role_has_decided_nothing(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    bench.take_role(demo_people.MAINTAINER)
    assert bench.merge(request.id)["state"] == "refused"
    assert "does not hold the role maintainer" in bench.rejected()
    assert bench.main == base


def test_a_further_push_makes_the_decision_stale(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    bench.work(CHANGE, "more.py")
    assert bench.merge(request.id)["state"] == "stale"
    assert bench.rejected().startswith("it was decided on sha256:")
    assert bench.main == base
    bench.asked_head = bench.head
    again = bench.decide(bench.ask(key="2"))
    assert bench.merge(again.id)["state"] == "merged"


def test_a_gate_that_was_tightened_since_takes_no_decision_of_the_weaker_role(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    file = bench.context.root.apps / APP / "app.yaml"
    file.write_text(file.read_text() + "gates:\n  merge:\n    role: security\n")
    assert bench.merge(request.id)["state"] == "refused"
    assert bench.rejected() == (
        "it was asked of the role maintainer, and app.yaml names security for the gate merge now"
    )
    assert bench.main == base
    again = bench.decide(bench.ask(key="2"), demo_people.SECURITY)
    assert bench.merge(again.id)["state"] == "merged"


def test_a_push_to_main_is_refused_and_one_to_a_changes_branch_is_taken(bench: MergeBench) -> None:
    base, clone = bench.main, bench.clone()
    (clone / "evil.py").write_text("x = 1\n")
    bench.git("add", "-A", folder=clone)
    bench.git("commit", "-qm", "by hand", folder=clone)
    for refspec in ("HEAD:main", "+HEAD:refs/heads/main", ":main"):
        pushed = bench.git("push", "-q", "origin", refspec, folder=clone)
        assert pushed.returncode != 0
        assert "main is moved by the factory only" in pushed.stderr
    assert bench.main == base
    assert bench.git("push", "-q", "origin", f"HEAD:{BRANCH}-by-hand", folder=clone).returncode == 0


def test_when_somebody_else_moved_main_nothing_goes_on_until_it_is_put_back(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    evil = bench.by_hand()
    assert evil != base
    with pytest.raises(MovedByOthers, match="somebody else moved links's main") as caught:
        bench.merge(request.id)
    with pytest.raises(MovedByOthers):
        check.test(bench.context, bench.record.id, {"head": bench.head})
    with pytest.raises(MovedByOthers):
        bench.revert(evil, request.id)
    (event,) = bench.told("main.moved_by_others")
    assert event.properties == {"found": evil, "recorded": base}
    assert bench.main == evil
    # As the hint says.
    assert f"update-ref refs/heads/main {base} {evil}" in caught.value.hint
    bench.git("update-ref", "refs/heads/main", base, evil)
    assert bench.merge(request.id)["state"] == "merged"


def test_a_merge_that_was_taken_back_by_hand_is_noticed(bench: MergeBench) -> None:
    base, request = bench.main, bench.approved()
    bench.merge(request.id)
    bench.git("update-ref", "refs/heads/main", base)
    with pytest.raises(MovedByOthers):
        bench.merge(request.id)


def test_a_repository_that_the_factory_did_not_seed_is_not_built_on(bench: MergeBench) -> None:
    with db.transaction(bench.context.database) as connection:
        connection.execute(mains.MAINS.delete())
    with pytest.raises(MovedByOthers, match="did not seed"):
        main_as_recorded(bench.context, bench.record)


def test_intake_refuses_a_main_that_somebody_else_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_merge_bench(tmp_path)
    monkeypatch.setattr("pipeline.stages.intake.lint_change", lambda *_: None)
    monkeypatch.setattr("pipeline.stages.intake.as_submitted", lambda *_: None)
    monkeypatch.setattr("pipeline.stages.intake._stands", lambda *_: True)
    assert intake(bench.context, bench.record.id, {}) == {"ok": True}
    bench.by_hand()
    with pytest.raises(MovedByOthers):
        intake(bench.context, bench.record.id, {})


def test_a_main_from_before_this_was_kept_is_taken_as_it_is_once(bench: MergeBench) -> None:
    with db.transaction(bench.context.database) as connection:
        connection.execute(mains.MAINS.update().values(commit=None, intended=None))
    assert main_as_recorded(bench.context, bench.record) == bench.main
    bench.by_hand()
    with pytest.raises(MovedByOthers):
        main_as_recorded(bench.context, bench.record)


@pytest.mark.parametrize("decided", [False, True])
def test_a_merge_made_by_hand_is_not_taken_for_ours(bench: MergeBench, decided: bool) -> None:
    request = bench.ask()
    bench.asked_head = bench.head
    clone = bench.clone()
    bench.git("merge", "-q", "--no-ff", "--no-commit", f"origin/{BRANCH}", folder=clone)
    (clone / "evil.py").write_text("x = 1\n")
    bench.git("add", "-A", folder=clone)
    trailers = f"Change: {APP}/{CHANGE}\nDecision: {request.id}\nDecided-by: {demo_people.MAINTAINER}"
    bench.git("commit", "-qm", f"tags\n\n{trailers}", folder=clone)
    bench.git("fetch", "-q", str(clone), "HEAD:refs/heads/main")
    evil = bench.main
    # The record alone stops it; that is taken out of the way here.
    with pytest.raises(MovedByOthers):
        bench.merge(request.id)
    with db.transaction(bench.context.database) as connection:
        connection.execute(mains.MAINS.update().values(commit=evil, intended=evil))
    if decided:
        bench.decide(request)
        with pytest.raises(merging.MillwrightError, match="not the one request"):
            bench.merge(request.id)
        assert bench.told("merge.refused")
    else:
        assert bench.merge(request.id)["state"] == "refused"
        assert bench.rejected() == "nobody has decided yet"
    assert bench.told("change.merged") == []
    assert bench.record.artefact is None


@pytest.mark.parametrize("point", ["main.intended", "merge.main-moved", "merge.artefact-stored"])
def test_killed_around_the_move_of_main_it_is_merged_once(bench: MergeBench, point: str) -> None:
    base, request = bench.main, bench.approved()
    child = os.fork()
    if not child:
        try:
            bench.context.database.dispose(close=False)
            object.__setattr__(bench.context, "faults", type(bench.context.faults)(bench.context.root.path, [point]))
            bench.merge(request.id)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    answer = bench.merge(request.id)
    assert answer["state"] == "merged"
    assert bench.git("rev-list", "--first-parent", "main").stdout.split() == [answer["commit"], base]
    assert main_as_recorded(bench.context, bench.record) == answer["commit"]


def exception(bench: MergeBench, person: str = demo_people.SECURITY) -> dict:
    """A security exception that was asked and approved, as the flow passes it on."""
    found = [CRITICAL.model_dump(mode="json")]
    shown = check.shown_for_exception(bench.record.id, bench.head, found)
    request = bench.decide(bench.ask(Gate.SECURITY_EXCEPTION, shown), person)
    return {"request": request.id, "person": person, "reason": "", "findings": found}


def test_an_exception_is_shown_and_looked_at_again_at_the_merge(tmp_path: Path) -> None:
    bench = make_merge_bench(tmp_path, findings=COUNTS | {"critical": 1})
    base = bench.main
    bench.facts["exception"] = exception(bench)
    request = bench.approved()
    assert request.shown["exception"]["person"] == demo_people.SECURITY
    assert request.shown["exception"]["findings"][0]["path"] == "tags.py"
    people = (bench.context.root.demo_people / "people.yaml").read_text()
    bench.take_role(demo_people.SECURITY)
    assert bench.merge(request.id)["state"] == "refused"
    assert "does not hold the role security" in bench.rejected()
    assert bench.main == base
    (bench.context.root.demo_people / "people.yaml").write_text(people)
    assert bench.merge(request.id)["state"] == "merged"


def test_critical_findings_without_an_exception_and_one_for_others_merge_nothing(tmp_path: Path) -> None:
    bench = make_merge_bench(tmp_path, findings=COUNTS | {"critical": 1})
    base = bench.main
    request = bench.approved()
    assert "nobody of security has accepted" in bench.merge(request.id)["reason"]
    assert bench.told("merge.refused")
    granted = exception(bench)
    bench.facts["exception"] = {**granted, "findings": [granted["findings"][0] | {"path": "other.py"}]}
    other = bench.decide(bench.ask(key="2"))
    assert bench.merge(other.id)["state"] == "refused"
    assert bench.rejected().startswith("it was decided on sha256:")
    assert bench.main == base


def main_goes_on(bench: MergeBench, monkeypatch: pytest.MonkeyPatch, then: object = None) -> None:
    """Another change is merged meanwhile; the suites, which have tests of their own, pass."""
    head = bench.work("other", "other.py")
    repository = bench.context.repository(APP)
    repository.merge(
        "change/other", expected_head=head, expected_base=bench.main, message="m", trailers={"Change": "links/other"}
    )

    def tested(*_: object) -> SimpleNamespace:
        if callable(then):
            then()
        return SimpleNamespace(ok=True)

    monkeypatch.setattr(merging, "tested", tested)


def test_as_merged_with_a_main_that_went_on_it_is_scanned_again(
    bench: MergeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.work(CHANGE, "keys.py", f'KEY = "{AWS_KEY}"\n')
    request = bench.approved()
    main_goes_on(bench, monkeypatch)
    base = bench.main
    answer = bench.merge(request.id)
    assert answer["state"] == "broken"
    assert "new critical findings" in answer["reason"]
    assert "keys.py" in answer["reason"]
    assert bench.main == base
    assert bench.told("security.scanned_again")[-1].properties["critical"] > 0


def test_a_clean_change_is_merged_with_a_main_that_went_on(bench: MergeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    request = bench.approved()
    main_goes_on(bench, monkeypatch)
    assert bench.merge(request.id)["state"] == "merged"


def test_a_role_that_was_lost_while_it_was_tested_again_stops_the_merge(
    bench: MergeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = bench.approved()
    main_goes_on(bench, monkeypatch, lambda: bench.take_role(demo_people.MAINTAINER))
    base = bench.main
    assert bench.merge(request.id)["state"] == "refused"
    assert "does not hold the role maintainer" in bench.rejected()
    assert bench.main == base


def test_a_revert_needs_a_decision_on_exactly_that(bench: MergeBench) -> None:
    request = bench.approved()
    merged = bench.merge(request.id)["commit"]
    # The merge's own approval, a question nobody answered, and an answer to another question.
    assert "at the gate merge, not attention" in bench.revert(merged, request.id)["reason"]
    asked = bench.ask_to_revert(merged)
    assert "nobody has decided yet" in bench.revert(merged, asked.id)["reason"]
    bench.decide(asked)
    assert "it was decided on" in bench.revert(merged, asked.id, reason="something else")["reason"]
    assert bench.main == merged
    assert len(bench.told("decision.rejected")) == 3
    reverted = bench.revert(merged, asked.id)["commit"]
    assert bench.main == reverted == main_as_recorded(bench.context, bench.record)
