"""Services that this proof does not read: whatever they hold is named, so that nobody takes it for proved."""

import re
from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple

from stacks.isolation.reading.reader import Reader
from stacks.isolation.records import Kind, Resource


class Listed(NamedTuple):
    """A call that lists what a service holds. `name`: the field that names each; "" where each is its name."""

    service: str
    operation: str
    key: str
    name: str


OTHERS = (
    Listed("apigateway", "get_rest_apis", "items", "name"),
    Listed("apigatewayv2", "get_apis", "Items", "Name"),
    Listed("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupARN"),
    Listed("dynamodb", "list_tables", "TableNames", ""),
    Listed("ec2", "describe_vpn_connections", "VpnConnections", "VpnConnectionId"),
    Listed("efs", "describe_file_systems", "FileSystems", "FileSystemArn"),
    Listed("eks", "list_clusters", "clusters", ""),
    Listed("elasticache", "describe_cache_clusters", "CacheClusters", "ARN"),
    Listed("elasticache", "describe_replication_groups", "ReplicationGroups", "ARN"),
    Listed("events", "list_rules", "Rules", "Arn"),
    Listed("firehose", "list_delivery_streams", "DeliveryStreamNames", ""),
    Listed("kafka", "list_clusters_v2", "ClusterInfoList", "ClusterArn"),
    Listed("kinesis", "list_streams", "StreamNames", ""),
    Listed("lambda", "list_functions", "Functions", "FunctionArn"),
    Listed("opensearch", "list_domain_names", "DomainNames", "DomainName"),
    Listed("ram", "get_resource_shares", "resourceShares", "resourceShareArn"),
    Listed("rds", "describe_db_clusters", "DBClusters", "DBClusterArn"),
    Listed("redshift", "describe_clusters", "Clusters", "ClusterIdentifier"),
    Listed("scheduler", "list_schedules", "Schedules", "Arn"),
    Listed("ssm", "describe_parameters", "Parameters", "Name"),
    Listed("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    Listed("vpc-lattice", "list_service_networks", "items", "arn"),
)
# What stays listed by its tags when it is gone; its own service was asked for all that there are.
_LINGERS = re.compile(
    ":ecs:[^:]*:[^:]*:(cluster|service)/|:task-definition/|:secret:|:instance/|:vpc-endpoint/|:natgateway/|:transit-gateway"
)
# What a call needs that no default gives.
ARGUMENTS: dict[str, dict[str, Any]] = {"get_resource_shares": {"resourceOwner": "SELF"}}


def read_others(reader: Reader) -> Iterator[Resource]:
    """What stands in services that are not read."""
    for listed in OTHERS:
        service, operation, key, name = listed
        for item in reader.pages(service, operation, key, **ARGUMENTS.get(operation, {})):
            yield Resource(kind=Kind.OTHER, id=f"{service} {item[name] if name else item}")


def read_tagged(reader: Reader) -> Iterator[Resource]:
    """Everything that carries tags, of whatever service; `unseen` says what of it no other part has read."""
    for mapping in reader.pages("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList"):
        tags = {tag["Key"]: tag["Value"] for tag in mapping["Tags"]}
        yield Resource(kind=Kind.OTHER, id=mapping["ResourceARN"], tags=tags)


def unseen(tagged: Iterable[Resource], seen: Container[str]) -> Iterator[Resource]:
    """Those of the tagged that are not among the ids and ARNs which were read."""
    for each in tagged:
        if each.id in seen or each.id.rsplit("/", 1)[-1] in seen:
            continue
        if not _LINGERS.search(each.id):
            yield each
