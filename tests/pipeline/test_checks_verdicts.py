"""Verdicts and reports of the test stage: what counts as passed, what is none, and what is told of it."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.changefiles.criteria import Scenario
from pipeline.checks import SuiteName, TestReport
from pipeline.checks.acceptance import judge
from pipeline.checks.reports import TOLD_FAILURES, Failure, SuiteReport
from pipeline.checks.verdicts import Case, NoVerdict, read_cases
from sandbox import Ran

RAN = Ran(code=0, out="", err="", timed_out=False, truncated=False, seconds=1.0)
SCENARIOS = [Scenario("one", 1, 1), Scenario("two", 5, 2)]
CASES = [
    Case(name=f"test_criteria.{name}", outcome="passed", message="", step="")
    for name in ("test_0", "test_1[a]", "test_1[b]")
]


def test_a_report_of_very_many_failures_stays_small() -> None:
    def shown(count: int) -> tuple[dict[str, Any], TestReport]:
        failures = tuple(Failure(name=f"test_x[{number}]", message="x" * 1500) for number in range(count))
        own = SuiteReport(
            name=SuiteName.OWN,
            passed=1,
            failed=count,
            errors=0,
            skipped=0,
            failures=failures,
            problem="",
            seconds=0.1,
        )
        report = TestReport(own=own, visible=own, held_out=own)
        return report.as_json()["suites"][0], report

    few, _ = shown(TOLD_FAILURES)
    many, report = shown(100_000)
    assert (len(few["failures"]), few["more_failures"]) == (TOLD_FAILURES, 0)
    assert (len(many["failures"]), many["more_failures"], many["failed"]) == (TOLD_FAILURES, 99_980, 100_000)
    assert len(json.dumps(report.as_json())) < 200_000
    assert "and 99980 more" in report.for_agent()


def test_a_verdict_of_every_run_is_one() -> None:
    assert judge(SuiteName.HELD_OUT, SCENARIOS, CASES, RAN).ok


@pytest.mark.parametrize(
    ("cases", "code"),
    [
        ([], 0),
        (CASES[1:], 0),
        (CASES[:2], 0),
        ([*CASES, CASES[0]], 0),
        ([*CASES, replace(CASES[0], name="test_criteria.test_2")], 0),
        ([*CASES, replace(CASES[0], name="another")], 0),
        (CASES, 1),
        (CASES, 139),
        ([replace(CASES[0], outcome="skipped"), *CASES[1:]], 0),
        ([replace(CASES[0], outcome="failed"), *CASES[1:]], 0),
        ([replace(CASES[0], outcome="error"), *CASES[1:]], 1),
    ],
)
def test_a_verdict_that_lacks_something_or_has_too_much_is_none(cases: list[Case], code: int) -> None:
    assert not judge(SuiteName.HELD_OUT, SCENARIOS, cases, replace(RAN, code=code)).ok


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<testsuites>",
        b"\xff\xfe<testsuites/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuites>&a;</testsuites>',
        b"<testsuites>" + b" " * 8_000_001,
    ],
)
def test_a_verdict_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "verdict.xml").write_bytes(content)
    with pytest.raises(NoVerdict):
        read_cases(tmp_path / "verdict.xml")


def test_a_pipe_or_a_folder_in_the_verdicts_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "folder.xml").mkdir()
    for name in ("pipe.xml", "folder.xml", "nothing.xml"):
        with pytest.raises(NoVerdict):
            read_cases(tmp_path / name)
