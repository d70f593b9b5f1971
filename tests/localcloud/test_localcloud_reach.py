"""Which databases a copy may reach, decided from security groups alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.runtime.reach import NOWHERE, End, Group, Rule, Server, ways

WAY = ("127.128.0.1", 5432)
COPY = End(network="vpc-a", ranges=("10.20.64.0/20", "10.20.80.0/20"), groups=frozenset({"sg-web"}))
SERVER = Server(
    way=WAY, end=End(network="vpc-a", ranges=("10.20.64.0/20", "10.20.80.0/20"), groups=frozenset({"sg-db"}))
)
TO_DB = Rule(protocol="tcp", low=5432, high=5432, source="sg-db")
FROM_WEB = Rule(protocol="tcp", low=5432, high=5432, source="sg-web")
GROUPS = {"sg-web": Group(egress=(TO_DB,)), "sg-db": Group(ingress=(FROM_WEB,))}


def test_a_rule_at_each_end_opens_the_way() -> None:
    assert ways(COPY, [SERVER], GROUPS) == {WAY}


@pytest.mark.parametrize(
    ("out", "into"),
    [
        (TO_DB, None),
        (None, FROM_WEB),
        (Rule(protocol="tcp", low=5433, high=5440, source="sg-db"), FROM_WEB),
        (Rule(protocol="udp", low=5432, high=5432, source="sg-db"), FROM_WEB),
        (Rule(protocol="tcp", low=5432, high=5432, source="sg-other"), FROM_WEB),
        (TO_DB, Rule(protocol="tcp", low=5432, high=5432, source="sg-other")),
        # The copy's second subnet is not in it: there, the copy would be kept out.
        (TO_DB, Rule(protocol="tcp", low=5432, high=5432, cidr="10.20.64.0/20")),
        (Rule(protocol="tcp", low=5432, high=5432, cidr="10.20.64.0/20"), FROM_WEB),
        # A prefix list, or nothing at all.
        (Rule(protocol="tcp", low=443, high=443), FROM_WEB),
        (Rule(protocol="tcp"), FROM_WEB),
    ],
)
def test_one_end_that_does_not_agree_closes_it(out: Rule | None, into: Rule | None) -> None:
    groups = {
        "sg-web": Group(egress=(out,) if out else ()),
        "sg-db": Group(ingress=(into,) if into else ()),
    }
    assert ways(COPY, [SERVER], groups) == frozenset()


@pytest.mark.parametrize("cidr", ["10.20.64.0/18", "10.0.0.0/8", "0.0.0.0/0"])
def test_a_range_counts_when_it_holds_every_subnet(cidr: str) -> None:
    groups = {
        "sg-web": Group(egress=(Rule(protocol="-1", cidr=cidr),)),
        "sg-db": Group(ingress=(Rule(protocol="tcp", low=0, high=65535, cidr=cidr),)),
    }
    assert ways(COPY, [SERVER], groups) == {WAY}


def test_another_network_is_never_reached_whatever_the_rules_say() -> None:
    everything = Rule(protocol="-1", cidr="0.0.0.0/0")
    groups = {"sg-web": Group(egress=(everything,)), "sg-db": Group(ingress=(everything,))}
    elsewhere = End(network="vpc-b", ranges=SERVER.end.ranges, groups=SERVER.end.groups)
    assert ways(COPY, [SERVER], groups) == {WAY}
    assert ways(COPY, [Server(way=WAY, end=elsewhere)], groups) == frozenset()
    assert ways(NOWHERE, [Server(way=WAY, end=NOWHERE)], groups) == frozenset()


@given(st.sets(st.sampled_from(["sg-web", "sg-db", "sg-x"])), st.sets(st.sampled_from(["sg-web", "sg-db", "sg-x"])))
def test_no_rule_no_way(one: set[str], other: set[str]) -> None:
    copy = End(network="vpc-a", ranges=COPY.ranges, groups=frozenset(one))
    server = Server(way=WAY, end=End(network="vpc-a", ranges=COPY.ranges, groups=frozenset(other)))
    assert bool(ways(copy, [server], GROUPS)) == ("sg-web" in one and "sg-db" in other)
    assert not ways(copy, [server], {})
