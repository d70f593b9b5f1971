"""The egress proxy's way out is known for what it is, and whatever is not exactly that refutes the isolation."""

import dataclasses
from collections.abc import Callable

import pytest
from isolation_bench import Bench, arn, network, owned, state

from stacks.isolation import Verdict
from stacks.isolation.records import Kind, Reference, Resource

LINKS = "links-build"
DEFINITION, SERVICE, TASK = arn("ecs", "task-definition/egress:1"), arn("ecs", "service/egress"), arn("ecs", "task/1")
REFUTED = [("refuted", "route", LINKS, None)]


def made(kind: Kind, id: str, *refers: Reference, **more: object) -> Resource:
    tags = {} if "part_of" in more else owned("links")
    return Resource(kind=kind, id=id, tags=tags, refers=refers, **more)  # type: ignore[arg-type]


def way_out() -> list[Resource]:
    """A network's way out as it is declared, with one task of the proxy that runs."""
    here = Reference("in network", network("links"))
    return [
        made(Kind.SUBNET, "subnet-proxy", here),
        made(Kind.SUBNET, "subnet-edge", here),
        made(Kind.SUBNET, "subnet-agents", here),
        made(Kind.GATEWAY, "igw-1", Reference("joins", network("links"))),
        made(
            Kind.GATEWAY,
            "nat-1",
            Reference("joins", network("links")),
            Reference("in subnet", "subnet-edge"),
            Reference("has interface", "eni-nat"),
        ),
        made(Kind.INTERFACE, "eni-nat", Reference("in subnet", "subnet-edge"), part_of=network("links")),
        made(Kind.ROUTE_TABLE, "rtb-proxy", here, Reference("associated with", "subnet-proxy")),
        made(Kind.ROUTE_TABLE, "rtb-edge", here, Reference("associated with", "subnet-edge")),
        made(Kind.ROUTE, "proxy to all", Reference("route to", "nat-1"), part_of="rtb-proxy"),
        made(Kind.ROUTE, "edge to all", Reference("route to", "igw-1"), part_of="rtb-edge"),
        made(Kind.FIREWALL, "sg-proxy", here),
        made(Kind.FIREWALL_RULE, "sgr-out", part_of="sg-proxy", ranges=("0.0.0.0/0",), outward=True),
        made(Kind.TASK_DEFINITION, DEFINITION, egress_proxy=True),
        made(
            Kind.SERVICE,
            SERVICE,
            Reference("runs", DEFINITION),
            Reference("in subnet", "subnet-proxy"),
            Reference("behind security group", "sg-proxy"),
        ),
        made(
            Kind.TASK,
            TASK,
            Reference("runs", DEFINITION),
            Reference("in subnet", "subnet-proxy"),
            Reference("has interface", "eni-task"),
            part_of=SERVICE,
        ),
        made(
            Kind.INTERFACE,
            "eni-task",
            Reference("in subnet", "subnet-proxy"),
            Reference("behind security group", "sg-proxy"),
            part_of=network("links"),
        ),
    ]


def bench() -> Bench:
    there = Bench().add(*way_out())
    there.stacks[0] = state("links", "build", *(each.id for each in way_out()))
    return there


def interface(subnet: str, group: str) -> Resource:
    places = (Reference("in subnet", subnet), Reference("behind security group", group))
    return made(Kind.INTERFACE, "eni-more", *places, part_of=network("links"))


def leads_out(there: Bench, table: str) -> None:
    there.add(made(Kind.ROUTE, f"{table} to all", Reference("route to", "nat-1"), part_of=table))


def refers(there: Bench, id: str, *more: Reference) -> None:
    there.change(id, refers=(*there.held[id].refers, *more))


def test_the_proxys_way_out_is_no_way_to_anybody() -> None:
    found = bench().proof()
    assert (found.verdict, found.findings) == (Verdict.PROVED, ())


def agents_table_leads_out(there: Bench) -> None:
    there.add(made(Kind.ROUTE_TABLE, "rtb-agents", Reference("associated with", "subnet-agents")))
    there.stacks[0] = state("links", "build", *(each.id for each in way_out()), "rtb-agents")
    leads_out(there, "rtb-agents")


def main_table_leads_out(there: Bench) -> None:
    there.change("rtb-proxy", part_of=network("links"), tags={})


def agents_stand_under_the_proxys_table(there: Bench) -> None:
    refers(there, "rtb-proxy", Reference("associated with", "subnet-agents"))


def somebody_stands_in_the_proxys_subnet(there: Bench) -> None:
    there.add(interface("subnet-proxy", "sg-links"))


def somebody_stands_at_the_edge(there: Bench) -> None:
    there.add(interface("subnet-edge", "sg-links"))


def another_program_runs(there: Bench) -> None:
    there.change(DEFINITION, egress_proxy=False)


def nobody_runs(there: Bench) -> None:
    for id in (SERVICE, TASK, "eni-task"):
        del there.held[id]


def the_proxy_goes_without_a_gateway_between(there: Bench) -> None:
    there.change("proxy to all", refers=(Reference("route to", "igw-1"),))


def a_gateway_of_another_kind(there: Bench) -> None:
    there.add(made(Kind.GATEWAY, "vgw-1", Reference("joins", network("links"))))
    there.stacks[0] = state("links", "build", *(each.id for each in way_out()), "vgw-1")
    there.change("edge to all", refers=(Reference("route to", "vgw-1"),))


@pytest.mark.parametrize(
    "done",
    [
        agents_table_leads_out,
        main_table_leads_out,
        agents_stand_under_the_proxys_table,
        somebody_stands_in_the_proxys_subnet,
        somebody_stands_at_the_edge,
        another_program_runs,
        nobody_runs,
        the_proxy_goes_without_a_gateway_between,
        a_gateway_of_another_kind,
    ],
)
def test_a_way_out_that_is_not_the_proxys_alone_refutes_it(done: Callable[[Bench], None]) -> None:
    there = bench()
    done(there)
    found = [each for each in there.told() if each[1] == "route"]
    assert set(found) == set(REFUTED)


@pytest.mark.parametrize(
    "change",
    [{"part_of": "sg-links"}, {"outward": False}, {"ranges": ("10.30.0.0/16",)}, {"ranges": ("10.0.0.0/8",)}],
)
def test_a_rule_to_everywhere_is_the_proxys_own_or_opens_to_the_others(change: dict[str, object]) -> None:
    there = bench()
    rule = dataclasses.replace(there.held["sgr-out"], **change)  # type: ignore[arg-type]
    assert there.add(rule).told() == [("refuted", "firewall-rule", LINKS, "notes-build")]


def test_a_rule_of_the_proxys_group_is_nobody_elses() -> None:
    there = bench().add(interface("subnet-agents", "sg-proxy"))
    assert ("refuted", "firewall-rule", LINKS, "notes-build") in there.told()


def test_a_zone_that_answers_in_a_foreign_network_is_shared() -> None:
    namespace = made(Kind.NAMESPACE, "ns-1")
    zone = made(Kind.ZONE, "zone-1", Reference("answers in", network("links")), part_of="ns-1")
    there = Bench().add(namespace, zone)
    there.stacks[0] = state("links", "build", "ns-1")
    assert there.told() == []
    refers(there, "zone-1", Reference("answers in", network("notes")))
    assert there.told() == [("refuted", "shared", LINKS, "notes-build")]
