"""Reading policy documents: every mistake by its path, and only InputError whatever comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iam_documents import statement

from factory.errors import InputError
from factory.iam import Effect, Qualifier, parse

GOOD: dict[str, Any] = {"Version": "2012-10-17", "Statement": [statement()]}


def _mistakes(document: Any) -> dict[str, str]:
    """Path to message, as `parse` tells them."""
    with pytest.raises(InputError) as caught:
        parse(document, name="role.json")
    return {problem.field: str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("elements", "path", "said"),
    [
        ({"Effect": "allow"}, "Effect", "neither Allow nor Deny (found 'allow'); allowed: Allow, Deny"),
        ({"Effect": ["Allow"]}, "Effect", "neither Allow nor Deny"),
        ({"NotAction": "s3:*", "Action": "*"}, "NotAction", "stands beside Action"),
        ({"NotResource": "*", "Resource": "*"}, "NotResource", "stands beside Resource"),
        ({"Actions": "*"}, "Actions", "unknown key (found 'Actions'); allowed: Action"),
        ({"Action": []}, "Action", "an empty list"),
        ({"Action": "GetObject"}, "Action", "no action (found 'GetObject')"),
        ({"Action": ["s3:*", 5]}, "Action[1]", "not a text (found 5)"),
        ({"Action": "s3:${aws:username}"}, "Action", "no action"),
        ({"Resource": "store"}, "Resource", "no resource (found 'store')"),
        ({"Resource": ["*", "arn:aws:s3:::${aws:x"]}, "Resource[1]", "no variable can be read at '${aws:x'"),
        ({"Resource": "arn:aws:s3:::${username}"}, "Resource", "no variable can be read"),
        ({"Resource": "arn:aws:${aws:x}:::b"}, "Resource", "a variable before the fifth colon"),
        ({"Sid": 5}, "Sid", "not a text (found 5)"),
        ({"Principal": "ann"}, "Principal", "not an object (found 'ann')"),
        ({"Principal": {}}, "Principal", "names nobody"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}, "Principal.AWS", "names no principal"),
        ({"Principal": {"AWS": ["*", "ann"]}}, "Principal.AWS[1]", "names no principal"),
        ({"Principal": {"Service": "lambda"}}, "Principal.Service", "names no principal"),
        ({"Principal": {"Federated": "*"}}, "Principal.Federated", "names no principal"),
        ({"Principal": {"CanonicalUser": "79a5"}}, "Principal.CanonicalUser", "not covered"),
        ({"Principal": {"Aws": "*"}}, "Principal.Aws", "allowed: AWS, Federated, Service"),
        ({"NotPrincipal": "*"}, "NotPrincipal", "AWS does not support NotPrincipal with Allow"),
        ({"Condition": []}, "Condition", "not an object"),
        ({"Condition": {"StringEqual": {}}}, "Condition.StringEqual", "unknown condition operator"),
        ({"Condition": {"NullIfExists": {}}}, "Condition.NullIfExists", "unknown condition operator"),
        ({"Condition": {"ForAllValues:Null": {}}}, "Condition.ForAllValues:Null", "unknown condition operator"),
        ({"Condition": {"Bool": "true"}}, "Condition.Bool", "not an object"),
        ({"Condition": {"Bool": {"aws:x": []}}}, "Condition.Bool.aws:x", "an empty list"),
        ({"Condition": {"Bool": {"aws:x": "yes"}}}, "Condition.Bool.aws:x", "allowed: true or false"),
        ({"Condition": {"Bool": {"aws:x": None}}}, "Condition.Bool.aws:x", "no value of a condition (found None)"),
        ({"Condition": {"Null": {"aws:x": "1"}}}, "Condition.Null.aws:x", "allowed: true or false"),
        ({"Condition": {"Bool": {"x": "true"}}}, "Condition.Bool.x", "no condition key"),
        ({"Condition": {"Bool": {"aws:x": "true", "AWS:X": "true"}}}, "Condition.Bool.AWS:X", "stands here twice"),
        ({"Condition": {"NumericEquals": {"aws:x": ["1", "a"]}}}, "Condition.NumericEquals.aws:x[1]", "not a number"),
        ({"Condition": {"DateEquals": {"aws:x": "2026-13"}}}, "Condition.DateEquals.aws:x", "not a value for Date"),
        ({"Condition": {"DateEquals": {"aws:x": "9" * 20}}}, "Condition.DateEquals.aws:x", "no such date"),
        ({"Condition": {"IpAddress": {"aws:x": "10.0.0.0/33"}}}, "Condition.IpAddress.aws:x", "not a value for Ip"),
        ({"Condition": {"IpAddress": {"aws:x": "10.0.0.0/255.0.0.0"}}}, "Condition.IpAddress.aws:x", "203.0.113.0/24"),
        ({"Condition": {"BinaryEquals": {"aws:x": "!"}}}, "Condition.BinaryEquals.aws:x", "allowed: base64"),
        ({"Condition": {"ArnLike": {"aws:x": "arn:aws:s3"}}}, "Condition.ArnLike.aws:x", "not an ARN"),
        ({"Condition": {"StringLike": {"aws:x": "${a"}}}, "Condition.StringLike.aws:x", "no variable can be read"),
    ],
)
def test_a_mistake_is_named_by_its_path(elements: dict[str, Any], path: str, said: str) -> None:
    document = {**GOOD, "Statement": [statement(), statement(**elements)]}
    mistakes = _mistakes(document)
    assert list(mistakes) == [f"Statement[1].{path}"]
    assert said in mistakes[f"Statement[1].{path}"]
    assert mistakes == _mistakes(json.dumps(document))


@pytest.mark.parametrize("missing", ["Effect", "Action", "Resource"])
def test_what_is_missing_is_named(missing: str) -> None:
    written = {key: value for key, value in statement().items() if key != missing}
    assert "is missing; allowed:" in _mistakes({**GOOD, "Statement": written})[f"Statement.{missing}"]
    assert parse({**GOOD, "Statement": statement()}).statements[0].place == "Statement"


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ({**GOOD, "Version": "2012-10-18"}, "Version", "allowed: 2012-10-17, 2008-10-17"),
        ({**GOOD, "Version": ["2012-10-17"]}, "Version", "unknown version"),
        ({**GOOD, "Id": 5}, "Id", "not a text"),
        ({**GOOD, "Statements": []}, "Statements", "did you mean Statement?"),
        ({"Version": "2012-10-17"}, "Statement", "is missing"),
        ({**GOOD, "Statement": []}, "Statement", "an empty list"),
        ({**GOOD, "Statement": ["Allow"]}, "Statement[0]", "not an object"),
        (
            {**GOOD, "Statement": [statement(Sid="a"), statement(Sid="a")]},
            "Statement[1].Sid",
            "same as at Statement[0]",
        ),
        ([], "", "not an object"),
        ("[]", "", "not an object"),
        (5, "", "not an object"),
        ('{"Version": "2012-10-17", "Version": "2008-10-17"}', "Version", "stands here twice"),
        ("{", "", "role.json:1:2"),
    ],
)
def test_mistakes_of_the_document(document: Any, path: str, said: str) -> None:
    assert said in _mistakes(document)[path]


def test_all_mistakes_are_told_at_once() -> None:
    bad = statement(Effect="No", Action="x", Sid=1)
    assert len(_mistakes({"Version": "1", "Statement": [bad]})) == 4


def test_json_that_cannot_be_read_is_refused() -> None:
    for text in ("[" * 100_000, '{"a": NaN}', "9" * 5000, ""):
        with pytest.raises(InputError, match="not JSON"):
            parse(text)
    with pytest.raises(InputError):
        parse({**GOOD, "Statement": [statement(Sid=10**5000, Condition={"NumericEquals": {"aws:x": 10**5000}})]})


def test_a_document_is_read_in_full() -> None:
    written = {
        "Id": "about the store",
        "Statement": {
            "Sid": "One",
            "Effect": "Deny",
            "NotPrincipal": {
                "AWS": ["111122223333"],
                "Service": "sns.amazonaws.com",
                "Federated": "accounts.google.com",
            },
            "NotAction": ["S3:Get*"],
            "NotResource": "arn:aws:s3:::store/*",
            "Condition": {"ForAnyValue:StringLikeIfExists": {"AWS:TagKeys": ["a*", 5, True]}},
        },
    }
    policy = parse(written)
    assert policy.version == "2008-10-17"
    (read,) = policy.statements
    assert (read.sid, read.effect, str(read)) == ("One", Effect.DENY, "Statement (One)")
    assert (read.not_principals, read.not_actions, read.not_resources) == (True, True, True)
    assert [str(one) for one in read.principals or ()] == ["111122223333", "sns.amazonaws.com", "accounts.google.com"]
    assert [pattern.text for pattern in read.actions] == ["s3:get*"]
    (condition,) = read.conditions
    assert (condition.operator.name, condition.qualifier, condition.if_exists) == ("StringLike", Qualifier.ANY, True)
    assert condition.key == "aws:tagkeys"
    assert parse(json.dumps(written)) == policy


# A role's trust policy and a queue's need not say about which resource they are.
def test_only_a_resource_policy_may_leave_the_resource_out() -> None:
    written = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    assert parse({**GOOD, "Statement": written}).statements[0].resources is None


KEYS = st.sampled_from(
    [
        *(
            "Version",
            "Statement",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "Principal",
            "NotPrincipal",
            "Condition",
        ),
        *("Sid", "AWS", "Service", "StringEquals", "NumericEquals", "DateEquals", "ArnLike", "IpAddress", "aws:x"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Allow", "Deny", "*", "s3:*", "arn:aws:s3:::b", "2012-10-17", "${aws:x}", "${", "111122223333"])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


@given(ANYTHING)
def test_whatever_comes_is_a_policy_or_an_input_error(document: Any) -> None:
    told: list[str] = []
    for given_as in (document, json.dumps(document), {"Version": "2012-10-17", "Statement": document}):
        try:
            read = parse(given_as)
        except InputError as error:
            told.append(error.rendered())
        else:
            assert read.statements
    assert all(told)


@given(st.text())
def test_whatever_text_comes_is_a_policy_or_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        parse(text)
