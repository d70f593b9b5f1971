"""Values cross the wire unharmed, and documents that mean the same compare equal."""

import json
from typing import Any

from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from localcloud.documents import containers_form, policy_form
from localcloud.provider.compare import same
from localcloud.provider.values import (
    SIGNATURE,
    SIGNED_OUTPUT,
    SIGNED_RESOURCE,
    UNKNOWN,
    Secret,
    decode,
    encode,
    has_secret,
    hide,
    plain,
    revive,
    secret_texts,
)
from localcloud.records.record import flag, one, set_of, text, texts

scalars = st.one_of(st.booleans(), st.integers(-(2**50), 2**50), st.text(max_size=20), st.just(UNKNOWN))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
        inner.map(Secret),
    ),
    max_leaves=12,
)
actions = st.lists(st.sampled_from(["s3:Get*", "s3:Put*", "kms:*", "sqs:Send"]), min_size=1, max_size=4, unique=True)
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": actions, "Resource": actions}
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4))
def test_properties_survive_the_wire(properties: dict[str, Any]) -> None:
    assert decode(struct_pb2.Struct.FromString(encode(properties).SerializeToString())) == properties


def test_outputs_and_references_become_values() -> None:
    struct = encode(
        {
            "out": {SIGNATURE: SIGNED_OUTPUT, "value": "v", "secret": True},
            "unknown": {SIGNATURE: SIGNED_OUTPUT, "secret": False},
            "reference": {SIGNATURE: SIGNED_RESOURCE, "urn": "urn:x", "id": "vpc-1"},
        }
    )
    assert decode(struct) == {"out": Secret("v"), "unknown": UNKNOWN, "reference": "vpc-1"}


def test_marks_inside_json_text_are_revived() -> None:
    sent = json.loads(json.dumps({"tags": {"a": {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "x"}}}))
    assert revive(sent) == {"tags": {"a": Secret("x")}}


def test_what_repeats_a_secret_is_hidden_and_nothing_else() -> None:
    texts_to_hide = secret_texts({"a": [Secret({"b": "long-enough"})], "c": "public-text", "d": Secret("short")})
    hidden = hide({"x": "arn:long-enough", "y": "public-text", "z": "short"}, texts_to_hide)
    assert hidden == {"x": Secret("arn:long-enough"), "y": "public-text", "z": "short"}
    assert not has_secret(plain(hidden))


@given(st.lists(statements, min_size=1, max_size=3), st.randoms())
def test_order_and_single_values_have_no_meaning_in_a_policy(given_statements: list[Any], random: Any) -> None:
    other = json.loads(json.dumps(given_statements))
    random.shuffle(other)
    for statement in other:
        random.shuffle(statement["Action"])
        if len(statement["Resource"]) == 1:
            statement["Resource"] = statement["Resource"][0]
    document = {"Version": "2012-10-17", "Statement": given_statements}
    assert policy_form(json.dumps(document)) == policy_form(json.dumps(document | {"Statement": other}))


def test_policies_that_differ_in_meaning_differ() -> None:
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    narrow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:x"}]}
    assert len({json.dumps(policy_form(item), sort_keys=True) for item in (allow, deny, narrow)}) == 3


def test_container_defaults_have_no_meaning_and_images_do() -> None:
    short = [{"name": "a", "image": "x"}]
    full = [{"name": "a", "image": "x", "essential": True, "cpu": 0, "mountPoints": [], "environment": []}]
    assert containers_form(json.dumps(short)) == containers_form(json.dumps(full))
    assert containers_form(short) != containers_form([{"name": "a", "image": "y"}])
    assert containers_form(short) != containers_form([{"name": "a", "image": "x", "essential": False}])


def test_sets_ignore_order_and_count_duplicates() -> None:
    assert same(texts(), ["a", "b"], ["b", "a"])
    assert not same(texts(), ["a", "a"], ["a", "b"])
    rules = set_of({"port": text(), "open": flag(default=False)})
    assert same(rules, [{"port": "1"}, {"port": "2"}], [{"port": "2", "open": False}, {"port": "1", "open": False}])
    assert not same(rules, [{"port": "1", "open": True}], [{"port": "1", "open": False}])


def test_what_the_cloud_decides_counts_only_when_declared() -> None:
    check = one({"path": text(), "interval": text(cloud_decides=True)})
    assert same(check, {"path": "/"}, {"path": "/", "interval": "30"})
    assert not same(check, {"path": "/", "interval": "10"}, {"path": "/", "interval": "30"})
    assert not same(text(default="a"), None, "b")
    assert same(text(default="a"), None, "a")
