"""`millwright audit`: what an app's log tells, the proof that it is whole, and what a verifier elsewhere needs."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from change_bench import database
from console_runner import Runner
from sqlalchemy import text

from access.audit import key_file
from factory import db, demo_people, events
from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.settings import Settings


@pytest.fixture
def told(root: FactoryRoot) -> FactoryRoot:
    """A factory in which something has happened."""
    with db.transaction(database(root)) as connection:
        for kind in ("update.started", "update.failed", "update.started"):
            events.append(connection, events.new_event(kind, actor="ada", app="links", environment="build"))
        events.append(connection, events.new_event("drift.found", actor="driver", app="tally"))
    return root


def tampered(root: FactoryRoot, statement: str) -> None:
    with db.transaction(database(root)) as connection:
        assert connection.execute(text(statement)).rowcount == 1


def test_what_happened_is_shown_of_one_app_and_of_one_kind(millwright: Runner, told: FactoryRoot) -> None:
    whole = millwright("audit", "show", "links", "--json")
    assert whole.code == ExitCode.OK
    assert [(each["index"], each["event"]["kind"]) for each in whole.documents] == [
        (0, "update.started"),
        (1, "update.failed"),
        (2, "update.started"),
    ]
    failed = millwright("audit", "show", "links", "--kind", "update.failed", "--json")
    assert [each["index"] for each in failed.documents] == [1]
    assert len(millwright("audit", "show", "links", "--kind", "update", "--limit", "2", "--json").documents) == 2
    assert millwright("audit", "show", "links", "--kind", "upd", "--json").documents == []
    table = millwright("audit", "show", "tally").out
    assert "drift.found" in table
    assert "update.failed" not in table


def test_a_log_that_was_changed_is_told_with_its_own_exit_code(millwright: Runner, told: FactoryRoot) -> None:
    whole = millwright("audit", "verify")
    assert (whole.code, whole.out.count("whole")) == (ExitCode.OK, 2)
    tampered(
        told, "UPDATE access_audit_entry SET leaf = replace(leaf, 'ada', 'bob') WHERE app = 'links' AND \"index\" = 1"
    )
    broken = millwright("audit", "verify", "--json")
    assert broken.code == ExitCode.AUDIT_BROKEN
    faults = {each["app"]: each["faults"] for each in broken.documents}
    assert faults["tally"] == []
    assert "entry 1 is not what was logged" in faults["links"]
    assert millwright("audit", "verify", "tally").code == ExitCode.OK
    assert "broken" in millwright("audit", "verify", "links").out


def test_what_is_exported_is_verified_by_the_file_that_is_printed(
    millwright: Runner, told: FactoryRoot, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "key.pem").write_text(millwright("audit", "key").out)
    (elsewhere / "verifier.py").write_text(millwright("audit", "verifier").out)
    log = elsewhere / "links.jsonl"
    assert millwright("audit", "export", "links", "--output", str(log)).code == ExitCode.OK
    assert millwright("audit", "export", "links").out == log.read_text()
    command = [sys.executable, "-I", "verifier.py", "--key", "key.pem", "--log", log.name, "--memory", "last"]
    found = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert "millwright/links: 3 entries, 1 checkpoints" in found.stdout
    # An insider, with database and key, writes history anew: what was seen outside tells.
    tampered(told, "DELETE FROM factory_event WHERE kind = 'update.failed'")
    for table in ("entry", "log", "checkpoint"):
        with db.transaction(database(told)) as connection:
            connection.execute(text(f"DELETE FROM access_audit_{table}"))  # noqa: S608 -- names of this list
            connection.execute(text("UPDATE factory_event SET logged = false"))
    assert millwright("audit", "verify").code == ExitCode.OK
    millwright("audit", "export", "links", "--output", str(log))
    found = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 1
    assert "seen last time had 3 entries, the log has 2" in found.stderr


def test_a_log_that_is_not_there_is_an_error_with_a_guess(millwright: Runner, told: FactoryRoot) -> None:
    refused = millwright("audit", "show", "lniks")
    assert refused.code == ExitCode.INVALID_INPUT
    assert "nothing was ever logged of 'lniks'" in refused.err
    assert "did you mean links?" in refused.err
    assert millwright("audit", "verify", "nobody").code == ExitCode.INVALID_INPUT


def test_without_its_key_nothing_is_signed_anew(millwright: Runner, told: FactoryRoot) -> None:
    assert millwright("audit", "verify").code == ExitCode.OK
    key_file(told).write_text("spoilt")
    refused = millwright("audit", "verify")
    assert refused.code == ExitCode.INVALID_INPUT
    assert "holds no Ed25519 key" in refused.err


def test_an_export_that_cannot_be_written_leaves_nothing(millwright: Runner, told: FactoryRoot, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "links.jsonl"
    refused = millwright("audit", "export", "links", "--output", str(missing))
    assert refused.code == ExitCode.FAILED
    assert not missing.parent.exists()
    assert json.loads(millwright("audit", "export", "links").out.splitlines()[0])["index"] == 0


def test_what_is_old_is_shown_and_goes_only_when_that_is_said(
    millwright: Runner, told: FactoryRoot, tmp_path: Path
) -> None:
    demo_people.ensure(told, Settings())
    old = (datetime.now(UTC) - timedelta(days=400)).isoformat(timespec="milliseconds")
    with db.transaction(database(told)) as connection:
        connection.execute(text("UPDATE factory_event SET time = :old WHERE kind = 'update.failed'"), {"old": old})
        connection.execute(text("UPDATE factory_event SET time = :old WHERE sequence = 1"), {"old": old})
    shown = millwright("audit", "prune", "links")
    assert (shown.code, "would go: 2 entries and 0 recordings of links" in shown.out) == (ExitCode.OK, True)
    refused = millwright("audit", "prune", "links", "--yes", "--as", demo_people.OPERATOR)
    assert (refused.code, "does not hold the role security" in refused.err) == (ExitCode.ACCESS_DENIED, True)
    copy = tmp_path / "before.jsonl"
    done = millwright("audit", "prune", "links", "--yes", "--as", demo_people.SECURITY, "--export", str(copy))
    assert (done.code, "gone: 2 entries" in done.out) == (ExitCode.OK, True)
    assert [("leaf" in json.loads(line)) for line in copy.read_text().splitlines()[:3]] == [True, True, True]
    verified = millwright("audit", "verify", "links")
    assert (verified.code, "2 pruned and known by their hashes alone" in verified.out) == (ExitCode.OK, True)
    kept = millwright("audit", "show", "links", "--json").documents
    assert [each["event"] and each["event"]["kind"] for each in kept] == [None, None, "update.started", "audit.pruned"]
    assert "nothing of links" in millwright("audit", "prune", "links").out


def test_an_entry_is_proved_to_who_has_the_key_and_no_log(
    millwright: Runner, told: FactoryRoot, tmp_path: Path
) -> None:
    shown = millwright("audit", "show", "links", "--json").documents[1]["event"]
    (tmp_path / "key.pem").write_text(millwright("audit", "key").out)
    (tmp_path / "verifier.py").write_text(millwright("audit", "verifier").out)
    proof = tmp_path / "proof.json"
    asked = millwright("audit", "prove", "links", shown["id"], "--since", "3", "--output", str(proof))
    assert asked.code == ExitCode.OK
    command = [sys.executable, "-I", "verifier.py", "--key", "key.pem", "--proof", proof.name]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, '"kind":"update.failed"' in found.stdout) == (0, True)
    proof.write_text(proof.read_text().replace("ada", "bob"))
    forged = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (forged.returncode, "this is not entry 1 of the log" in forged.stderr) == (1, True)
    assert millwright("audit", "prove", "links").code == ExitCode.USAGE
    assert millwright("audit", "prove", "links", "99").code == ExitCode.INVALID_INPUT
