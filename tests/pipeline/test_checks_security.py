"""The security stage: what is planted is found, whatever the tree says about it; a scanner that fails is no pass."""

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from checks_helpers import Bench, bench
from own_rule_bench import rule_text, with_rule

from factory.errors import InputError
from factory.findings import Finding, Severity
from factory.settings import Settings
from factory.spec import load_app
from pipeline.checks import ScannerFailed, SecurityReport, run_security, scan, severities, violations_to_findings
from pipeline.checks import scanning as scanning_module
from policies import CONTROLS
from policies.own import read_rule
from sandbox import Ran
from stacks.driver.model import Violation

# Put together, so that this file holds no secret either.
AWS_KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
PASSWORD = "correct-horse-" + "battery-staple"


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def found(place: Bench, tool: str = "") -> list[Finding]:
    report = scan(place.root, place.tree, place.base, list)
    return [finding for finding in report.new if finding.tool == tool or not tool]


def test_the_app_as_it_is_brings_nothing_new_and_what_it_holds_is_known(place: Bench) -> None:
    report = scan(place.root, place.tree, place.base, list)
    assert report.new == ()
    assert {finding.tool for finding in report.known} == {"ruff", "detect-secrets"}
    everything = scan(place.root, place.tree, None, list)
    assert sorted(everything.new, key=str) == sorted(report.known, key=str)


def paths(findings: Iterable[Finding]) -> list[str]:
    return sorted(finding.path for finding in findings)


# All cases of a kind stand in one tree: a scan of it costs a second, and each file is looked at by itself.
def test_a_new_secret_is_critical_whatever_stands_beside_it_and_its_value_is_not_shown(place: Bench) -> None:
    lines = {
        "plain": f'KEY = "{AWS_KEY}"',
        "allowed": f'KEY = "{AWS_KEY}"  # pragma: allowlist secret',
        "called": f'KEY = str("{AWS_KEY}")',
        "id": f'user_id = "{AWS_KEY}"',
        "password": f'password = "{PASSWORD}"',
    }
    for name, line in lines.items():
        place.write(f"links/{name}.py", f"# a comment\n{line}\n")
    every = found(place)
    assert {(each.severity, each.path, each.line) for each in every if each.tool == "detect-secrets"} == {
        (Severity.CRITICAL, f"links/{name}.py", 2) for name in lines
    }
    for finding in every:
        assert AWS_KEY not in str(finding)
        assert PASSWORD not in str(finding)


def test_a_secret_is_found_in_whatever_file_it_stands(place: Bench) -> None:
    files = ["package-lock.json", "swagger/api.txt", "picture.png", "notes", "tests/test_x.py", "docs/x.md", ".env"]
    for path in files:
        place.write(path, f'key = "{AWS_KEY}"\n')
    assert paths(found(place, "detect-secrets")) == sorted(files)


def test_a_secret_in_another_encoding_is_found(place: Bench) -> None:
    for encoding in ("latin-1", "utf-16"):
        (place.tree / f"{encoding}.txt").write_bytes(f'\u00e9 key = "{AWS_KEY}"\n'.encode(encoding))
    assert paths(found(place, "detect-secrets")) == ["latin-1.txt", "utf-16.txt"]


def test_a_secret_in_what_is_no_text_is_found_and_stops_the_change(place: Bench) -> None:
    files = {
        "nul": f'key = "{AWS_KEY}"\n'.encode() + b"\0",
        "binary": b"\0\1\2\n" + f'key = "{AWS_KEY}"\n'.encode(),
        "utf-16-le": f'\u00e9 key = "{AWS_KEY}"\n'.encode("utf-16-le"),
        "utf-16-be": f'key = "{AWS_KEY}"\n'.encode("utf-16-be"),
        "utf-32": f'key = "{AWS_KEY}"\n'.encode("utf-32"),
        "no-utf-16": b"\xff\xfe" + f'key = "{AWS_KEY}"\n'.encode() + b"\0",
        "false-utf-16": b"\xff\xfe" + f'key = "{AWS_KEY}"  \n'.encode(),
    }
    for name, content in files.items():
        (place.tree / f"{name}.cfg").write_bytes(content)
    report = scan(place.root, place.tree, place.base, list)
    assert paths(report.criticals) == sorted(f"{name}.cfg" for name in files)
    assert {finding.tool for finding in report.criticals} == {"detect-secrets"}


def test_what_is_no_text_and_holds_no_secret_stops_nothing(place: Bench) -> None:
    (place.tree / "picture.bin").write_bytes(bytes(range(256)) * 20)
    report = scan(place.root, place.tree, place.base, list)
    assert [(finding.rule, finding.severity) for finding in report.new] == [("binary", Severity.MEDIUM)]


def test_what_is_too_large_to_be_scanned_whole_is_for_a_person_to_look_at(place: Bench) -> None:
    (place.tree / "at-limit.txt").write_text("#" * 2_000_000)
    (place.tree / "large.txt").write_text(f'key = "{AWS_KEY}"\n' + "#" * 2_000_000)
    report = scan(place.root, place.tree, place.base, list)
    assert {(finding.rule, finding.path) for finding in report.criticals} == {
        ("too-large", "large.txt"),
        ("aws-access-key", "large.txt"),
    }


EVIL = "import subprocess\n\n\ndef run(text: str) -> None:\n    subprocess.run(text, shell=True)"


def test_a_shell_call_is_found_whatever_the_tree_says_about_it(place: Bench) -> None:
    files = {
        "links/plain.py": EVIL,
        "links/noqa.py": f"# ruff: noqa\n{EVIL}  # noqa",
        "links/disabled.py": f"# ruff: disable[S]\n{EVIL}\n# ruff: enable[S]\n",
        "links/nosec.py": f"# flake8: noqa\n{EVIL}  # nosec",
        "build/evil.py": EVIL,
        ".venv/evil.py": EVIL,
        "tool": f"#!/usr/bin/env python3\n{EVIL}",
        "-evil.py": EVIL,
        "a name.py": EVIL,
    }
    for path, text in files.items():
        place.write(path, text + "\n")
    place.write(".gitignore", "*\n")
    place.write("ruff.toml", 'exclude = ["*"]\nlint.select = []\n')
    shell = [finding for finding in found(place, "ruff") if finding.rule == "S602"]
    assert paths(shell) == sorted(files)
    assert {finding.severity for finding in shell} == {Severity.HIGH}


def test_a_module_in_the_tree_is_not_taken_for_the_scanner(place: Bench) -> None:
    for name in ("ruff", "detect_secrets", "json"):
        place.write(f"{name}.py", "raise SystemExit(0)\n")
        place.write(f"{name}/__main__.py", "print('[]')\n")
    place.write("links/evil.py", EVIL)
    assert "S602" in {finding.rule for finding in found(place, "ruff")}


def test_assert_is_how_tests_check_and_no_more_than_that(place: Bench) -> None:
    place.write("tests/test_x.py", "def test_x() -> None:\n    assert 1\n")
    place.write("links/x.py", "def x() -> None:\n    assert 1\n")
    place.write("tests/evil.py", EVIL)
    rated = {(finding.path, finding.rule): finding.severity for finding in found(place, "ruff")}
    assert rated["tests/test_x.py", "S101"] is Severity.INFO
    assert rated["links/x.py", "S101"] is Severity.LOW
    assert rated["tests/evil.py", "S602"] is Severity.HIGH


def test_what_cannot_be_parsed_or_read_is_a_finding(place: Bench) -> None:
    place.write("links/broken.py", "def (:\n")
    (place.tree / "links" / "code.bin").write_bytes(b"\0\1\2")
    (place.tree / "links" / "large.txt").write_bytes(b"x" * 2_000_001)
    (place.tree / "links" / "link.py").symlink_to("/etc/passwd")
    (place.tree / "links" / "folder").symlink_to("/etc")
    place.write("links/coded.py", "# coding: utf-7\nx = 1\n")
    (place.tree / "links" / "two\nlines.py").write_text("x = 1\n")
    every = found(place)
    rules = {(finding.path, finding.rule) for finding in every}
    assert {
        ("links/broken.py", "invalid-syntax"),
        ("links/code.bin", "binary"),
        ("links/large.txt", "too-large"),
        ("links/link.py", "link"),
        ("links/folder", "link"),
        ("links/coded.py", "source-encoding"),
        ("'links/two\\nlines.py'", "name"),
    } <= rules
    assert not any("root:" in str(finding) for finding in every)


def test_the_same_mistake_a_second_time_is_new_and_one_that_moved_is_not(place: Bench) -> None:
    (place.base / "links" / "evil.py").write_text(f"{EVIL}\n")
    place.write("links/evil.py", f"# moved\n\n{EVIL}\n")
    assert [finding.rule for finding in found(place, "ruff")] == []
    second = EVIL.partition("\n\n\n")[2]
    place.write("links/evil.py", f"{EVIL}\n\n\n{second}\n")
    assert [finding.rule for finding in found(place, "ruff")] == ["S602"]


def violation(policy: str, level: str = "mandatory") -> Violation:
    urn = "urn:pulumi:links-build::millwright::aws:ec2/securityGroup:SecurityGroup::web"
    return Violation(stack="links-build", policy=policy, level=level, message="open to the world", urn=urn)


def test_violations_of_the_pack_have_the_severity_of_their_control() -> None:
    control = CONTROLS[0]
    (finding,) = violations_to_findings([violation(control.id)], CONTROLS)
    assert finding.severity.value == control.severity.value
    assert finding.message == "web: open to the world"
    (advisory,) = violations_to_findings([violation(control.id, "advisory")], CONTROLS)
    assert advisory.severity is Severity.MEDIUM
    deferred = dataclasses.replace(violation(control.id, "advisory"), deferred=True)
    assert [finding.severity for finding in violations_to_findings([deferred], CONTROLS)] == [Severity.INFO]
    (unknown,) = violations_to_findings([violation("no-such-control")], CONTROLS)
    assert unknown.severity is Severity.HIGH


@pytest.mark.parametrize("severity", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])
def test_a_violation_of_the_factorys_own_rule_has_the_severity_that_the_rule_declares(
    place: Bench, severity: str
) -> None:
    path = with_rule(place.root, rule_text(("severity=Severity.MEDIUM", f"severity=Severity.{severity}")))
    controls = [*CONTROLS, read_rule(path).control]
    told = [violation("queue-retention"), violation("queue-retention", "advisory")]
    mandatory, advisory = violations_to_findings(told, controls)
    assert mandatory.severity is Severity[severity]
    assert advisory.severity is (Severity.LOW if severity == "LOW" else Severity.MEDIUM)


def test_the_stage_takes_the_severity_from_the_factorys_rules_and_without_them_gives_no_verdict(place: Bench) -> None:
    shutil.rmtree(place.tree)
    place.tree.mkdir()
    path = with_rule(place.root, rule_text(("severity=Severity.MEDIUM", "severity=Severity.CRITICAL")))
    report = scan(place.root, place.tree, None, lambda: [violation("queue-retention")])
    assert [f.rule for f in report.criticals] == ["queue-retention"]
    path.write_text("CONTROL = None\n")
    with pytest.raises(InputError, match="no rule that can be used"):
        scan(place.root, place.tree, None, lambda: [violation("queue-retention")])


def test_violations_are_new_and_nobody_having_looked_is_a_finding(place: Bench) -> None:
    spec = load_app(place.root, "links")

    def security(preview: object) -> list[Finding]:
        return run_security(place.root, Settings(), spec, place.tree, place.base, preview)  # type: ignore[arg-type]

    assert [f.rule for f in security(lambda: [violation(CONTROLS[0].id)])] == [CONTROLS[0].id]
    assert security(list) == []
    assert [(f.rule, f.severity) for f in security(None)] == [("not-assessed", Severity.INFO)]


def test_criticals_are_what_a_person_decides_on(place: Bench) -> None:
    place.write("links/keys.py", f'KEY = "{AWS_KEY}"\n')
    report = scan(place.root, place.tree, place.base, list)
    assert [finding.tool for finding in report.criticals] == ["detect-secrets"]
    assert report.new[0] in report.criticals
    assert SecurityReport(new=(), known=report.new).criticals == ()


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 1},
        {"code": 0, "out": ""},
        {"code": 0, "out": "no json"},
        {"code": 0, "out": '{"scanned": 0}'},
        {"code": 0, "out": "[]", "timed_out": True},
        {"code": 0, "out": "[]", "truncated": True},
    ],
)
def test_a_scanner_that_does_not_run_to_its_end_is_an_error(
    place: Bench, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    ran = {"code": 0, "out": "", "err": "", "timed_out": False, "truncated": False, "seconds": 0.0} | answer
    monkeypatch.setattr(scanning_module, "run", lambda _: Ran(**ran))  # type: ignore[arg-type]
    with pytest.raises(ScannerFailed, match="nothing is known to be clean"):
        scan(place.root, place.tree, None, list)


def test_a_scanner_that_is_missing_is_an_error(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning_module, "python_binds", lambda: ())
    with pytest.raises(ScannerFailed):
        scan(place.root, place.tree, None, list)


def test_nothing_of_a_scan_is_left(place: Bench) -> None:
    scan(place.root, place.tree, place.base, list)
    assert list(place.root.work.iterdir()) == []


def test_an_empty_tree_is_scanned_too(place: Bench) -> None:
    shutil.rmtree(place.tree)
    place.tree.mkdir()
    assert scan(place.root, place.tree, place.base, list).new == ()


def test_every_rating_has_its_reason() -> None:
    for rating in [*severities.RUFF.values(), *severities.RUFF_IN_TESTS.values(), *severities.UNREADABLE.values()]:
        assert len(rating.why) > 10
