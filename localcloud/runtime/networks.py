"""The networks that the cloud's EC2 records declare, read as the plain data that `reach` decides from.

Whoever calls this holds the backends' lock. Importing it imports moto's EC2.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moto.ec2.models import ec2_backends

from localcloud.postgres.declared import Placed
from localcloud.runtime.reach import EVERY_PROTOCOL, Database, Endpoint, Gateway, Group, Interface, Rule, World

Json = Any
PUBLIC = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)?")


def interface(account: str, region: str, configuration: Mapping[str, Json] | None) -> Interface | None:
    """Where the tasks of an ECS network configuration stand; None when it names no subnet that is there.

    A task is in one of its subnets: here the first that is found. Without security groups it has the VPC's default one.
    """
    network = (configuration or {}).get("awsvpcConfiguration") or {}
    wanted = set(network.get("subnets") or [])
    subnet = next((each for each in _subnets(account, region) if each.id in wanted), None) if wanted else None
    if subnet is None:
        return None
    groups = tuple(network.get("securityGroups") or ()) or _default_groups(account, region, subnet.vpc_id)
    return Interface(subnet.vpc_id, (str(subnet.cidr_block),), groups, (subnet.id,))


def world(account: str, region: str, placed: Iterable[Placed], copies: Iterable[Interface]) -> World:
    """What is declared around copies. Of security groups only those that somebody here has are read."""
    databases = [_database(each) for each in placed if (each.account, each.region) == (account, region)]
    there = [
        each
        for each in ec2_backends[account][region].vpc_end_points.values()
        # Services of others (`com.amazonaws.vpce.`) lead nowhere here.
        if each.state == "available" and PUBLIC.fullmatch(_service(region, each))
    ]
    endpoints = [_endpoint(account, region, each) for each in there if _is_interface(each)]
    gateways = [_gateway(account, region, each) for each in there if not _is_interface(each)]
    standing = [*copies, *(each.at for each in databases), *(each.at for each in endpoints)]
    ids = {group for each in standing for group in each.groups}
    return World(dict(_groups(account, region, ids)), databases, endpoints, gateways)


def _subnets(account: str, region: str) -> Iterator[Json]:
    for zone in ec2_backends[account][region].subnets.values():
        yield from zone.values()


def _default_groups(account: str, region: str, vpc: str) -> tuple[str, ...]:
    group = ec2_backends[account][region].get_default_security_group(vpc)
    return (str(group.id),) if group else ()


def _groups(account: str, region: str, ids: Iterable[str]) -> Iterator[tuple[str, Group]]:
    backend = ec2_backends[account][region]
    for id in ids:
        if found := backend.get_security_group_from_id(id):
            yield id, Group(tuple(_rules(found.ingress_rules)), tuple(_rules(found.egress_rules)))


def _rules(rules: Iterable[Json]) -> Iterator[Rule]:
    for rule in rules:
        peer = rule.ip_range.get("CidrIp") or rule.source_group.get("GroupId") or rule.prefix_list_id
        if not peer:
            # IPv6: subnets here have none.
            continue
        every = rule.ip_protocol == EVERY_PROTOCOL
        yield Rule(str(rule.ip_protocol), 0 if every else rule.from_port, 0 if every else rule.to_port, str(peer))


def _database(placed: Placed) -> Database:
    at = Interface(placed.vpc, placed.ranges, placed.groups)
    return Database(placed.key, (placed.address, placed.port), at)


def _is_interface(endpoint: Json) -> bool:
    return str(endpoint.vpc_endpoint_type or "").lower() == "interface"


def _service(region: str, endpoint: Json) -> str:
    return str(endpoint.service_name).removeprefix(f"com.amazonaws.{region}.")


def _endpoint(account: str, region: str, endpoint: Json) -> Endpoint:
    ids = set(endpoint.subnet_ids or ())
    ranges = tuple(str(each.cidr_block) for each in _subnets(account, region) if each.id in ids)
    groups = tuple(endpoint.security_group_ids) or _default_groups(account, region, endpoint.vpc_id)
    return Endpoint(_service(region, endpoint), Interface(endpoint.vpc_id, ranges, groups))


def _gateway(account: str, region: str, endpoint: Json) -> Gateway:
    tables = [each for each in ec2_backends[account][region].route_tables.values() if each.vpc_id == endpoint.vpc_id]
    own = {subnet: table.id for table in tables for subnet in table._associations.values()}  # noqa: SLF001  no other way
    main = next((table.id for table in tables if table.main_association_id), "")
    routed = set(endpoint.route_table_ids or ())
    subnets = {
        str(each.id)
        for each in _subnets(account, region)
        if each.vpc_id == endpoint.vpc_id and own.get(each.id, main) in routed
    }
    prefixes = str(endpoint.destination_prefix_list_id or "")
    return Gateway(_service(region, endpoint), endpoint.vpc_id, frozenset(subnets), prefixes)
