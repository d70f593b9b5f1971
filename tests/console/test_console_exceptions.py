"""`millwright policy except|accept|report`: one asks, another one accepts, and what was accepted is seen."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from console_runner import Answer, Runner
from exception_bench import FACTORY_ID, GROUP, ExceptionBench
from sqlalchemy import select

from factory import db, findings
from factory.errors import ExitCode
from factory.events import EVENTS
from factory.findings import Finding, Severity
from factory.settings import new_factory_id

TAGS = {"app": "links", "environment": "staging", "owner": "web", "cost-center": "web"}
DOOR = f"urn:pulumi:links-staging::f::{GROUP}::links-staging-door"
pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="people sign with ssh-keygen")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExceptionBench:
    bench = ExceptionBench.in_folder(tmp_path / "factory")
    monkeypatch.chdir(bench.root.path)
    return bench


@pytest.fixture
def state(bench: ExceptionBench) -> str:
    """A stack with one open door."""
    return _state(bench, "0.0.0.0/0")


def _state(bench: ExceptionBench, *sources: str) -> str:
    inputs = {"ingress": [{"cidrBlocks": [source]} for source in sources], "tags": TAGS}
    file = bench.root.path / "state.json"
    resources = [{"urn": DOOR, "type": GROUP, "inputs": inputs}]
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return str(file)


def _ask(millwright: Runner, state: str, *more: str, days: int = 30) -> Answer:
    said = ["--reason", "no VPN yet", "--ticket", "SEC-1", "--expires", str(days), "--id", "door", "--json"]
    about = [] if "--urn" in more or "--pattern" in more else ["--urn", DOOR]
    who = [] if "--as" in more else ["--as", "ada", "--key", "ada.key"]
    return millwright("policy", "except", "no-world-ingress", *about, "--state", state, *said, *who, *more)


def _accept(millwright: Runner, person: str = "sam") -> Answer:
    return millwright("policy", "accept", "door", "--as", person, "--key", f"{person}.key", "--json")


def _events(bench: ExceptionBench) -> list[tuple[str, str, str]]:
    with db.transaction(db.connect(bench.root, bench.settings)) as connection:
        rows = connection.execute(select(EVENTS).order_by(EVENTS.c.sequence)).mappings().all()
    return [(row["kind"], row["actor"], row["app"]) for row in rows]


def test_a_finding_that_one_asks_for_and_another_accepts_fails_nothing_any_more(
    millwright: Runner, bench: ExceptionBench, state: str
) -> None:
    check = ("policy", "check", "--state", state)
    assert millwright(*check).code == ExitCode.POLICY_VIOLATION
    asked = _ask(millwright, state)
    assert asked.code == ExitCode.OK, asked
    # Asked for is not accepted.
    assert millwright(*check).code == ExitCode.POLICY_VIOLATION
    (waiting,) = millwright("policy", "report", "--json").documents
    assert (waiting["exception"], waiting["state"], waiting["requester"]) == ("door", "requested", "ada")
    accepted = _accept(millwright)
    assert accepted.code == ExitCode.OK, accepted
    until = str((datetime.now(UTC) + timedelta(days=30)).date())
    assert accepted.documents[0] | {"until": until} == accepted.documents[0]
    passed = millwright(*check)
    assert passed.code == ExitCode.OK
    assert f"accepted until {until} by sam (door): no VPN yet" in passed.out
    assert "0 findings, 0 undecided, 1 accepted" in passed.out
    (document,) = millwright(*check, "--json").documents
    assert document["findings"] == []
    assert document["accepted"][0]["accepted"]["exception"] == "door"
    told = [("exception.requested", "ada", "links"), ("exception.approved", "sam", "links")]
    assert _events(bench) == told


def test_what_was_accepted_is_used_unused_or_not_looked_at(
    millwright: Runner, bench: ExceptionBench, state: str
) -> None:
    assert millwright("policy", "report").out.strip() == "nobody has accepted anything"
    assert _ask(millwright, state, days=10).code == _accept(millwright).code == ExitCode.OK

    def reported(*files: str) -> tuple[str, bool]:
        (one,) = millwright("policy", "report", *files, "--json").documents
        return one["state"], one["expiring"]

    assert reported("--state", state) == ("used", True)
    assert reported() == ("unseen", True)
    closed = _state(bench, "10.0.0.0/8")
    assert reported("--state", closed) == ("unused", True)
    assert "unused, expiring" in millwright("policy", "report", "--state", closed).out


def test_what_has_expired_is_reported_and_the_check_says_what_to_do(
    millwright: Runner, bench: ExceptionBench, state: str
) -> None:
    now = datetime.now(UTC)
    days = {"requested": 40, "approved": 39}
    dates = {name: (now - timedelta(days=ago)).isoformat(timespec="seconds") for name, ago in days.items()}
    ended = bench.entry(resource=DOOR, expires=str(now.date()), **dates)
    bench.write(ended)
    report = millwright("policy", "report", "--state", state, "--json")
    assert (report.code, report.documents[0]["state"]) == (ExitCode.OVERDUE, "expired")
    check = millwright("policy", "check", "--state", state, "--json")
    assert check.code == ExitCode.INVALID_INPUT
    assert "has expired and covers nothing any more" in check.documents[0]["problems"][0]["message"]
    assert "remove the entry" in check.documents[0]["hint"]
    bench.write()
    assert millwright("policy", "check", "--state", state).code == ExitCode.POLICY_VIOLATION
    assert millwright("policy", "report").code == ExitCode.OK


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ("max", "max does not hold the role security for links"),
        ("nia", "nia does not hold the role security for links"),
        ("ada", "ada requested it"),
    ],
)
def test_who_may_not_accept_is_told_why_and_nothing_is_accepted(
    millwright: Runner, bench: ExceptionBench, state: str, person: str, why: str
) -> None:
    assert _ask(millwright, state).code == ExitCode.OK
    refused = _accept(millwright, person)
    assert (refused.code, why in refused.documents[0]["error"]) == (ExitCode.DECISION_REQUIRED, True)
    assert not (bench.root.path / "exceptions.yaml").exists()
    assert _events(bench)[-1][:2] == ("exception.rejected", "unattested")
    assert _accept(millwright, "sol").code == ExitCode.OK


def test_what_was_changed_after_it_was_asked_for_cannot_be_accepted(
    millwright: Runner, bench: ExceptionBench, state: str
) -> None:
    assert _ask(millwright, state).code == ExitCode.OK
    waiting = bench.root.path / "exceptions.requested.yaml"
    true = waiting.read_text()
    waiting.write_text(true.replace("no VPN yet", "harmless"))
    refused = _accept(millwright)
    assert refused.code == ExitCode.INVALID_INPUT
    assert "ada's keys over exactly what is asked for here" in json.dumps(refused.documents)
    waiting.write_text(true)
    assert _accept(millwright).code == ExitCode.OK
    assert millwright("policy", "accept", "door", "--as", "sam", "--key", "sam.key").code == ExitCode.INVALID_INPUT


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--urn", DOOR + "x"), "there is no finding of no-world-ingress there"),
        (("--pattern", DOOR.replace("links-staging-door", "*")), "the name says too little"),
        (("--pattern", DOOR.replace("staging-door", "staging-d*r")), "the name says too little"),
        (("--urn", DOOR, "--path", "egress"), "there is no finding"),
        (("--as", "ada", "--key", "max.key"), "is none of ada's"),
        (("--as", "zoe", "--key", "ada.key"), "nobody has the id 'zoe'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_it_is_written(
    millwright: Runner, bench: ExceptionBench, state: str, more: tuple[str, ...], told: str
) -> None:
    answer = _ask(millwright, state, *more)
    assert answer.code == ExitCode.INVALID_INPUT
    assert told in json.dumps(answer.documents)
    assert not (bench.root.path / "exceptions.requested.yaml").exists()
    assert _ask(millwright, state).code == ExitCode.OK
    assert _ask(millwright, state).documents[0]["error"] == "there is an exception door already"


def test_what_waits_in_one_factory_is_accepted_in_no_other(
    millwright: Runner, bench: ExceptionBench, state: str
) -> None:
    assert _ask(millwright, state).code == ExitCode.OK
    settings = bench.root.settings_file
    true = settings.read_text()
    settings.write_text(true.replace(FACTORY_ID, new_factory_id()))
    (refused,) = _accept(millwright).documents
    assert "signed for another factory" in refused["problems"][0]["message"]
    settings.write_text("aws: local\n")
    assert "this factory has no id" in _accept(millwright).documents[0]["problems"][0]["message"]
    (bench.root.path / "exceptions.requested.yaml").unlink()
    nameless = _ask(millwright, state).documents[0]
    assert (nameless["error"], "factory_id: " in nameless["hint"]) == (
        "this factory has no id, so that nothing can be signed for it",
        True,
    )
    settings.write_text(true)
    assert _ask(millwright, state).code == _accept(millwright).code == ExitCode.OK
    accepted = (bench.root.path / "exceptions.yaml").read_text()
    assert f"\n    factory: {FACTORY_ID}@local\n" in accepted


def test_ninety_one_days_are_too_many(millwright: Runner, state: str) -> None:
    assert _ask(millwright, state, days=91).code == ExitCode.USAGE
    assert _ask(millwright, state, days=90).code == ExitCode.OK


def test_of_several_findings_one_is_named(millwright: Runner, bench: ExceptionBench) -> None:
    state = _state(bench, "0.0.0.0/0", "0.0.0.0/0")
    several = _ask(millwright, state)
    assert several.code == ExitCode.INVALID_INPUT
    assert "ingress[1].cidrBlocks[0]: " in several.documents[0]["error"]
    assert _ask(millwright, state, "--path", "ingress[1].cidrBlocks[0]").code == ExitCode.OK
    assert _accept(millwright).code == ExitCode.OK
    # The other one is there still.
    assert millwright("policy", "check", "--state", state).code == ExitCode.POLICY_VIOLATION


def test_a_scanners_finding_is_asked_for_by_what_was_found(millwright: Runner, bench: ExceptionBench) -> None:
    key = Finding(
        tool="detect-secrets",
        rule="aws-access-key",
        severity=Severity.CRITICAL,
        path="links/keys.py",
        line=3,
        message="AWS Access Key; its value is not shown",
    )
    with db.transaction(db.connect(bench.root, bench.settings)) as connection:
        findings.record(connection, app="links", change="keys", run="r", found=[key])
    about = ("detect-secrets/aws-access-key", "--app", "links")
    said = ("--reason", "a test key", "--ticket", "SEC-2", "--id", "door", "--as", "ada", "--key", "ada.key", "--json")
    assert millwright("policy", "except", *about, "--path", "other.py", *said).code == ExitCode.INVALID_INPUT
    asked = millwright("policy", "except", *about, *said)
    assert (asked.code, asked.documents[0]["fingerprint"]) == (ExitCode.OK, key.fingerprint())
    assert _accept(millwright).code == ExitCode.OK
    (one,) = millwright("policy", "report", "--json").documents
    assert (one["state"], one["about"]) == ("used", "links: links/keys.py")


def test_what_people_wrote_beside_the_entries_stays(millwright: Runner, bench: ExceptionBench, state: str) -> None:
    file = bench.root.path / "exceptions.yaml"
    file.write_text("# ours, see the handbook\nexceptions: []\n")
    assert _ask(millwright, state).code == _accept(millwright).code == ExitCode.OK
    written = file.read_text()
    assert written.startswith("# ours, see the handbook\n")
    assert "\n    reason: no VPN yet\n" in written
    assert "signature: |\n      -----BEGIN SSH SIGNATURE-----\n" in written
    assert "exceptions: []" in (bench.root.path / "exceptions.requested.yaml").read_text()
