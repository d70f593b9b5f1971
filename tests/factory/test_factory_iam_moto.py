"""Compared with moto's evaluator, in what both support.

Read in moto 5.2 (`moto.iam.access_control`): `IAMPolicy.is_action_permitted` supports identity policies with Action or
NotAction, Resource and Effect, where only `*` is a wildcard. It does not: compare actions without case, know `?`,
NotResource, variables or Principal beyond equality; a Condition that does not hold makes it deny. What stands
unescaped in its regular expressions (`.`, `+`, `(`) is left out too. Several policies are combined as
`IAMRequestBase.check_action_permitted` does.
"""

import json
from typing import Any

from hypothesis import example, given, seed, settings
from hypothesis import strategies as st
from iam_documents import request
from moto.iam.access_control import IAMPolicy, PermissionResult

from factory.iam import Policies, Reason, evaluate, parse

REASONS = {
    PermissionResult.PERMITTED: Reason.ALLOWED,
    PermissionResult.DENIED: Reason.EXPLICIT_DENY,
    PermissionResult.NEUTRAL: Reason.IMPLICIT_DENY,
}
NAMES = ["Get", "Put", "Object", "GetObject"]
PARTS = st.lists(st.sampled_from(["a", "b", "ab", "/", "-", ":", "1"]), min_size=1, max_size=4).map("".join)
WILD = st.lists(st.sampled_from(["a", "b", "/", ":", "1", "*"]), min_size=1, max_size=4).map("".join)
ACTIONS = st.tuples(st.sampled_from(["s3", "sqs"]), st.sampled_from(NAMES)).map(":".join)
ACTION_PATTERNS = (
    st.just("*")
    | ACTIONS
    | st.tuples(st.sampled_from(["s3", "sqs", "*"]), st.sampled_from(["*", "Get*", "*Object", "*t*"])).map(":".join)
)
RESOURCE_PATTERNS = st.just("*") | st.one_of(PARTS, WILD).map("arn:aws:s3:::{}".format)


def _one_or_some(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


@st.composite
def _statements(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(_one_or_some(ACTION_PATTERNS)),
        "Resource": draw(_one_or_some(RESOURCE_PATTERNS)),
    }


DOCUMENTS = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": _statements() | st.lists(_statements(), min_size=1, max_size=3)}
)


def _motos_reason(documents: list[dict[str, Any]], action: str, resource: str) -> Reason:
    results = [IAMPolicy(json.dumps(one)).is_action_permitted(action, resource) for one in documents]
    order = (PermissionResult.DENIED, PermissionResult.PERMITTED, PermissionResult.NEUTRAL)
    return REASONS[next(result for result in order if result in results)]


@seed(20260131)
@settings(max_examples=200, database=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=2), ACTIONS, PARTS.map("arn:aws:s3:::{}".format))
@example([{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}], "s3:Get", "arn:aws:s3:::a")
@example([{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}], "s3:Get", "arn:aws:s3:::a")
@example([{"Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}], "s3:Get", "arn:aws:s3:::a")
def test_the_same_is_decided_as_by_moto(documents: list[dict[str, Any]], action: str, resource: str) -> None:
    ours = evaluate(
        request(action=action, resource=resource), Policies(identity=[parse(document) for document in documents])
    )
    assert ours.reason is _motos_reason(documents, action, resource)
