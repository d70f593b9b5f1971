"""What the cloud's records say of who may reach whom: read from moto's own, under the backends' lock."""

import sys
from collections.abc import Mapping
from typing import Any

from moto.ec2.models import ec2_backends

from localcloud.runtime.reach import NOWHERE, End, Group, Rule, Server, Way, ways

Json = Any
AVAILABLE = "available"
# RDS's models take half a second to import: no instance was ever made before somebody has.
RDS = "moto.rds.models"


class Reachable:
    """The servers and security groups of one account and region, read once for all of its services."""

    def __init__(self, account: str, region: str) -> None:
        self._ec2 = ec2_backends[account][region]
        self._subnets = {subnet.id: subnet for zone in self._ec2.subnets.values() for subnet in zone.values()}
        self._servers = self._read_servers(account, region)
        self._groups = self._read_groups() if self._servers else {}

    def of(self, record: Json) -> frozenset[Way]:
        """What the copies of an ECS service reach."""
        if not self._servers:
            return frozenset()
        network = (getattr(record, "network_configuration", None) or {}).get("awsvpcConfiguration") or {}
        return ways(
            self._end(network.get("subnets") or [], network.get("securityGroups") or []), self._servers, self._groups
        )

    @property
    def ports(self) -> frozenset[int]:
        """Every port at which some server is."""
        return frozenset(server.way[1] for server in self._servers)

    def _end(self, subnets: list[str], groups: list[str]) -> End:
        found = [self._subnets[each] for each in subnets if each in self._subnets]
        networks = {subnet.vpc_id for subnet in found}
        if len(networks) != 1:
            return NOWHERE
        ranges = tuple(str(subnet.cidr_block) for subnet in found)
        return End(network=networks.pop(), ranges=ranges, groups=frozenset(groups))

    def _read_servers(self, account: str, region: str) -> list[Server]:
        rds = sys.modules.get(RDS)
        if rds is None:
            return []
        return [
            Server(
                way=(instance.local_address, int(instance.port)),
                end=self._end(_subnets_of(instance), instance.vpc_security_group_ids),
            )
            for instance in rds.rds_backends[account][region].databases.values()
            if getattr(instance, "local_address", None) and instance.status == AVAILABLE
        ]

    def _read_groups(self) -> Mapping[str, Group]:
        return {
            group.id: Group(
                ingress=tuple(map(_rule, group.ingress_rules)), egress=tuple(map(_rule, group.egress_rules))
            )
            for network in self._ec2.groups.values()
            for group in network.values()
        }


def _subnets_of(instance: Json) -> list[str]:
    group = getattr(instance, "db_subnet_group", None)
    return [subnet["SubnetIdentifier"] for subnet in group.subnets] if group else []


def _rule(rule: Json) -> Rule:
    return Rule(
        protocol=str(rule.ip_protocol),
        low=rule.from_port,
        high=rule.to_port,
        cidr=rule.ip_range.get("CidrIp") or "",
        source=rule.source_group.get("GroupId") or "",
    )
