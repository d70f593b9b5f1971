"""The score of a stack: judgements that passed by those that were asked, weighted; nothing unknown counts as a pass."""

from typing import Any

import pytest
from policy_cases import CASES

from policies import CONTROLS, Control, PolicySettings, Severity, Stack
from policies.decode import CONFIDENTIAL_SIGNATURE, SIGNATURE_KEY
from policies.exported import read_stack
from policies.offline import check
from policies.score import WEIGHTS, Score, score_of

GROUP = "aws:ec2/securityGroup:SecurityGroup"
TAGS = {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}
SECRET = {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE, "ciphertext": "x"}
READING = [control for control in CONTROLS if control.concerns(GROUP)]


def _group(*sources: Any, name: str = "door", **more: Any) -> dict[str, Any]:
    inputs = {"ingress": [{"cidrBlocks": [source]} for source in sources], "tags": TAGS}
    return {"urn": f"urn:pulumi:links-build::f::{GROUP}::{name}", "type": GROUP, "inputs": inputs, **more}


def _score(*resources: dict[str, Any], controls: tuple[Control, ...] = CONTROLS) -> Score:
    name, stack = read_stack({"version": 3, "deployment": {"resources": list(resources)}}, "it.json")
    return score_of(check(controls, name, stack, PolicySettings()), stack, controls)


def test_what_breaks_nothing_has_a_hundred_of_every_rule_on_every_resource_that_it_reads() -> None:
    score = _score(_group("10.0.0.0/8"), _group("10.0.0.0/8", name="other"))
    assert (score.points, score.judgements, score.rules) == (100.0, 2 * len(READING), len(CONTROLS))
    assert set(score.failed.values()) == set(score.undecided.values()) == {0}


def test_a_failure_takes_the_weight_of_its_severity_once_however_often_it_is_found() -> None:
    whole = sum(WEIGHTS[control.severity] for control in READING)
    once, often = _score(_group("0.0.0.0/0")), _score(_group("0.0.0.0/0", "::/0", "0.0.0.0/0"))
    assert once == often
    assert once.failed == {"critical": 1, "high": 0, "medium": 0, "low": 0}
    assert once.points == pytest.approx(100 * (1 - WEIGHTS[Severity.CRITICAL] / whole), abs=0.1)


def test_what_is_not_known_is_no_pass() -> None:
    unknown, failed = _score(_group(SECRET)), _score(_group("0.0.0.0/0"))
    assert unknown.points == failed.points
    assert (sum(unknown.failed.values()), unknown.undecided["critical"]) == (0, 1)
    both = _score(_group(SECRET, "0.0.0.0/0"))
    assert (both.failed["critical"], both.undecided["critical"]) == (1, 0)


def test_one_failure_among_thousands_is_not_rounded_away() -> None:
    many = [_group("10.0.0.0/8", name=str(number)) for number in range(1000)]
    assert _score(*many).points == 100.0
    assert _score(*many, _group("0.0.0.0/0")).points == 99.9


def test_what_a_program_only_reads_is_not_counted() -> None:
    only_read = _group("0.0.0.0/0", name="found", external=True)
    assert _score(_group("10.0.0.0/8"), only_read) == _score(_group("10.0.0.0/8"))


def test_a_stack_that_no_rule_reads_has_lost_nothing() -> None:
    assert _score(_group("0.0.0.0/0"), controls=()).points == 100.0


def test_every_bad_case_of_every_rule_costs_points() -> None:
    controls = {control.id: control for control in CONTROLS}
    for case in CASES:
        control, stack = controls[case.control], Stack(case.resources)
        score = score_of(check([control], case.stack, stack, case.settings), stack, [control])
        assert (score.points == 100.0) is (case.verdict == "pass"), case.name
        assert 0.0 <= score.points <= 100.0
        assert Score.model_validate_json(score.model_dump_json()) == score
