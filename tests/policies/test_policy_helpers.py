"""What the checks read with, by properties: the groups of controls are built on it."""

import ipaddress
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases.case import thing, urn
from published_types import published, taggable

from factory.spec import Function
from policies import UNKNOWN, Stack
from policies.checks.iam_agents import FUNCTIONS
from policies.checks.ownership import TAGGABLE
from policies.helpers.documents import Clause, acting, is_everything, read
from policies.helpers.firewalls import EGRESS, INGRESS, ranges
from policies.helpers.networks import Network, inside, is_world, network, private, public_share
from policies.helpers.pods import PLACES, Pod, pod_of
from policies.helpers.references import naming, references
from policies.model import Plain, Unknown, render

GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

NETWORKS = st.builds(
    lambda address, prefix: ipaddress.ip_network(f"{ipaddress.IPv4Address(address)}/{prefix}", strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
ACTIONS = st.from_regex(r"\A[a-z]{1,5}:[A-Za-z]{1,8}\Z")


@given(whole=NETWORKS, pieces=st.integers(0, 4), data=st.data())
def test_splitting_a_range_or_giving_it_in_another_order_changes_nothing(
    whole: ipaddress.IPv4Network, pieces: int, data: st.DataObject
) -> None:
    deeper = min(pieces, 32 - whole.prefixlen)
    parts: list[Network] = list(whole.subnets(prefixlen_diff=deeper))
    shuffled = data.draw(st.permutations(parts))
    assert public_share(shuffled) == pytest.approx(public_share([whole]))
    assert inside(whole, shuffled)
    assert is_world(shuffled) == is_world([whole])


@given(networks=st.lists(NETWORKS, max_size=6), more=NETWORKS)
def test_a_further_range_never_makes_less_of_the_world(networks: list[Network], more: Network) -> None:
    assert public_share(networks) <= public_share([*networks, more]) <= 1.0
    assert inside(more, [*networks, more])
    assert not inside(more, list(more.subnets())[:1]) or more.prefixlen == 32


def test_private_ranges_are_not_the_world_and_what_is_no_range_is_none() -> None:
    assert private(ipaddress.ip_network("10.0.0.0/8"))
    assert not private(ipaddress.ip_network("8.0.0.0/6"))
    assert [network(value) for value in ("everyone", None, 7, UNKNOWN, "1.2.3.4/33")] == [None] * 5
    assert network("203.0.113.9/0") == ipaddress.ip_network("0.0.0.0/0")


@given(action=ACTIONS, keep=st.integers(1, 6))
def test_an_action_is_acted_on_by_itself_and_by_each_pattern_that_it_fits(action: str, keep: int) -> None:
    for pattern in (action, action.upper(), "*", "?*", f"{action[:keep]}*", action[:-1] + "?"):
        (clause,) = read(json.dumps({"Statement": {"Effect": "Allow", "Action": pattern}}), ("policy",)).clauses
        assert [word.value for word in acting(clause, action)] == [pattern]
        excepted = read({"Statement": [{"Effect": "Allow", "NotAction": [pattern]}]}, ("policy",)).clauses[0]
        assert not list(acting(excepted, action))
        assert list(acting(excepted, "0:Other")) or pattern in ("*", "?*")
    (other,) = read({"Statement": {"Effect": "Allow", "Action": f"{action}x"}}, ("policy",)).clauses
    assert not list(acting(other, action))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (UNKNOWN, "unknown at policy"),
        ("{", "unreadable at policy"),
        ("7", "unreadable at policy"),
        ("[" * 5000, "unreadable at policy"),
        ("[" * 200 + "]" * 200, "unreadable at policy"),
        ({"Statement": UNKNOWN}, "unknown at policy.Statement"),
        ({"Statement": [UNKNOWN, {"Effect": "Deny"}]}, "unknown at policy.Statement[0]"),
        ({"Statement": ["Allow everything"]}, "unreadable at policy.Statement[0]"),
        ('{"Statement": {"Action": "s3:Get*", "Action": "*"}}', "unreadable at policy"),
    ],
)
def test_what_cannot_be_read_of_a_document_is_told_and_never_skipped(value: Plain, found: str) -> None:
    (finding,) = read(value, ("policy",)).findings
    kind = "unknown" if isinstance(finding, Unknown) else "unreadable"
    assert f"{kind} at {render(finding.path)}" == found


def test_effects_are_read_as_aws_does_and_an_unknown_one_is_neither() -> None:
    effects = ["Allow", "deny", "DENY", UNKNOWN, "nonsense", None]
    document = read({"Statement": [{"effect": effect} for effect in effects]}, ())
    assert [clause.allows for clause in document.clauses] == [True, False, False, None, True, True]


def test_what_is_nothing_but_wildcards_is_everything() -> None:
    (clause,) = read({"Statement": {"Action": ["*", "?*", "*:*", "**", "?", "s3:*", UNKNOWN]}}, ()).clauses
    assert [is_everything(word) for word in clause.actions] == [True, True, True, True, False, False, False]


@given(cidr=NETWORKS.map(str), direction=st.sampled_from([INGRESS, EGRESS]))
def test_a_rule_says_the_same_in_each_of_its_forms(cidr: str, direction: str) -> None:
    standalone = INGRESS_RULE if direction == INGRESS else EGRESS_RULE
    forms = [
        thing(GROUP, {direction: [{"protocol": "tcp", "cidrBlocks": [cidr]}]}),
        thing(RULE, {"type": direction, "cidrBlocks": [cidr]}),
        thing(standalone, {"cidrIpv4": cidr}),
    ]
    other = EGRESS if direction == INGRESS else INGRESS
    assert [[value for _, value in ranges(form, direction)] for form in forms] == [[cidr]] * 3
    assert [list(ranges(form, other)) for form in forms] == [[]] * 3


@given(token=st.sampled_from(sorted(PLACES)), kind=st.sampled_from(["containers", "initContainers"]))
def test_a_pod_is_found_wherever_it_is_declared_and_its_containers_override_it(token: str, kind: str) -> None:
    def pod(own: Plain, shared: Plain) -> Pod:
        spec: Plain = {kind: [{"securityContext": {"runAsUser": own}}], "securityContext": {"runAsUser": shared}}
        for name in reversed(PLACES[token]):
            spec = {str(name): spec}
        assert isinstance(spec, dict)
        return pod_of(thing(token, spec))

    for own, shared, counts in ((7, 8, 7), (None, 8, 8), (7, None, 7), (UNKNOWN, 8, UNKNOWN), (None, None, None)):
        found = pod(own, shared)
        (container,) = found.containers
        setting = found.effective(container, "runAsUser")
        assert setting.value == counts
        assert setting.path[: len(PLACES[token])] == PLACES[token]
    assert published(token)


def test_of_a_pod_that_is_not_known_only_that_is_known() -> None:
    assert pod_of(thing("kubernetes:core/v1:Pod", {"spec": UNKNOWN})).unknown == (("spec",),)
    half = pod_of(thing("kubernetes:core/v1:Pod", {"spec": {"containers": [UNKNOWN, {"name": "b"}]}}))
    assert (half.unknown, len(half.containers)) == ((("spec", "containers", 0),), 1)
    assert half.containers[0].path == ("spec", "containers", 1)


NAMED = thing(ROLE, {"name": "reader"}, "reader", answered={"id": "reader", "arn": "arn:aws:iam::1:role/reader"})
NAMELESS = thing(ROLE, {"name": UNKNOWN}, "nameless")


@pytest.mark.parametrize(
    ("value", "sources", "names", "unknown"),
    [
        ("reader", (), {"reader"}, False),
        ("arn:aws:iam::1:role/reader", (), {"reader"}, False),
        (UNKNOWN, (NAMED.urn,), {"reader"}, False),
        (UNKNOWN, (), {"reader", "nameless"}, True),
        (UNKNOWN, (urn(ROLE, "elsewhere"),), {"reader", "nameless"}, True),
        ("else", (), {"nameless"}, True),
        (None, (), set(), False),
    ],
)
def test_a_reference_names_what_its_value_is_or_comes_from_or_says_that_it_is_not_known(
    value: Plain, sources: tuple[str, ...], names: set[str], unknown: bool
) -> None:
    inline = thing(ROLE_POLICY, {"role": value}, "inline", property_dependencies={"role": sources})
    stack = Stack((NAMED, NAMELESS, inline))
    assert {role.name for role in (NAMED, NAMELESS) if list(naming(stack, role, (ROLE_POLICY,), "role"))} == names
    assert [reference.unknown for reference in references(stack, inline, "role", (ROLE,))] == [unknown] * bool(value)


def test_a_reference_to_what_the_stack_does_not_declare_is_outside() -> None:
    inline = thing(ROLE_POLICY, {"role": "else"}, "inline")
    (reference,) = references(Stack((NAMED, inline)), inline, "role", (ROLE,))
    assert (reference.outside, reference.unknown, reference.found) == (True, False, ())


def test_functions_and_taggable_types_are_those_of_the_spec_and_the_sdk() -> None:
    assert set(FUNCTIONS) == {function.value for function in Function}
    assert taggable() == TAGGABLE


def test_a_clause_without_anything_says_nothing() -> None:
    (clause,) = read({"Statement": {}}, ()).clauses
    assert clause == Clause(path=("Statement",), allows=True)
