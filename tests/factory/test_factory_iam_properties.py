"""What holds of every evaluation, whatever the policies: how allowing grows and shrinks, order, the upper bound."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from iam_documents import (
    ACCOUNT,
    FEDERATED,
    PRINCIPALS,
    ROLE,
    ROOT,
    SESSION,
    USER,
    allow,
    deny,
    grants,
    policy,
    statement,
)
from iam_strategies import CASES, documents, policies_of, requests_of, statements
from property_sizes import tried

from factory.iam import Policies, Policy, Reason, Request, ResourceTrust, evaluate, may_ever, parse
from factory.iam.patterns import Symbol, match, meet, symbols_of

Case = tuple[Request, Policies]
LETTERS = st.text(alphabet="ab:*?\n", max_size=8)
TEXTS = st.text(alphabet="ab:\n", max_size=10)
WIDER_ACTIONS = ["s3:*", "*", "?3:*Object", "S?S:Send*"]
WIDER_RESOURCES = ["*", "arn:aws:s3:::a/*", "arn:aws:s3:::?/?", "arn:aws:sqs:*"]


def _with(policy_: Policy | None, added: dict[str, Any]) -> Policy:
    """A policy and one statement more."""
    more = parse({"Version": "2012-10-17", "Statement": [added]})
    return more if policy_ is None else replace(policy_, statements=policy_.statements + more.statements)


def _widened(policies: Policies, layer: str, own: dict[str, Any], named: dict[str, Any]) -> Policies:
    """The same policies and one statement more, in one layer."""
    if layer == "resource":
        return replace(policies, resource=_with(policies.resource, named))
    if layer == "boundary":
        return replace(policies, boundary=_with(policies.boundary, own))
    return replace(policies, identity=[*policies.identity, _with(None, own)])


def _layers(request: Request, policies: Policies) -> list[str]:
    own = request.principal.account is not None and request.principal.name != ROOT
    return ["resource", *(["identity"] if own else []), *(["boundary"] if policies.boundary else [])]


@settings(max_examples=tried(150))
@given(CASES, statements(effect="Deny"), statements(effect="Deny", named=True), st.data())
def test_a_deny_more_never_allows_more(
    case: Case, own: dict[str, Any], named: dict[str, Any], data: st.DataObject
) -> None:
    request, policies = case
    layer = data.draw(st.sampled_from(_layers(request, policies)))
    assume(not evaluate(request, policies).allowed)
    assert not evaluate(request, _widened(policies, layer, own, named)).allowed


@settings(max_examples=tried(150))
@given(CASES, statements(effect="Allow"), statements(effect="Allow", named=True), st.data())
def test_an_allow_more_never_allows_less(
    case: Case, own: dict[str, Any], named: dict[str, Any], data: st.DataObject
) -> None:
    request, policies = case
    layer = data.draw(st.sampled_from(_layers(request, policies)))
    before, after = evaluate(request, policies), evaluate(request, _widened(policies, layer, own, named))
    assert after.allowed >= before.allowed
    assert (after.reason is Reason.EXPLICIT_DENY) == (before.reason is Reason.EXPLICIT_DENY)


@settings(max_examples=tried(150))
@given(CASES, policies_of(), st.lists(policies_of(), max_size=2))
def test_boundary_session_and_service_control_only_narrow(case: Case, one: Policy, some: Sequence[Policy]) -> None:
    request, policies = case
    assume(request.principal.account is not None)
    levels = policies.service_control or []
    pairs = [(policies, replace(policies, service_control=[*levels, some]))]
    if request.principal.name != ROOT:
        free = replace(policies, boundary=None)
        pairs.append((free, replace(free, boundary=one)))
    # To a federated user the session policy is what allows at all.
    if request.principal.name not in {ROOT, FEDERATED}:
        free = replace(policies, session=None)
        pairs.append((free, replace(free, session=some)))
    for wider, narrower in pairs:
        assert evaluate(request, narrower).allowed <= evaluate(request, wider).allowed


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(item, chance) for key, item in chance.sample(list(value.items()), len(value))}
    if isinstance(value, list):
        return [_shuffled(item, chance) for item in chance.sample(value, len(value))]
    return value


@given(st.sampled_from(["user", "session"]), documents(), documents(named=True), st.randoms(), st.data())
def test_order_does_not_matter(
    who: str, own: dict[str, Any], named: dict[str, Any], chance: random.Random, data: st.DataObject
) -> None:
    request = data.draw(requests_of(PRINCIPALS[who]))
    plain = Policies(identity=[parse(own)], resource=parse(named))
    mixed = Policies(identity=[parse(_shuffled(own, chance))], resource=parse(json.dumps(_shuffled(named, chance))))
    before, after = evaluate(request, plain), evaluate(request, mixed)
    assert (before.reason, before.lacking) == (after.reason, after.lacking)
    assert len(before.statements) == len(after.statements)


@settings(max_examples=tried(200))
@given(CASES)
def test_what_is_allowed_is_within_the_upper_bound(case: Case) -> None:
    request, policies = case
    if evaluate(request, policies).allowed:
        assert may_ever(policies, request.action, request.resource, principal=request.principal)
        if request.principal.name != ROOT:
            assert may_ever(policies, request.action, request.resource)


@settings(max_examples=tried(200))
@given(CASES, st.sampled_from(WIDER_ACTIONS), st.sampled_from(WIDER_RESOURCES))
def test_the_upper_bound_of_a_pattern_is_above_all_that_it_matches(case: Case, action: str, resource: str) -> None:
    request, policies = case
    action = action if match(symbols_of(action.lower()), request.action.lower()) else request.action
    resource = resource if match(symbols_of(resource), request.resource) else request.resource
    if evaluate(request, policies).allowed:
        assert may_ever(policies, action, resource, principal=request.principal)


ALL = allow()


@pytest.mark.parametrize(
    ("policies", "action", "resource", "possible"),
    [
        (Policies(identity=[ALL]), "s3:GetObject", "arn:aws:s3:::a", True),
        (Policies(), "s3:GetObject", "*", False),
        (Policies(identity=[allow(Action="s3:Get*")]), "s3:PutObject", "*", False),
        (Policies(identity=[allow(Action="s3:Get*")]), "s3:*", "*", True),
        (Policies(identity=[allow(Resource="arn:aws:s3:::a/*")]), "*", "arn:aws:s3:::b/*", False),
        (Policies(identity=[allow(Resource="arn:aws:s3:::${aws:PrincipalTag/t}")]), "*", "arn:aws:s3:::b/*", True),
        (Policies(identity=[allow(Condition={"Bool": {"aws:x": "true"}})]), "s3:GetObject", "*", True),
        (Policies(identity=[ALL, deny()]), "s3:GetObject", "*", False),
        (Policies(identity=[ALL, deny(Condition={"Bool": {"aws:x": "true"}})]), "s3:GetObject", "*", True),
        (Policies(identity=[ALL, deny(Action="s3:*")]), "s3:*", "*", False),
        (Policies(identity=[ALL, deny(Action="s3:Get*")]), "s3:*", "*", True),
        (Policies(identity=[ALL, deny(NotResource="arn:aws:s3:::a/*")]), "*", "arn:aws:s3:::b/*", False),
        (Policies(identity=[ALL, deny(NotResource="arn:aws:s3:::a/*")]), "*", "arn:aws:s3:::?/*", True),
        (Policies(identity=[ALL, deny(NotResource="arn:aws:s3:::${aws:username}")]), "*", "arn:aws:s3:::b", True),
        (Policies(identity=[ALL], boundary=allow(Action="s3:*")), "sqs:SendMessage", "*", False),
        (Policies(identity=[ALL], session=[allow(NotAction="s3:*")]), "s3:*", "*", False),
        (Policies(identity=[ALL], service_control=[[ALL], [allow(Action="s3:*")]]), "sqs:*", "*", False),
        (Policies(identity=[ALL], service_control=[[allow(Action="s3:*")], [ALL]]), "sqs:*", "*", False),
        (Policies(identity=[allow(NotAction="s3:Get*")]), "s3:*", "*", True),
        (Policies(identity=[allow(NotAction="s3:*")]), "s3:Get*", "*", False),
        (Policies(identity=[allow(NotResource="arn:aws:s3:::a/*")]), "*", "arn:aws:s3:::?/*", True),
        (Policies(identity=[allow(NotResource="arn:aws:s3:::${aws:username}/*")]), "*", "arn:aws:s3:::a/*", True),
        (Policies(identity=[ALL], resource_trust=ResourceTrust.EXPLICIT), "kms:Decrypt", "*", False),
    ],
)
def test_what_can_never_be_allowed_is_told(policies: Policies, action: str, resource: str, possible: bool) -> None:
    assert may_ever(policies, action, resource) is possible


# Another app's role, against a bucket that names its own.
@pytest.mark.parametrize(
    ("named", "who", "possible"),
    [
        (grants(ROLE), "user", False),
        (grants(ROLE), "session", True),
        (grants(USER), "session", False),
        (grants(ROOT), "session", False),
        (policy(statement(Principal="*"), statement("Deny", NotPrincipal={"AWS": [ROLE, ROOT]})), "session", True),
        (policy(statement(Principal="*"), statement("Deny", NotPrincipal={"AWS": USER})), "session", False),
        (policy(statement(Principal="*"), statement("Deny", Principal={"AWS": ACCOUNT})), "session", False),
    ],
)
def test_a_proof_about_one_principal_reads_whom_the_resource_names(named: Policy, who: str, possible: bool) -> None:
    asked = Policies(resource=named)
    assert may_ever(asked, "s3:*", "arn:aws:s3:::a/*", principal=PRINCIPALS[who]) is possible


def test_a_proof_without_principal_is_about_anyone() -> None:
    assert may_ever(Policies(resource=grants(SESSION)), "s3:GetObject", "*")
    assert not may_ever(Policies(resource=grants(SESSION), boundary=deny()), "s3:GetObject", "*")


def _reference(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(one, re.escape(one)) for one in pattern), re.DOTALL)


@settings(max_examples=tried(1000))
@given(LETTERS, TEXTS)
def test_the_matcher_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
    expected = _reference(pattern).fullmatch(text) is not None
    assert match(symbols_of(pattern), text) is expected
    # Of two patterns, one of which is a plain text, meeting and covering are matching.
    assert meet(symbols_of(pattern), text) is meet(text, symbols_of(pattern)) is expected


@settings(max_examples=tried(500))
@given(LETTERS, LETTERS, TEXTS)
def test_meeting_and_covering_are_right_for_every_text(one: str, other: str, text: str) -> None:
    wide, narrow = symbols_of(one), symbols_of(other)
    if match(narrow, text):
        assert match(wide, text) or not match(wide, narrow)
        assert meet(wide, narrow) or not match(wide, text)


def test_no_pattern_takes_the_matcher_long() -> None:
    """Backtracking would take longer than the world has existed; here it is at most the lengths' product."""
    pattern: Sequence[Symbol] = symbols_of("a*" * 40 + "b")
    assert not match(pattern, "a" * 2000)
    assert match(pattern, "a" * 2000 + "b")
    assert not meet(pattern, symbols_of("*a" * 40))
