import importlib
import inspect
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from policy_cases import CASES, Case
from published_types import published

from policies import CONTROLS, Control, Enforcement, Levels, Scope, pack_folder
from policies.table import GROUPS
from policies.testing.verdicts import always_failing, always_passing, complaint, passing_when_unknown, undone_by

SECURITY_PAGE = Path(__file__).parents[2] / "SECURITY.md"
CONTROL = pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)


def _of(control: Control) -> list[Case]:
    return [case for case in CASES if case.control == control.id]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.control}: {case.name}")
def test_every_case_gets_its_verdict_at_its_property(case: Case) -> None:
    assert complaint(CONTROLS, case) is None


@CONTROL
def test_every_control_has_three_bad_and_three_good_cases_for_what_it_reads(control: Control) -> None:
    own = _of(control)
    assert sum(case.verdict == "fail" for case in own) >= 3
    assert sum(case.verdict == "pass" for case in own) >= 3
    assert [name for name, times in Counter(case.name for case in own).items() if times > 1] == []
    assert all(case.source for case in own)
    bad = {resource.type for case in own if case.verdict == "fail" for resource in case.resources}
    exact = {token for token in control.reads if not token.endswith("*")}
    assert exact - bad == set(), "a bad case for every type"
    assert all(any(control.concerns(resource.type) for resource in case.resources) for case in own)


@CONTROL
def test_a_control_that_always_passes_would_be_caught_by_each_of_its_bad_cases(control: Control) -> None:
    mutated = [always_passing(each) if each is control else each for each in CONTROLS]
    bad = {case.name for case in _of(control) if case.verdict != "pass"}
    assert {case.name for case in _of(control) if complaint(mutated, case)} == bad


@CONTROL
def test_a_control_that_always_fails_would_be_caught_by_each_of_its_good_cases(control: Control) -> None:
    mutated = [always_failing(each) if each is control else each for each in CONTROLS]
    good = {case.name for case in _of(control) if case.verdict != "fail"}
    assert {case.name for case in _of(control) if complaint(mutated, case)} >= good


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.verdict == "fail"], ids=lambda case: f"{case.control}: {case.name}"
)
def test_a_bad_case_never_passes_when_a_part_of_it_is_not_known(case: Case) -> None:
    (control,) = [control for control in CONTROLS if control.id == case.control]
    assert passing_when_unknown(control, case, _of(control)) == []


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.long), 4], ids=["all", "every fourth"])
@pytest.mark.parametrize("control", [each for each in CONTROLS if each.monotone], ids=lambda control: control.id)
def test_what_a_monotone_control_finds_stands_whatever_else_is_declared(control: Control, every: int) -> None:
    own = _of(control)
    for bad in (case for case in own if case.verdict == "fail"):
        assert [more.name for more in own[::every] if undone_by(control, bad, more)] == []


@CONTROL
def test_what_a_control_reads_exists_in_the_published_sdk(control: Control) -> None:
    for token, properties in control.reads.items():
        if not token.endswith("*"):
            assert set(properties) <= published(token), token


def test_numbers_and_ids_are_unique_and_records_are_complete() -> None:
    assert len({control.number for control in CONTROLS}) == len({control.id for control in CONTROLS}) == len(CONTROLS)
    assert [control.number for control in CONTROLS] == sorted(control.number for control in CONTROLS)
    assert {case.control for case in CASES} == {control.id for control in CONTROLS}
    for control in CONTROLS:
        assert all((control.title, control.why, control.fix, control.references, control.reads))
        assert not control.fix.endswith(".")


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_its_records_checks_and_cases_in_modules_of_its_name(group: str) -> None:
    records = importlib.import_module(f"policies.catalogue.{group}").CONTROLS
    cases = importlib.import_module(f"policy_cases.{group}").CASES
    assert [control.number for control in records] == sorted(control.number for control in records)
    assert {case.control for case in cases} == {control.id for control in records}
    for control in records:
        assert inspect.getdoc(control.check or control.stack_check).startswith(f"Control {control.number}: ")


def test_a_control_without_a_check_or_monotone_without_a_stack_is_no_control() -> None:
    whole = next(control for control in CONTROLS if control.scope is Scope.RESOURCE)
    with pytest.raises(ValueError, match="has no check"):
        replace(whole, check=None)
    with pytest.raises(ValueError, match="only a check of stacks"):
        replace(whole, monotone=True)


def test_a_level_holds_in_its_environment_and_the_strictest_everywhere_else() -> None:
    levels = Levels(build=Enforcement.ADVISORY)
    assert levels.at("build") is Enforcement.ADVISORY
    assert levels.at("production") is levels.at("") is levels.strictest is Enforcement.MANDATORY
    assert str(levels) == "advisory in build, mandatory in staging, mandatory in production"
    assert str(Levels()) == "mandatory"


def test_the_pack_folder_holds_what_the_engine_needs() -> None:
    assert {"PulumiPolicy.yaml", "__main__.py"} <= {path.name for path in pack_folder().iterdir()}


def test_importing_the_room_loads_neither_pulumi_nor_a_cloud_sdk() -> None:
    script = (
        "import sys, policies; print([m for m in sys.modules if m.split('.')[0] in ('pulumi', 'pulumi_aws', 'grpc')])"
    )
    root = pack_folder().parent
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == "[]"


def test_what_the_security_page_says_of_the_controls_is_so() -> None:
    text = " ".join(SECURITY_PAGE.read_text().split())
    (lenient,) = [
        one.number for one in CONTROLS if Enforcement.ADVISORY in (one.enforcement.build, one.enforcement.staging)
    ]
    assert (
        f"[{len(CONTROLS)} controls](docs/reference/policies.md), all mandatory but for {lenient}, which only warns"
        in text
    )
    assert all(one.enforcement.production is Enforcement.MANDATORY for one in CONTROLS)
