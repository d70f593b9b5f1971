"""What a copy may reach is decided from rules alone: each refusal beside the rule that would admit it."""

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.runtime.reach import (
    API,
    NOTHING,
    Database,
    Endpoint,
    Gateway,
    Group,
    Interface,
    Reach,
    Rule,
    World,
    reach,
)

PLACE = ("127.130.2.3", 5432)
COPY = Interface("vpc-1", ("10.0.1.0/24",), ("sg-app",), ("subnet-1",))
AT = Interface("vpc-1", ("10.0.2.0/24", "10.0.3.0/24"), ("sg-db",))
DATABASE = Database("db-1", PLACE, AT)
OUT = Rule("tcp", 5432, 5432, "sg-db")
BACK = Rule("tcp", 5432, 5432, "sg-app")
REACHED = Reach({PLACE: "db-1"})


def world(out: Rule | None = OUT, back: Rule | None = BACK, database: Database = DATABASE) -> World:
    groups = {
        "sg-app": Group(egress=(out,) if out else ()),
        "sg-db": Group(ingress=(back,) if back else ()),
    }
    return World(groups, (database,))


def test_both_sides_must_admit() -> None:
    assert reach(COPY, world()) == REACHED
    assert REACHED.places == {PLACE}
    assert reach(COPY, world(out=None)) == NOTHING
    assert reach(COPY, world(back=None)) == NOTHING


@pytest.mark.parametrize(
    ("back", "admitted"),
    [
        (Rule("tcp", 5432, 5432, "sg-app"), True),
        (Rule("tcp", 5000, 6000, "sg-app"), True),
        (Rule("-1", 0, 0, "sg-app"), True),
        (Rule("udp", 5432, 5432, "sg-app"), False),
        (Rule("tcp", 5433, 5433, "sg-app"), False),
        (Rule("tcp", 5432, 5432, "sg-other"), False),
        (Rule("tcp", 5432, 5432, "sg-db"), False),
        (Rule("tcp", 5432, 5432, "10.0.1.0/24"), True),
        (Rule("tcp", 5432, 5432, "10.0.0.0/16"), True),
        (Rule("tcp", 5432, 5432, "0.0.0.0/0"), True),
        # A part of the subnet: the copy may have another address.
        (Rule("tcp", 5432, 5432, "10.0.1.0/25"), False),
        (Rule("tcp", 5432, 5432, "10.0.2.0/24"), False),
        (Rule("tcp", 5432, 5432, "pl-1"), False),
        (Rule("tcp", 5432, 5432, "::/0"), False),
    ],
)
def test_a_rule_admits_by_protocol_port_and_peer(back: Rule, admitted: bool) -> None:
    assert reach(COPY, world(back=back)) == (REACHED if admitted else NOTHING)


@pytest.mark.parametrize(
    ("out", "admitted"),
    [
        (("sg-db",), True),
        (("10.0.0.0/16",), True),
        (("10.0.2.0/24", "10.0.3.0/24"), True),
        # The instance may be in either subnet.
        (("10.0.2.0/24",), False),
        (("sg-app",), False),
    ],
)
def test_what_goes_out_must_be_admitted_wherever_the_other_side_may_be(out: tuple[str, ...], admitted: bool) -> None:
    rules = tuple(Rule("tcp", 5432, 5432, peer) for peer in out)
    there = world()
    groups = {**there.groups, "sg-app": Group(egress=rules)}
    assert reach(COPY, replace(there, groups=groups)) == (REACHED if admitted else NOTHING)


def test_another_vpc_is_not_reached_whatever_its_rules_say() -> None:
    anywhere = Rule("-1", 0, 0, "0.0.0.0/0")
    assert reach(COPY, world(anywhere, anywhere)) == REACHED
    elsewhere = replace(DATABASE, at=replace(AT, vpc="vpc-2"))
    assert reach(COPY, world(anywhere, anywhere, elsewhere)) == NOTHING


def test_rules_of_several_groups_count_together_and_unknown_groups_for_nothing() -> None:
    two = replace(COPY, groups=("sg-none", "sg-app"))
    assert reach(two, world()) == REACHED
    assert reach(replace(COPY, groups=("sg-none",)), world()) == NOTHING
    assert reach(replace(COPY, groups=()), world()) == NOTHING


def test_without_known_subnets_a_range_admits_nobody_and_a_group_still_does() -> None:
    anywhere = Rule("-1", 0, 0, "0.0.0.0/0")
    nowhere = replace(DATABASE, at=replace(AT, ranges=()))
    assert reach(COPY, world(anywhere, anywhere, nowhere)) == NOTHING
    assert reach(COPY, world(OUT, anywhere, nowhere)) == REACHED


@given(
    subnet=st.ip_addresses(v=4), length=st.integers(16, 28), peer=st.ip_addresses(v=4), peer_length=st.integers(0, 32)
)
def test_a_range_admits_exactly_the_subnets_that_it_holds(
    subnet: ipaddress.IPv4Address, length: int, peer: ipaddress.IPv4Address, peer_length: int
) -> None:
    inner = ipaddress.IPv4Network((int(subnet), length), strict=False)
    for outer in (
        ipaddress.IPv4Network((int(peer), peer_length), strict=False),
        ipaddress.IPv4Network((int(subnet), peer_length), strict=False),
    ):
        copy = replace(COPY, ranges=(str(inner),))
        admitted = reach(copy, world(back=Rule("tcp", 5432, 5432, str(outer)))) == REACHED
        ends = (int(inner.network_address), int(inner.broadcast_address))
        held = all(int(outer.network_address) <= end <= int(outer.broadcast_address) for end in ends)
        assert admitted == held


def test_an_interface_endpoint_is_reached_on_443_only_by_whom_its_groups_admit() -> None:
    at = Interface("vpc-1", ("10.0.2.0/24",), ("sg-api",))
    https = {"sg-app": Group(egress=(Rule("tcp", 443, 443, "0.0.0.0/0"),))}
    admitting = Group(ingress=(Rule("tcp", 443, 443, "sg-app"),))
    endpoints = (Endpoint("sqs", at), Endpoint("kms", replace(at, groups=("sg-closed",))))
    seen = reach(COPY, World({**https, "sg-api": admitting}, (), endpoints))
    assert seen == Reach(services=frozenset({"sqs"}))
    assert seen.places == {API}
    other_port = Group(ingress=(Rule("tcp", 80, 80, "sg-app"),))
    assert reach(COPY, World({**https, "sg-api": other_port}, (), endpoints)) == NOTHING
    elsewhere = (Endpoint("sqs", replace(at, vpc="vpc-2")),)
    assert reach(COPY, World({**https, "sg-api": admitting}, (), elsewhere)) == NOTHING


@pytest.mark.parametrize(
    ("peer", "subnets", "admitted"),
    [
        ("0.0.0.0/0", {"subnet-1"}, True),
        ("pl-s3", {"subnet-1", "subnet-2"}, True),
        ("pl-other", {"subnet-1"}, False),
        ("10.0.0.0/8", {"subnet-1"}, False),
        ("pl-s3", {"subnet-2"}, False),
        ("pl-s3", set[str](), False),
    ],
)
def test_a_gateway_endpoint_is_reached_from_subnets_whose_routes_name_it(
    peer: str, subnets: set[str], admitted: bool
) -> None:
    groups = {"sg-app": Group(egress=(Rule("tcp", 443, 443, peer),))}
    gateway = Gateway("s3", "vpc-1", frozenset(subnets), "pl-s3")
    assert reach(COPY, World(groups, gateways=(gateway,))).services == ({"s3"} if admitted else frozenset())
    assert reach(COPY, World(groups, gateways=(replace(gateway, vpc="vpc-2"),))) == NOTHING
