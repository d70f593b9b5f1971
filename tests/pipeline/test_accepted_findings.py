"""Scanners' findings that exceptions.yaml accepts stop no change, are shown as accepted, and are looked at again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from exception_bench import ExceptionBench
from flow_bench import COUNTS, GOOD, make_bench
from merge_bench import MergeBench, make_merge_bench

from factory import demo_people, findings
from factory.db import transaction
from factory.errors import InputError
from factory.exceptions import SCANNERS
from factory.findings import Finding, Severity
from factory.gates import Gate
from pipeline import accepted
from pipeline.checks import scanned, severities
from pipeline.stages import check
from pipeline.stages import merge as merging

# Put together, so that this file holds no secret.
AWS_KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
KEY = Finding(
    tool="detect-secrets",
    rule="aws-access-key",
    severity=Severity.CRITICAL,
    path="keys.py",
    line=1,
    message="AWS Access Key; its value is not shown",
)
TODAY = datetime.now(UTC)


def _sign_all(bench: MergeBench, *found: Finding, **differs: str) -> None:
    """exceptions.yaml of the bench's factory: demo people ask for these findings and accept them."""
    desk = ExceptionBench(bench.context.root, bench.context.settings)
    for person in (demo_people.AUTHOR, demo_people.SECURITY, demo_people.MAINTAINER):
        desk.key(person).write_bytes(demo_people.key_file(desk.root, person).read_bytes())
    said = {
        "requester": demo_people.MAINTAINER,
        "approver": demo_people.SECURITY,
        "requested": (TODAY - timedelta(days=2)).isoformat(timespec="seconds"),
        "approved": (TODAY - timedelta(days=1)).isoformat(timespec="seconds"),
        "expires": str((TODAY + timedelta(days=20)).date()),
        "app": "links",
    } | differs
    desk.write(
        *(
            desk.entry(
                id=f"one-{number}",
                resource=None,
                rule=f"{finding.tool}/{finding.rule}",
                path=finding.path,
                message=finding.message,
                **said,
            )
            for number, finding in enumerate(found)
        )
    )


@pytest.fixture
def bench(tmp_path: Path) -> MergeBench:
    return make_merge_bench(tmp_path)


def _left(bench: MergeBench, *found: Finding) -> list[Finding]:
    return accepted.split(bench.context, bench.record, found).left


def test_only_that_finding_of_that_app_is_accepted_and_once(bench: MergeBench) -> None:
    assert _left(bench, KEY) == [KEY]
    _sign_all(bench, KEY)
    assert _left(bench, KEY) == []
    # It has moved, and is the same one; another one like it is not.
    moved = KEY.model_copy(update={"line": 9})
    assert _left(bench, moved, KEY) == [KEY]
    for other in ({"path": "other.py"}, {"message": "another key"}, {"rule": "private-key"}, {"tool": "tree"}):
        assert _left(bench, changed := KEY.model_copy(update=other)) == [changed]
    _sign_all(bench, KEY, app="notes")
    assert _left(bench, KEY) == [KEY]


def test_nobody_accepts_what_is_found_in_their_own_change(tmp_path: Path) -> None:
    for author, left in ((demo_people.SECURITY, [KEY]), (demo_people.MAINTAINER, [])):
        bench = make_merge_bench(tmp_path / author, author=author)
        _sign_all(bench, KEY)
        assert _left(bench, KEY) == left


@pytest.mark.parametrize("broken", ["tampered", "expired", "role lost"])
def test_a_file_that_does_not_hold_stops_the_stage(bench: MergeBench, broken: str) -> None:
    _sign_all(bench, KEY, expires=str((TODAY if broken == "expired" else TODAY + timedelta(days=9)).date()))
    file = bench.context.root.path / "exceptions.yaml"
    if broken == "tampered":
        file.write_text(file.read_text().replace("SEC-12", "SEC-13"))
    elif broken == "role lost":
        bench.take_role(demo_people.SECURITY)
    with pytest.raises(InputError):
        _left(bench, KEY)


def _scanned(bench: MergeBench, monkeypatch: pytest.MonkeyPatch) -> dict:
    """The stage on a real tree with a real key in it; only the app's preview, which needs an engine, shows nothing."""
    bench.asked_head = bench.work("keys", "keys.py", f'KEY = "{AWS_KEY}"\n')
    record = bench.submitted("keys", demo_people.AUTHOR)
    monkeypatch.setattr(check, "_violations", lambda *_: [])
    return check.security(bench.context, record.id, {"head": bench.asked_head})


def test_the_stage_lets_it_through_and_says_who_accepted_it(bench: MergeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _scanned(bench, monkeypatch)
    assert {found["path"] for found in answer["critical"]} == {"keys.py"}
    assert answer["accepted"] == []
    with transaction(bench.context.database) as connection:
        found = findings.of_change(connection, "links", "keys")
    criticals = [finding for finding in found if finding.severity is Severity.CRITICAL]
    _sign_all(bench, *criticals)
    argument = {"head": bench.asked_head}
    again = check.security(bench.context, "links/keys", argument)
    assert (again["critical"], again["counts"]["critical"]) == ([], 0)
    assert [each["accepted"]["person"] for each in again["accepted"]] == [demo_people.SECURITY] * len(criticals)
    assert f"by {demo_people.SECURITY} (one-0): critical detect-secrets:" in again["feedback"]
    assert bench.told("security.scanned")[-1].properties["accepted"] == [f"one-{n}" for n in range(len(criticals))]
    # A file of that name which an agent writes is a file of the app's, and says nothing to anybody.
    (bench.context.root.path / "exceptions.yaml").rename(bench.context.root.path / "elsewhere")
    text = (bench.context.root.path / "elsewhere").read_text()
    head = bench.work("agents", "exceptions.yaml", text)
    bench.submitted("agents", demo_people.AUTHOR)
    assert _left(bench, *criticals) == criticals
    assert check.security(bench.context, "links/agents", {"head": head})["accepted"] == []


def test_it_is_shown_where_the_merge_is_decided_and_looked_at_again_there(tmp_path: Path) -> None:
    bench = make_merge_bench(tmp_path)
    _sign_all(bench, KEY)
    bench.facts["accepted"] = accepted.split(bench.context, bench.record, [KEY]).as_json()
    base, request = bench.main, bench.approved()
    assert request.shown["accepted"][0]["accepted"]["exception"] == "one-0"
    file = bench.context.root.path / "exceptions.yaml"
    true = file.read_text()
    file.write_text("exceptions: []\n")
    answer = bench.merge(request.id)
    assert (answer["state"], bench.main) == ("refused", base)
    assert "not accepted any more" in answer["reason"]
    assert bench.told("merge.refused")
    file.write_text(true)
    assert bench.merge(request.id)["state"] == "merged"


def test_without_any_a_merge_is_asked_as_before(bench: MergeBench) -> None:
    shown = merging.shown_for_merge(bench.context, bench.record, bench.facts)
    assert "accepted" not in shown
    assert merging.shown_for_merge(bench.context, bench.record, {**bench.facts, "accepted": []}) == shown


def test_the_flow_carries_it_from_the_scanners_to_the_merge(tmp_path: Path) -> None:
    shown = [KEY.model_dump(mode="json") | {"accepted": {"exception": "one"}}]
    answer = GOOD["security"] | {"accepted": shown, "counts": COUNTS}
    bench = make_bench(tmp_path, security=lambda a, turn: answer)
    bench.run()
    (merge, _) = bench.requests
    assert merge.gate is Gate.MERGE
    assert merge.shown["accepted"] == shown


def test_the_file_names_scanners_and_rules_as_they_report_them() -> None:
    assert set(SCANNERS) == {"ruff", "detect-secrets", scanned.TOOL}
    assert all(SCANNERS["ruff"].fullmatch(rule) for rule in severities.RUFF)
    assert all(SCANNERS["tree"].fullmatch(rule) for rule in severities.UNREADABLE)
