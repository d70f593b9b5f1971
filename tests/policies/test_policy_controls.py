import importlib
import ipaddress
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import CASES, Case

from policies import CONTROLS, UNKNOWN, Control, Fail, Finding, Unknown, pack_folder
from policies.checks.isolation import WORLD_SHARE, no_world_ingress
from policies.model import Path, Plain, Properties, render

MODULES = {"ec2": "ec2", "vpc": "vpc", "iam": "iam", "lambda": "lambda_", "ecs": "ecs", "codebuild": "codebuild"}


def _complaint(controls: Sequence[Control], case: Case) -> str | None:
    """What is wrong with the verdict of `controls` on `case`, or None."""
    (control,) = (control for control in controls if control.id == case.control)
    findings = list(control.check(case.type, case.properties))
    kinds = {"fail" if isinstance(finding, Fail) else "unknown" for finding in findings} or {"pass"}
    if kinds != {case.verdict}:
        return f"{case.name}: {kinds}, not {case.verdict}"
    if case.path and case.path not in {render(finding.path) for finding in findings}:
        return f"{case.name}: reported at {[render(finding.path) for finding in findings]}, not {case.path}"
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.control}: {case.name}")
def test_every_case_gets_its_verdict_at_its_property(case: Case) -> None:
    assert _complaint(CONTROLS, case) is None


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_every_control_has_three_bad_and_three_good_cases_for_what_it_reads(control: Control) -> None:
    own = [case for case in CASES if case.control == control.id]
    assert sum(case.verdict == "fail" for case in own) >= 3
    assert sum(case.verdict == "pass" for case in own) >= 3
    assert {case.type for case in own if case.verdict == "fail"} == set(control.reads)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_a_control_that_always_passes_would_be_caught_by_each_of_its_bad_cases(control: Control) -> None:
    def blind(resource_type: str, properties: Properties) -> Iterator[Finding]:
        yield from ()

    mutated = [replace(each, check=blind) if each is control else each for each in CONTROLS]
    bad = {case.name for case in CASES if case.control == control.id and case.verdict != "pass"}
    assert {case.name for case in CASES if _complaint(mutated, case)} == bad


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_what_a_control_reads_exists_in_the_published_sdk(control: Control) -> None:
    for token, properties in control.reads.items():
        _, module, name = token.split(":")
        resource = getattr(importlib.import_module(f"pulumi_aws.{MODULES[module.split('/')[0]]}"), name)
        assert resource.pulumi_type == token
        published = {
            _wire_name(attribute) for attribute, value in vars(resource).items() if isinstance(value, property)
        }
        assert set(properties) <= published


def _wire_name(attribute: str) -> str:
    first, *rest = attribute.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_numbers_and_ids_are_unique_and_records_are_complete() -> None:
    assert len({control.number for control in CONTROLS}) == len({control.id for control in CONTROLS}) == len(CONTROLS)
    assert [control.number for control in CONTROLS] == sorted(control.number for control in CONTROLS)
    for control in CONTROLS:
        assert all((control.title, control.why, control.fix, control.references, control.reads))


PLAIN: st.SearchStrategy[Plain] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from([UNKNOWN, "0.0.0.0/0", "*", '{"Statement": [{"Action": "*"}]}', "Allow", "[[", "eyJ.", "AKIA"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Action", "cidrBlocks", "policy", "variables", "environment", "name", "value"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(data=st.data())
def test_no_property_bag_crashes_a_control(data: st.DataObject) -> None:
    control = data.draw(st.sampled_from(CONTROLS))
    token = data.draw(st.sampled_from(sorted(control.reads)))
    bag = {name: data.draw(PLAIN) for name in control.reads[token]}
    for finding in control.check(token, bag):
        assert isinstance(finding, Fail | Unknown)
        assert _reaches(bag, finding.path)


def _reaches(bag: Plain, path: Path) -> bool:
    """Whether `path` exists in `bag`; inside a JSON text every path counts."""
    for part in path:
        if isinstance(bag, str):
            return True
        if isinstance(bag, dict):
            bag = bag[str(part)]
        elif isinstance(bag, list) and isinstance(part, int):
            bag = bag[part]
        else:
            return False
    return True


@given(prefix=st.integers(0, 8), pieces=st.integers(0, 4), network=st.integers(0, 255))
def test_splitting_a_range_never_changes_the_verdict(prefix: int, pieces: int, network: int) -> None:
    whole = ipaddress.ip_network(f"{network}.0.0.0/{prefix}", strict=False)
    parts = [str(part) for part in whole.subnets(prefixlen_diff=pieces)]

    def fails(ranges: list[str]) -> bool:
        bag: Properties = {"type": "ingress", "cidrBlocks": list(ranges)}
        return any(
            isinstance(finding, Fail)
            for finding in no_world_ingress("aws:ec2/securityGroupRule:SecurityGroupRule", bag)
        )

    assert fails(parts) == fails([str(whole)])
    assert 0 < WORLD_SHARE < 1


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
