"""The demonstration's changes really behave as their scripts' README says: their edits are played and judged."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from checks_helpers import LINKS, Bench, bench

from factory.findings import Severity
from pipeline.changefiles import lint_change, load_change
from pipeline.checks import scan

CHANGES = ("link-stats", "custom-codes", "https-only")
LAST = {"link-stats": 2, "custom-codes": 3, "https-only": 2}


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    return bench(tmp_path)


@pytest.mark.parametrize("change", CHANGES)
def test_the_files_of_a_change_have_no_mistake(place: Bench, change: str) -> None:
    lint_change(place.root, "links", change)
    assert load_change(place.root, "links", change).title


# Long, as the next two: the demonstration, which `make test` runs, ends otherwise when one of them fails.
@pytest.mark.long
def test_the_first_attempt_at_the_totals_fails_a_visible_criterion_and_the_second_passes(place: Bench) -> None:
    place.play("link-stats", 1)
    first = place.run("link-stats", base=place.base)
    assert first.own.ok
    assert [failure.name for failure in first.visible.failures] == ["A link that is followed three times"]
    assert "'hits': 3" in first.for_agent()
    place.play("link-stats", 2)
    second = place.run("link-stats", base=place.base)
    assert second.ok, second.for_people()
    assert second.held_out.passed == 3


@pytest.mark.long
def test_chosen_codes_fail_only_what_nobody_was_shown_in_every_attempt(place: Bench) -> None:
    for attempt in (1, 2, 3):
        place.play("custom-codes", attempt)
        report = place.run("custom-codes", base=place.base)
        assert report.own.ok, report.for_people()
        assert report.visible.ok, report.for_people()
        assert not report.held_out.ok
        assert report.for_agent().splitlines()[-1] == "held-out criteria failed: 4 of 5"


@pytest.mark.long
def test_https_only_passes_everything_before_production(place: Bench) -> None:
    for attempt in (1, 2):
        place.play("https-only", attempt)
        report = place.run("https-only", base=place.base)
        assert report.ok, report.for_people()


@pytest.mark.parametrize("change", CHANGES)
def test_no_attempt_brings_a_finding_that_needs_a_person(place: Bench, change: str) -> None:
    for attempt in range(1, LAST[change] + 1):
        place.play(change, attempt)
    report = scan(place.root, place.tree, place.base, list)
    assert [f for f in report.new if f.severity in (Severity.CRITICAL, Severity.HIGH)] == []
    # The scanners did look: what stands there already is known, not gone.
    assert report.known


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_script_writes_keeps_the_apps_own_rules(place: Bench, change: str) -> None:
    for attempt in range(1, LAST[change] + 1):
        place.play(change, attempt)
    for check in (["check"], ["format", "--check", "--line-length", "120"]):
        command = [sys.executable, "-I", "-m", "ruff", *check, "--no-cache", "."]
        told = subprocess.run(command, check=False, cwd=place.tree, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("order", list(itertools.permutations(CHANGES)))
def test_the_changes_merge_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    place = bench(tmp_path)
    git = ["git", "-C", str(place.tree), "-c", "user.name=test", "-c", "user.email=", "-c", "core.hooksPath="]

    def run(*arguments: str) -> None:
        subprocess.run([*git, *arguments], check=True, capture_output=True, timeout=60)

    run("init", "--quiet", "--initial-branch=main")
    run("add", ".")
    run("commit", "--quiet", "-m", "main")
    for change in CHANGES:
        run("switch", "--quiet", "-c", change, "main")
        for attempt in range(1, LAST[change] + 1):
            place.play(change, attempt)
        run("add", ".")
        run("commit", "--quiet", "-m", change)
    run("switch", "--quiet", "main")
    for change in order:
        run("merge", "--quiet", "--no-ff", "-m", change, change)
    assert "totals" in (place.tree / "links" / "server.py").read_text()


@pytest.mark.parametrize("change", CHANGES)
def test_no_script_knows_a_held_out_criterion(change: str) -> None:
    told = "".join(path.read_text() for path in sorted((LINKS / "scripts").glob(f"{change}.*")))
    held_out = (LINKS / "acceptance" / f"{change}.feature").read_text()
    names = [line.partition(":")[2].strip() for line in held_out.splitlines() if line.strip().startswith("Scenario")]
    assert names
    assert [name for name in names if name in told] == []
    assert "held-out criteria failed" in told or change != "custom-codes"
