"""Databases: instances, where they stand, and the snapshots of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Kind, Resource


def read_databases(reader: Reader) -> Iterator[Resource]:
    """Every database instance, its subnet groups and its snapshots."""
    for group in reader.pages("rds", "describe_db_subnet_groups", "DBSubnetGroups"):
        arn = group["DBSubnetGroupArn"]
        tags = reader.call("rds", "list_tags_for_resource", ResourceName=arn)
        yield Resource(
            kind=Kind.DATABASE_NETWORK,
            id=arn,
            arns=(arn,),
            tags=tags_of((tags or {}).get("TagList")),
            refers=(
                *references("in network", [group["VpcId"]]),
                *references("in subnet", [subnet["SubnetIdentifier"] for subnet in group["Subnets"]]),
            ),
        )
    instances = {
        each["DBInstanceIdentifier"]: each for each in reader.pages("rds", "describe_db_instances", "DBInstances")
    }
    for instance in instances.values():
        yield _database(reader, instance)
    for snapshot in reader.pages("rds", "describe_db_snapshots", "DBSnapshots"):
        source = instances.get(snapshot["DBInstanceIdentifier"])
        yield Resource(
            kind=Kind.SNAPSHOT,
            id=snapshot["DBSnapshotArn"],
            arns=(snapshot["DBSnapshotArn"],),
            tags=tags_of(snapshot.get("TagList")),
            part_of=source["DBInstanceArn"] if source else None,
            refers=tuple(reader.key("encrypted by", snapshot.get("KmsKeyId"))),
        )


def _database(reader: Reader, instance: Mapping[str, Any]) -> Resource:
    group = instance.get("DBSubnetGroup", {})
    roles = [role["RoleArn"] for role in instance.get("AssociatedRoles", ())]
    refers = (
        *reader.key("encrypted by", instance.get("KmsKeyId")),
        *references("in network", [group.get("VpcId")]),
        *references("in database network", [group.get("DBSubnetGroupArn")]),
        *references("behind security group", [g["VpcSecurityGroupId"] for g in instance["VpcSecurityGroups"]]),
        *references("uses role", [*roles, instance.get("MonitoringRoleArn")]),
        *references("password in", [instance.get("MasterUserSecret", {}).get("SecretArn")]),
    )
    return Resource(
        kind=Kind.DATABASE,
        id=instance["DBInstanceArn"],
        names=(instance["DbiResourceId"],),
        arns=(instance["DBInstanceArn"], reader.arn("rds-db", f"dbuser:{instance['DbiResourceId']}/*")),
        tags=tags_of(instance.get("TagList")),
        refers=refers,
    )
