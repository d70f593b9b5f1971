"""What policies allow by themselves, what their conditions demand, and for whom services act."""

import pytest
from policy_cases.case import thing, urn
from policy_cases.iam_words import GROUP_POLICY, OWN, POLICY, ROLE, STRANGER, mapping, statement, text

from components.aws.shared_names import audit_bucket, state_bucket
from policies import UNKNOWN, Fail, PolicySettings, Stack, Unknown, context_of
from policies.checks.iam_escalation import no_escalation
from policies.checks.iam_factory import AUDIT_STORE, STATE_STORE
from policies.checks.iam_ways import WAYS, Way
from policies.helpers.conditions import Comparison, compared
from policies.helpers.deputies import account_fault, arn_fault
from policies.helpers.documents import Clause, matches, read
from policies.helpers.grants import grants_of
from policies.helpers.statements import demanded, may_stand_for
from policies.model import Finding, Plain

OF_ANYTHING = context_of("links-build")
CEILING = f"arn:aws:iam::{OWN}:policy/ceiling"


def _escalations(*actions: str) -> list[Finding]:
    policy = thing(GROUP_POLICY, {"policy": text(statement(list(actions)))}, "alone")
    return list(no_escalation(Stack((policy,)), OF_ANYTHING))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_whoever_holds_all_actions_of_a_way_has_it(way: Way) -> None:
    assert [type(found) for found in _escalations(*way.actions)] == [Fail]


@pytest.mark.parametrize("action", sorted({action for way in WAYS for action in way.actions}))
def test_one_action_is_a_way_only_when_it_is_one_by_itself(action: str) -> None:
    alone = any(way.actions == (action,) for way in WAYS)
    assert bool(_escalations(action)) is alone


def test_a_way_that_many_actions_open_is_told_once_and_named_in_short() -> None:
    (found,) = _escalations("iam:*")
    assert isinstance(found, Fail)
    assert found.message.count(";") == 3
    assert "more ways" in found.message


def test_the_stores_that_agents_must_not_write_are_those_that_the_components_make() -> None:
    assert matches(AUDIT_STORE, f"arn:aws:s3:::{audit_bucket(OWN)}")
    assert matches(STATE_STORE, f"arn:aws:s3:::{state_bucket(OWN)}")
    assert not matches(AUDIT_STORE, "arn:aws:s3:::links-build-work")


def _bounded(ceiling: Plain) -> Stack:
    role = thing(ROLE, {"inlinePolicies": [{"policy": text(statement("iam:*"))}], "permissionsBoundary": CEILING}, "r")
    policy = thing(POLICY, {"name": "ceiling", "policy": ceiling}, "ceiling", answered={"arn": CEILING})
    return Stack((policy, role))


def test_a_boundary_rules_out_what_it_does_not_allow_and_only_that() -> None:
    held = statement("iam:*")
    for ceiling, allowed in ((statement("s3:*"), False), (held, True), (statement("iam:Put*"), True)):
        stack = _bounded(text(ceiling))
        grants = grants_of(stack, stack.resources[1])
        assert [grant.may("iam:PutRolePolicy") for grant in grants.all] == [allowed]
        assert grants.doubts == ()


def test_what_a_boundary_may_rule_out_is_undecided_until_the_boundary_is_known() -> None:
    stack = _bounded(UNKNOWN)
    grants = grants_of(stack, stack.resources[1])
    assert list(grants.judged([Fail(("x",), "is")])) == [Unknown(("policy",), urn(POLICY, "ceiling"))]
    assert list(grants.judged([])) == []
    part = Stack(stack.resources[1:], complete=False)
    assert [type(one) for one in grants_of(part, part.resources[0]).doubts] == [Unknown]


def _clause(condition: Plain) -> Clause:
    (clause,) = read(mapping(statement("s3:GetObject", Condition=condition)), ()).clauses
    return clause


def _wrong(comparison: Comparison) -> str:
    return "" if comparison.positive and comparison.value == "right" else "is wrong"


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ({"StringEquals": {"k": "right"}}, []),
        ({"StringEquals": {"k": ["right", "right"]}}, []),
        ({"StringEquals": {"K": "right"}, "StringLike": {"k": "*"}}, []),
        ({"StringEquals": {"k": ["right", "wrong"]}}, [Fail]),
        ({"StringEqualsIfExists": {"k": "right"}}, [Fail]),
        ({"StringEquals": {"other": "right"}}, [Fail]),
        ({}, [Fail]),
        ({"StringEquals": {"k": ["right", UNKNOWN]}}, [Unknown]),
        ({"StringEquals": UNKNOWN}, [Unknown]),
        (UNKNOWN, [Unknown]),
    ],
    ids=str,
)
def test_conditions_demand_a_value_when_they_hold_for_no_other(condition: Plain, kinds: list[type]) -> None:
    clause = _clause(condition)
    assert [type(found) for found in demanded(clause, compared(clause, "k"), _wrong, "is missing")] == kinds


@pytest.mark.parametrize(
    ("arn", "right"),
    [
        (f"arn:aws:ecs:eu-central-1:{OWN}:*", True),
        (f"arn:aws:ecs:*:{OWN}:cluster/*", True),
        ("arn:aws:s3:::links-build-in", True),
        (f"arn:aws:ecs:eu-central-1:{STRANGER}:cluster/x", False),
        ("arn:aws:ecs:eu-central-1:*:cluster/x", False),
        ("arn:aws:s3:::links-*", False),
        (f"arn:*:{OWN}:x", False),
        ("*", False),
        ("", False),
        (7, False),
    ],
)
def test_a_source_is_of_a_named_account_or_named_whole(arn: Plain, right: bool) -> None:
    settings = PolicySettings(accounts=(OWN,))
    assert (arn_fault(arn, settings) == "") is right
    assert account_fault(OWN, settings) == ""


def test_a_variable_in_a_text_may_stand_for_anything() -> None:
    assert may_stand_for("arn:aws:iam::1:role/${aws:username}", "arn:aws:iam::1:role/x")
    assert may_stand_for("arn:aws:iam::1:role/*", "arn:aws:iam::?:role/x")
    assert not may_stand_for("arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:role/x")
