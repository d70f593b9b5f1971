"""What statements match: actions, resources, variables, and every condition operator, by the IAM User Guide."""

from typing import Any

import pytest
from iam_documents import ACCOUNT, OBJECT, allow, deny, policy, request, statement

from factory.iam import Policies, Request, evaluate

ARN = f"arn:aws:sns:eu-central-1:{ACCOUNT}:topic/a"


def _holds(conditions: dict[str, Any], **context: Any) -> bool:
    asked = request(**context)
    return evaluate(asked, Policies(identity=[allow(Condition=conditions)])).allowed


# "IAM JSON policy elements: Condition operators": each type of value.
@pytest.mark.parametrize(
    ("operator", "wanted", "holding", "others"),
    [
        ("StringEquals", ["a", "b*"], ["a", "b*"], ["A", "bc", "", "ab"]),
        ("StringEqualsIgnoreCase", "Ab", ["ab", "AB"], ["b", "abc"]),
        ("StringLike", ["a*c", "?"], ["ac", "abbc", "x"], ["Ac", "acd", ""]),
        ("StringLike", ["", "home/"], ["", "home/"], ["home", "x"]),
        ("NumericEquals", [5, "7.50"], ["5", "5.0", "7.5", "+5"], ["6", "five", "", "5e0", "\u0665"]),
        ("NumericLessThan", "10", ["9.9", "-1"], ["10", "11", "x"]),
        ("NumericLessThanEquals", "10", ["10", "9"], ["10.1"]),
        ("NumericGreaterThan", "10", ["11"], ["10", "9"]),
        ("NumericGreaterThanEquals", "10", ["10", "11"], ["9"]),
        ("DateEquals", "2026-01-31", ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T01:00+01:00"], ["2026-02-01"]),
        ("DateEquals", "1769817600", ["2026-01-31T00:00:00.000Z"], ["2026-01-31T00:00:01Z", "soon", "2026-02-31"]),
        ("DateLessThan", "2026", ["2025-12-31T23:59:59Z"], ["2026-01", "2026-01-01T00:00Z", "99999999999999999"]),
        ("DateLessThanEquals", "2026-02", ["2026-02-01"], ["2026-02-02"]),
        ("DateGreaterThan", "2026-01-31T12:00:00Z", ["2026-01-31T12:00:01Z"], ["2026-01-31T12:00:00Z"]),
        ("DateGreaterThanEquals", "2026-01-31", ["2026-01-31"], ["2026-01-30"]),
        ("Bool", "true", ["true", "True"], ["false", "", "1"]),
        ("Bool", False, ["false"], ["true"]),
        ("BinaryEquals", "QUI=", ["QUI="], ["QUE=", "AB", "ä"]),
        ("IpAddress", ["203.0.113.0/24", "2001:DB8::/32"], ["203.0.113.9", "2001:db8::1"], ["203.0.114.1", "x", "::1"]),
        ("IpAddress", "203.0.113.9", ["203.0.113.9"], ["203.0.113.8", "cloudformation.amazonaws.com"]),
        ("ArnEquals", f"arn:aws:sns:*:{ACCOUNT}:topic/?", [ARN], [ARN + "b", ARN.replace("sns", "sqs"), "a:b"]),
        ("ArnLike", "arn:aws:sns:*:*:*", [ARN, ARN + ":sub"], [ARN.replace("sns", "sqs"), "sns", "arn:aws:sns:a:1"]),
    ],
)
def test_an_operator_holds_for_its_values_and_its_negation_for_the_others(
    operator: str, wanted: Any, holding: list[str], others: list[str]
) -> None:
    negation = {"IpAddress": "NotIpAddress"}.get(operator, operator.replace("Equals", "NotEquals"))
    negation = negation.replace("Like", "NotLike") if operator.endswith("Like") else negation
    negated = negation != operator and "Than" not in operator and operator != "BinaryEquals"
    for value in (*holding, *others):
        assert _holds({operator: {"aws:key": wanted}}, aws__key=value) is (value in holding), value
        if negated:
            assert _holds({negation: {"aws:key": wanted}}, aws__key=value) is (value in others), value


# The same page, "ARN condition operators": the published example.
def test_an_arn_is_compared_part_by_part_and_a_text_as_a_whole() -> None:
    pattern = "arn:aws:someservice:*:111122223333:finance/*"
    value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
    assert _holds({"StringLike": {"aws:key": pattern}}, aws__key=value)
    assert not _holds({"ArnLike": {"aws:key": pattern}}, aws__key=value)


# The same page: missing keys, IfExists and Null.
@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({"StringEquals": {"aws:key": "a"}}, False),
        ({"StringNotEquals": {"aws:key": "a"}}, True),
        ({"NotIpAddress": {"aws:key": "10.0.0.0/8"}}, True),
        ({"NumericNotEquals": {"aws:key": "1"}}, True),
        ({"ArnNotLike": {"aws:key": ARN}}, True),
        ({"StringEqualsIfExists": {"aws:key": "a"}}, True),
        ({"StringNotEqualsIfExists": {"aws:key": "a"}}, True),
        ({"BoolIfExists": {"aws:key": "true"}}, True),
        ({"Null": {"aws:key": "true"}}, True),
        ({"Null": {"aws:key": False}}, False),
        ({"Null": {"aws:PrincipalType": "false"}}, True),
        ({"ForAllValues:StringEquals": {"aws:key": "a"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:key": "a"}}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:key": "a"}}, False),
        ({"ForAnyValue:StringEqualsIfExists": {"aws:key": "a"}}, True),
        ({}, True),
    ],
)
def test_what_holds_when_the_key_is_missing(conditions: dict[str, Any], holds: bool) -> None:
    assert _holds(conditions) is holds
    assert _holds(conditions, aws__key=[]) is holds


# "Single-valued vs. multivalued context keys", with the published tables.
@pytest.mark.parametrize(
    ("conditions", "values", "holds"),
    [
        ("ForAllValues:StringEquals", ["PostDateTime", "Tags"], True),
        ("ForAllValues:StringEquals", ["PostDateTime", "UserName"], False),
        ("ForAnyValue:StringEquals", ["UserName", "Message", "PostDateTime"], True),
        ("ForAnyValue:StringEquals", ["UserName"], False),
        ("ForAllValues:StringNotEquals", ["UserName", "Id"], True),
        ("ForAllValues:StringNotEquals", ["UserName", "Tags"], False),
        ("ForAnyValue:StringNotEquals", ["UserName", "Tags"], True),
        ("ForAnyValue:StringNotEquals", ["Tags"], False),
        ("ForAllValues:StringEquals", [""], True),
        ("ForAnyValue:StringNotEquals", [""], False),
        ("ForAllValues:StringEquals", ["", "Tags"], False),
    ],
)
def test_several_values_of_a_key(conditions: str, values: list[str], holds: bool) -> None:
    wanted = {conditions: {"aws:Keys": ["PostDateTime", "Message", "Tags"]}}
    assert _holds(wanted, aws__Keys=values) is holds


def test_several_values_without_a_set_qualifier_are_taken_in_the_way_that_allows_less() -> None:
    condition = {"StringEquals": {"aws:key": "a"}}
    assert _holds(condition, aws__key=["a"])
    assert not _holds(condition, aws__key=["a", "a"])
    denied = Policies(identity=[allow(), deny(Condition=condition)])
    assert not evaluate(request(aws__key=["b", "c"]), denied).allowed
    assert evaluate(request(aws__key=["b"]), denied).allowed


# "Creating a condition with multiple keys or values": all keys and operators, any value; the case of keys.
def test_every_condition_must_hold_and_the_case_of_keys_does_not_matter() -> None:
    both = {"StringEquals": {"AWS:A": ["x", "y"], "aws:b": "z"}, "Bool": {"aws:c": "true"}}
    assert _holds(both, aws__a="y", AWS__B="z", Aws__C="true")
    assert not _holds(both, aws__a="y", aws__b="z", aws__c="false")
    assert not _holds(both, aws__a="z", aws__b="z", aws__c="true")


# "IAM policy elements: Variables and tags".
@pytest.mark.parametrize(
    ("resource", "context", "matching", "others"),
    [
        ("home/${aws:username}/*", {}, ["home/ann/x", "home/ann/"], ["home/bob/x", "home/${aws:username}/x"]),
        ("${AWS:PrincipalTag/team}", {"aws__principaltag/Team": "red"}, ["red"], ["blue", ""]),
        ("${aws:PrincipalTag/team}", {}, [], ["", "red", "${aws:PrincipalTag/team}"]),
        ("${aws:PrincipalTag/team, 'all of us'}", {}, ["all of us"], ["", "x"]),
        ("${aws:PrincipalTag/team,'all'}-x", {"aws__PrincipalTag/team": "red"}, ["red-x"], ["all-x"]),
        ("${aws:PrincipalTag/cost center}", {"aws__PrincipalTag/cost center": "1"}, ["1"], []),
        ("${aws:PrincipalTag/team}", {"aws__PrincipalTag/team": "*"}, ["*"], ["red"]),
        ("${aws:TagKeys}", {"aws__TagKeys": ["a", "b"]}, [], ["a", "b", "ab"]),
        ("a${*}b${?}c${$}{x}", {}, ["a*b?c${x}"], ["aab?c${x}", "a*bxc${x}"]),
        ("$x", {}, ["$x"], ["x"]),
    ],
)
def test_variables_in_a_resource(
    resource: str, context: dict[str, Any], matching: list[str], others: list[str]
) -> None:
    written = Policies(identity=[allow(Resource=f"arn:aws:s3:::store/{resource}")])
    for value in (*matching, *others):
        asked = request(resource=f"arn:aws:s3:::store/{value}", **context)
        assert evaluate(asked, written).allowed is (value in matching), value


def test_a_variable_without_value_matches_nothing_so_not_resource_spares_nothing() -> None:
    spared = policy(statement(), statement("Deny", NotResource="arn:aws:s3:::store/${aws:PrincipalTag/team}"))
    red = "arn:aws:s3:::store/red"
    assert evaluate(request(resource=red, **{"aws__PrincipalTag/team": "red"}), Policies(identity=[spared])).allowed
    assert not evaluate(request(resource=red), Policies(identity=[spared])).allowed


# The same page, "Policy variables with no value": the published example, which denies when the tag is not set.
def test_variables_in_conditions() -> None:
    same = {"StringNotEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}}
    guarded = Policies(identity=[allow(), deny(Condition=same)])
    tags = {"s3__ExistingObjectTag/Team": "red", "aws__PrincipalTag/Team": "red"}
    assert evaluate(request(**tags), guarded).allowed
    assert not evaluate(request(**tags | {"aws__PrincipalTag/Team": "blue"}), guarded).allowed
    assert not evaluate(request(**{"s3__ExistingObjectTag/Team": "red"}), guarded).allowed
    assert _holds(
        {"ArnLike": {"aws:SourceArn": "${aws:PrincipalArn}"}}, aws__SourceArn="arn:aws:iam::111122223333:user/teams/ann"
    )
    assert _holds({"StringLike": {"s3:prefix": "${aws:username}/*"}}, s3__prefix="ann/x")
    assert _holds({"StringEquals": {"s3:prefix": "${*}"}}, s3__prefix="*")
    assert _holds({"Bool": {"aws:a": "${aws:b}"}}, aws__a="true", aws__b="true")


# "IAM JSON policy elements: Version": variables are text in the older language.
def test_the_older_version_has_no_variables() -> None:
    for version, matching in (("2012-10-17", "ann"), ("2008-10-17", "${aws:username}")):
        written = policy(statement(Resource="arn:aws:s3:::store/${aws:username}"), version=version)
        for name in ("ann", "${aws:username}"):
            asked = request(resource=f"arn:aws:s3:::store/{name}")
            assert evaluate(asked, Policies(identity=[written])).allowed is (name == matching)


# "IAM JSON policy elements: Action", "NotAction", "Resource", "NotResource".
@pytest.mark.parametrize(
    ("elements", "allowed"),
    [
        ({"Action": "S3:get*"}, True),
        ({"Action": "s3:Get?bject"}, True),
        ({"Action": ["s3:Put*", "s3:List*"]}, False),
        ({"NotAction": ["s3:Put*"]}, True),
        ({"NotAction": ["s3:Put*", "S3:GETOBJECT"]}, False),
        ({"Resource": "arn:aws:s3:::store/*"}, True),
        ({"Resource": "arn:aws:s3:::Store/*"}, False),
        ({"Resource": "arn:aws:s3:::store"}, False),
        ({"Resource": ["arn:aws:s3:::x", "arn:aws:s3:*"]}, True),
        ({"NotResource": "arn:aws:s3:::store/b*"}, True),
        ({"NotResource": ["arn:aws:s3:::store/a*"]}, False),
    ],
)
def test_actions_and_resources(elements: dict[str, Any], allowed: bool) -> None:
    assert evaluate(request(), Policies(identity=[allow(**elements)])).allowed is allowed


# "AWS global condition context keys": what follows from the principal.
@pytest.mark.parametrize(
    ("who", "key", "value"),
    [
        ("user", "aws:username", "ann"),
        ("user", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/teams/ann"),
        ("session", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/coder"),
        ("session", "aws:PrincipalType", "AssumedRole"),
        ("session", "aws:PrincipalAccount", ACCOUNT),
        ("session", "aws:PrincipalIsAWSService", "false"),
        ("session", "aws:ResourceAccount", ACCOUNT),
        ("service", "aws:PrincipalServiceName", "cloudtrail.amazonaws.com"),
        ("service", "aws:PrincipalIsAWSService", "true"),
    ],
)
def test_keys_that_follow_from_the_principal_are_there(who: str, key: str, value: str) -> None:
    asked: Request = request(who)
    assert asked.facts()[key.lower()] == (value,)
    assert asked.resource == OBJECT
    assert "aws:username" not in request("session").facts()
