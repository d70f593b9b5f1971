"""Data: databases that nobody deletes by mistake, nobody reaches from outside, and that can be restored."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.values import Holds, at_least, if_set, is_false, is_true, required
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.resources import Resource

INSTANCE: Final = "aws:rds/instance:Instance"
CLUSTER: Final = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE: Final = "aws:rds/clusterInstance:ClusterInstance"
TABLE: Final = "aws:dynamodb/table:Table"
GCP_DATABASE: Final = "gcp:sql/databaseInstance:DatabaseInstance"

GUARDS: Final[dict[str, tuple[str, ...]]] = {
    INSTANCE: ("deletionProtection",),
    CLUSTER: ("deletionProtection",),
    TABLE: ("deletionProtectionEnabled",),
    # Source: Cloud SQL, "Prevent deletion of an instance": `deletionProtection` holds for the program only.
    GCP_DATABASE: ("settings", "deletionProtectionEnabled"),
}
# Source: AWS Security Hub, RDS.11.
BACKUP_DAYS: Final = 7
# Another environment's data can be made again.
_MADE_AGAIN: Final = ("build", "staging")
_NO_WAY_BACK: Final = "is not on: what is written since the last backup cannot be restored"


def deletion_guarded(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 62: production's databases are protected from deletion, in the cloud and by the option `protect`."""
    if context.environment in _MADE_AGAIN:
        return
    names = GUARDS[resource.type]
    yield from required(resource.properties, names, is_true, "is not on: one call deletes what is stored")
    if not resource.options.protect:
        yield Fail(names, "stands alone: the resource option protect is not set")


def private_and_backed_up(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 63: databases have no public address, and backups for 7 days or recovery to a point in time."""
    del context
    properties = resource.properties
    if resource.type == GCP_DATABASE:
        yield from _google(properties)
        return
    if resource.type == TABLE:
        yield from required(properties, ("pointInTimeRecovery", "enabled"), is_true, _NO_WAY_BACK)
        return
    yield from if_set(properties, ("publiclyAccessible",), is_false, "gives the database a public address")
    if resource.type != CLUSTER_INSTANCE:
        yield from _unless_replica(
            properties,
            {INSTANCE: "replicateSourceDb", CLUSTER: "replicationSourceIdentifier"}[resource.type],
            ("backupRetentionPeriod",),
            at_least(BACKUP_DAYS),
            f"is shorter than {BACKUP_DAYS} days",
        )


def _unless_replica(
    properties: dict[str, Plain], source: str, names: tuple[str, ...], holds: Holds, message: str
) -> Iterator[Finding]:
    """What is required of a database that is no replica: a replica is made again from what it follows."""
    of = properties.get(source)
    if isinstance(of, str) and of:
        return
    for finding in required(properties, names, holds, message):
        yield Unknown((source,)) if of is UNKNOWN else finding


def _google(properties: dict[str, Plain]) -> Iterator[Finding]:
    address = ("settings", "ipConfiguration", "ipv4Enabled")
    yield from required(properties, address, is_false, "is not off: the database has a public address")
    backups = ("settings", "backupConfiguration")
    yield from _unless_replica(properties, "masterInstanceName", (*backups, "enabled"), is_true, "is not on")
    # MySQL recovers to a point in time by its binary log.
    findings = [
        list(_unless_replica(properties, "masterInstanceName", (*backups, name), is_true, _NO_WAY_BACK))
        for name in ("pointInTimeRecoveryEnabled", "binaryLogEnabled")
    ]
    if all(findings):
        undecided = [one for found in findings for one in found if isinstance(one, Unknown)]
        yield from undecided or findings[0]
