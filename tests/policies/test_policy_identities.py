"""Whom conditions and trust policies let in, and what a role may do by all that it holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases.case import thing, urn

from policies import UNKNOWN, Resource, Stack
from policies.helpers.conditions import compared, open_to_strangers
from policies.helpers.documents import Clause, Named, read
from policies.helpers.roles import POLICY_ATTACHMENT, ROLE_ATTACHMENT, union_of
from policies.helpers.trusts import GITHUB, account_of, claims, names_everyone, oidc_provider, subject_fault
from policies.model import Plain, Unknown

OWN = "123456789012"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
PROVIDER = f"arn:aws:iam::{OWN}:oidc-provider/{GITHUB}"


def _clause(condition: Plain) -> Clause:
    (clause,) = read({"Statement": {"Effect": "Allow", "Condition": condition}}, ()).clauses
    return clause


# Sources: IAM User Guide, "Condition operators" (IfExists, Null, set operators) and "Global condition context keys".
OPEN: list[Plain] = [
    {},
    None,
    {"StringLike": {"aws:PrincipalArn": "*"}},
    {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:*"}},
    {"ArnLike": {"aws:SourceArn": "arn:*:*:*:*:*"}},
    {"StringEqualsIfExists": {"aws:SourceAccount": OWN}},
    {"ForAllValues:StringEquals": {"aws:SourceAccount": OWN}},
    {"StringNotEquals": {"aws:PrincipalAccount": OWN}},
    {"Null": {"aws:SourceArn": "false"}},
    {"Null": {"aws:SourceAccount": "true"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    {"StringEquals": {"aws:PrincipalAccount": [OWN, "666666666666"]}},
    {"NoSuchOperator": {"aws:PrincipalAccount": OWN}},
]
CLOSED: list[Plain] = [
    {"StringEquals": {"aws:SourceAccount": OWN}},
    {"stringequals": {}} | {"StringEquals": {"AWS:sourceaccount": OWN}},
    {"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-central-1:{OWN}:*"}},
    {"StringEquals": {"aws:PrincipalOrgID": "o-acme0000000"}},
    {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
    {"StringLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/links-*"}},
    {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalAccount": OWN}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-acme0000000/*"}},
    {"StringEquals": {"aws:PrincipalTag/app": "links"}},
]


@pytest.mark.parametrize("condition", OPEN, ids=json.dumps)
def test_a_condition_that_keeps_nobody_out_is_open(condition: Plain) -> None:
    assert open_to_strangers(_clause(condition)) is True


@pytest.mark.parametrize("condition", CLOSED[:1] + CLOSED[2:], ids=json.dumps)
def test_a_condition_on_who_asks_is_not(condition: Plain) -> None:
    assert open_to_strangers(_clause(condition)) is False


@given(st.sampled_from(OPEN[2:-1]), st.sampled_from(CLOSED[:1] + CLOSED[2:]))
def test_an_open_condition_beside_one_that_is_not_opens_nothing(opened: Plain, closed: Plain) -> None:
    assert isinstance(opened, dict)
    assert isinstance(closed, dict)
    both: dict[str, Plain] = dict(closed)
    for operator, keys in opened.items():
        block = both.get(operator, {})
        assert isinstance(block, dict)
        assert isinstance(keys, dict)
        both[operator] = {**keys, **block}
    assert open_to_strangers(_clause(both)) is False


def test_what_is_not_known_of_a_condition_leaves_it_open_only_when_nothing_else_closes_it() -> None:
    assert open_to_strangers(_clause({"ArnLike": {"aws:SourceArn": UNKNOWN}})) is None
    assert open_to_strangers(_clause(UNKNOWN)) is None
    closed: Plain = {"ArnLike": {"aws:SourceArn": UNKNOWN}, "StringEquals": {"aws:SourceAccount": OWN}}
    assert open_to_strangers(_clause(closed)) is False


def test_a_key_can_be_taken_as_right_to_ask_what_the_others_keep_out() -> None:
    clause = _clause({"StringEquals": {"sts:ExternalId": "shared-word"}})
    assert open_to_strangers(clause) is False
    assert open_to_strangers(clause, without={"sts:externalid": "shared-word"}) is True


def _principals(principal: Plain) -> tuple[Named, ...]:
    (clause,) = read({"Statement": {"Effect": "Allow", "Principal": principal}}, ()).clauses
    return clause.principals


def test_principals_are_told_apart_in_every_form() -> None:
    found = _principals({"AWS": ["*", OWN, f"arn:aws:iam::{OWN}:role/a", "arn:aws:iam::*:root"], "Service": "*"})
    assert [names_everyone(one) for one in (*_principals("*"), *found)] == [True, True, False, False, True, False]
    assert [account_of(one) for one in found] == [None, OWN, OWN, None, None]
    (federated,) = _principals({"Federated": PROVIDER})
    assert oidc_provider(federated) == GITHUB
    assert oidc_provider(found[1]) is None


@pytest.mark.parametrize(
    ("operator", "subject", "exact"),
    [
        ("StringEquals", "repo:acme/links:ref:refs/heads/main", True),
        ("StringEquals", "repo:acme/links:environment:production", True),
        ("StringLike", "repo:acme/links:ref:refs/tags/v1", True),
        ("ForAnyValue:StringEquals", "repo:ACME/links:environment:production", True),
        ("StringLike", "repo:acme/links:*", False),
        ("StringLike", "repo:acme/*:ref:refs/heads/main", False),
        ("StringLike", "*", False),
        ("StringEquals", "repo:acme/links:pull_request", False),
        ("StringEquals", "repo:evil/links:ref:refs/heads/main", False),
        ("StringEquals", "repo:acme/links2:ref:refs/heads/main", False),
        ("StringEqualsIfExists", "repo:acme/links:ref:refs/heads/main", False),
        ("ForAllValues:StringEquals", "repo:acme/links:ref:refs/heads/main", False),
        ("StringNotEquals", "repo:acme/links:ref:refs/heads/main", False),
        ("StringEquals", "", False),
    ],
)
def test_a_subject_is_exact_with_repository_and_branch_or_environment(operator: str, subject: str, exact: bool) -> None:
    clause = _clause({operator: {f"{GITHUB}:SUB": [subject]}})
    (comparison,) = claims(clause, GITHUB, "sub")
    assert (subject_fault(GITHUB, comparison, ["acme/links"]) == "") == exact
    assert not list(compared(clause, f"{GITHUB}:aud"))


def _allow(action: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ARN = f"arn:aws:iam::{OWN}:policy/more"
MANAGED = thing(POLICY, {"name": "more", "policy": _allow("iam:PassRole")}, "more", answered={"arn": ARN})


def _forms() -> dict[str, tuple[Resource, ...]]:
    """One permission, and all the ways to give it to the role `reader`."""
    return {
        "inline": (thing(ROLE, {"name": "reader", "inlinePolicies": [{"policy": _allow("iam:PassRole")}]}, "reader"),),
        "inline as a resource": (
            thing(ROLE, {"name": "reader"}, "reader"),
            thing(ROLE_POLICY, {"role": "reader", "policy": _allow("iam:PassRole")}, "inline"),
        ),
        "managed": (thing(ROLE, {"name": "reader", "managedPolicyArns": [ARN]}, "reader"), MANAGED),
        "attached": (
            thing(ROLE, {"name": "reader"}, "reader"),
            MANAGED,
            thing(ROLE_ATTACHMENT, {"role": "reader", "policyArn": ARN}, "attachment"),
        ),
        "attached to several": (
            thing(ROLE, {"name": "reader"}, "reader"),
            MANAGED,
            thing(POLICY_ATTACHMENT, {"roles": ["else", "reader"], "policyArn": ARN}, "attachment"),
        ),
        "attached by what is not known yet": (
            thing(ROLE, {"name": "reader"}, "reader"),
            MANAGED,
            thing(
                ROLE_ATTACHMENT,
                {"role": UNKNOWN, "policyArn": UNKNOWN},
                "attachment",
                property_dependencies={"role": (urn(ROLE, "reader"),), "policyArn": (MANAGED.urn,)},
            ),
        ),
    }


@pytest.mark.parametrize("form", _forms())
def test_what_a_role_may_do_does_not_depend_on_the_form(form: str) -> None:
    stack = Stack(_forms()[form])
    union = union_of(stack, stack.resources[0])
    assert (union.findings, union.outside) == ((), ())
    assert union.may("iam:PassRole")
    assert not union.may("iam:CreateUser")


@pytest.mark.parametrize("form", _forms())
def test_another_role_may_not(form: str) -> None:
    other = thing(ROLE, {"name": "writer"}, "writer")
    assert not union_of(Stack((*_forms()[form], other)), other).may("iam:PassRole")


def test_a_union_says_what_it_cannot_see() -> None:
    role = thing(ROLE, {"name": "reader", "managedPolicyArns": ["arn:aws:iam::aws:policy/Other"]}, "reader")
    inline = thing(ROLE_POLICY, {"role": UNKNOWN, "policy": _allow("iam:PassRole")}, "inline")
    hidden = thing(ROLE_POLICY, {"role": "reader", "policy": UNKNOWN}, "hidden")
    broken = thing(ROLE_POLICY, {"role": "reader", "policy": '{"Statement": "secret-word"}'}, "broken")
    union = union_of(Stack((role, inline, hidden, broken)), role)
    assert [one.value for one in union.outside] == ["arn:aws:iam::aws:policy/Other"]
    told = {(type(one) is Unknown, one.path, one.urn.rsplit("::", 1)[1]) for one in union.findings}
    assert told == {(True, ("role",), "inline"), (True, ("policy",), "hidden"), (False, ("policy",), "broken")}
    assert "secret-word" not in str(union.findings)
