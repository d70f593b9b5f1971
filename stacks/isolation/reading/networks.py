"""Networks and what stands in them: VPCs with their parts, and every kind of link out of one."""

from collections.abc import Iterator
from typing import Any

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Kind, Reference, Resource

GONE = frozenset({"deleted", "deleting", "rejected", "expired", "failed", "terminated"})
PRESENT = frozenset({"associated", "associating"})
AWS = "AWS"
# What leads out of a network: the call, its list, the name of each, and its word in an ARN.
_GATEWAYS = (
    ("describe_internet_gateways", "InternetGateways", "InternetGatewayId", "internet-gateway"),
    ("describe_nat_gateways", "NatGateways", "NatGatewayId", "natgateway"),
    ("describe_vpn_gateways", "VpnGateways", "VpnGatewayId", "vpn-gateway"),
    (
        "describe_egress_only_internet_gateways",
        "EgressOnlyInternetGateways",
        "EgressOnlyInternetGatewayId",
        "egress-only-internet-gateway",
    ),
    ("describe_carrier_gateways", "CarrierGateways", "CarrierGatewayId", "carrier-gateway"),
)
# What is in a route and is no target of it.
_NO_TARGET = frozenset({"State", "Origin", "DestinationPrefixListId", "InstanceOwnerId"})


def read_networks(reader: Reader) -> Iterator[Resource]:
    """Every VPC of the region with what is in it, and what links VPCs."""
    for vpc in reader.pages("ec2", "describe_vpcs", "Vpcs"):
        yield _network(reader, vpc)
    for subnet in reader.pages("ec2", "describe_subnets", "Subnets"):
        yield _made(reader, Kind.SUBNET, "subnet", subnet, "SubnetId", vpc=subnet["VpcId"], default="DefaultForAz")
    yield from _route_tables(reader)
    yield from _firewalls(reader)
    yield from _links(reader)
    yield from _gateways(reader)
    yield from _inhabitants(reader)


def _network(reader: Reader, vpc: dict[str, Any]) -> Resource:
    blocks = [
        each[f"{six}CidrBlock"]
        for six in ("", "Ipv6")
        for each in vpc.get(f"{six}CidrBlockAssociationSet", ())
        if each[f"{six}CidrBlockState"]["State"] in PRESENT
    ]
    return Resource(
        kind=Kind.NETWORK,
        id=vpc["VpcId"],
        arns=(reader.arn("ec2", f"vpc/{vpc['VpcId']}"),),
        tags=tags_of(vpc.get("Tags")),
        ranges=tuple(blocks or [vpc["CidrBlock"]]),
        by_aws=vpc["IsDefault"],
    )


def _made(  # noqa: PLR0913 -- what differs from one kind to the next
    reader: Reader,
    kind: Kind,
    word: str,
    found: dict[str, Any],
    key: str,
    *,
    vpc: str | None = None,
    default: str = "",
    refers: tuple[Reference, ...] = (),
    names: tuple[str, ...] = (),
) -> Resource:
    """A resource of EC2's. What AWS put into a VPC by itself is a part of that VPC."""
    by_aws = bool(found.get(default)) if default else False
    return Resource(
        kind=kind,
        id=found[key],
        names=names,
        arns=(reader.arn("ec2", f"{word}/{found[key]}"),),
        tags=tags_of(found.get("Tags") or found.get("TagSet")),
        part_of=vpc if by_aws else None,
        refers=(*references("in network", [None if by_aws else vpc]), *refers),
    )


def _route_tables(reader: Reader) -> Iterator[Resource]:
    for table in reader.pages("ec2", "describe_route_tables", "RouteTables"):
        main = any(each.get("Main") for each in table["Associations"])
        associated = references("associated with", [a.get("SubnetId") for a in table["Associations"]])
        yield _made(
            reader,
            Kind.ROUTE_TABLE,
            "route-table",
            {**table, "main": main},
            "RouteTableId",
            vpc=table["VpcId"],
            default="main",
            refers=associated,
        )
        for route in table["Routes"]:
            yield from _route(table["RouteTableId"], route)


def _route(table: str, route: dict[str, Any]) -> Iterator[Resource]:
    to = {key: value for key, value in route.items() if key not in _NO_TARGET and not key.startswith("Destination")}
    targets = [value for value in to.values() if value != "local"]
    destination = next(value for key, value in route.items() if key.startswith("Destination"))
    if targets:
        yield Resource(
            kind=Kind.ROUTE,
            id=f"{table} to {destination}",
            part_of=table,
            refers=references("route to", targets),
        )


def _firewalls(reader: Reader) -> Iterator[Resource]:
    for group in reader.pages("ec2", "describe_security_groups", "SecurityGroups"):
        default = group["GroupName"] == "default"
        yield _made(
            reader,
            Kind.FIREWALL,
            "security-group",
            {**group, "default": default},
            "GroupId",
            vpc=group["VpcId"],
            default="default",
        )
    for rule in reader.pages("ec2", "describe_security_group_rules", "SecurityGroupRules"):
        group, prefixes = rule.get("ReferencedGroupInfo", {}).get("GroupId"), rule.get("PrefixListId")
        yield Resource(
            kind=Kind.FIREWALL_RULE,
            id=rule["SecurityGroupRuleId"],
            arns=(reader.arn("ec2", f"security-group-rule/{rule['SecurityGroupRuleId']}"),),
            tags=tags_of(rule.get("Tags")),
            part_of=rule["GroupId"],
            refers=(*references("opens to group", [group]), *references("opens to prefix list", [prefixes])),
            ranges=tuple(rule[key] for key in ("CidrIpv4", "CidrIpv6") if rule.get(key)),
            outward=bool(rule.get("IsEgress")),
        )
    for prefixes in reader.pages("ec2", "describe_managed_prefix_lists", "PrefixLists"):
        yield _prefix_list(reader, prefixes)


def _prefix_list(reader: Reader, found: dict[str, Any]) -> Resource:
    by_aws = found["OwnerId"] == AWS
    entries: list[Any] = []
    if not by_aws:
        entries = reader.pages("ec2", "get_managed_prefix_list_entries", "Entries", PrefixListId=found["PrefixListId"])
    return Resource(
        kind=Kind.PREFIX_LIST,
        id=found["PrefixListId"],
        arns=(found["PrefixListArn"],),
        tags=tags_of(found.get("Tags")),
        ranges=tuple(entry["Cidr"] for entry in entries),
        by_aws=by_aws,
    )


def _links(reader: Reader) -> Iterator[Resource]:
    for link in reader.pages("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections"):
        if link["Status"]["Code"] not in GONE:
            ends = references("joins", [link[end]["VpcId"] for end in ("RequesterVpcInfo", "AccepterVpcInfo")])
            yield _made(reader, Kind.PEERING, "vpc-peering-connection", link, "VpcPeeringConnectionId", refers=ends)
    for gateway in reader.pages("ec2", "describe_transit_gateways", "TransitGateways"):
        if gateway["State"] not in GONE:
            yield _made(reader, Kind.TRANSIT, "transit-gateway", gateway, "TransitGatewayId")
    for link in reader.pages("ec2", "describe_transit_gateway_attachments", "TransitGatewayAttachments"):
        if link["State"] not in GONE:
            ends = (Reference("attached to", link["TransitGatewayId"]), Reference("joins", link["ResourceId"]))
            yield _made(
                reader,
                Kind.ATTACHMENT,
                "transit-gateway-attachment",
                link,
                "TransitGatewayAttachmentId",
                refers=ends,
            )


def _gateways(reader: Reader) -> Iterator[Resource]:
    for operation, key, name, word in _GATEWAYS:
        for gateway in reader.pages("ec2", operation, key):
            ends = references("joins", [each.get("VpcId") for each in gateway.get("Attachments", ())])
            ends += references("joins", [gateway.get("VpcId")])
            ends += references("in subnet", [gateway.get("SubnetId")])
            addresses = gateway.get("NatGatewayAddresses", ())
            ends += references("has interface", [each.get("NetworkInterfaceId") for each in addresses])
            ends += references("has address", [each.get("AllocationId") for each in addresses])
            if gateway.get("State") not in GONE:
                yield _made(reader, Kind.GATEWAY, word, gateway, name, refers=ends)
    for address in reader.pages("ec2", "describe_addresses", "Addresses"):
        holders = references("given to", [address.get(key) or None for key in ("InstanceId", "NetworkInterfaceId")])
        yield _made(reader, Kind.ADDRESS, "elastic-ip", address, "AllocationId", refers=holders)


def _inhabitants(reader: Reader) -> Iterator[Resource]:
    for endpoint in reader.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints"):
        if endpoint["State"].lower() not in GONE:
            yield _endpoint(reader, endpoint)
    for service in reader.pages("ec2", "describe_vpc_endpoint_service_configurations", "ServiceConfigurations"):
        yield _endpoint_service(reader, service)
    for found in reader.pages("ec2", "describe_network_interfaces", "NetworkInterfaces"):
        yield _interface(reader, found)
    for reservation in reader.pages("ec2", "describe_instances", "Reservations"):
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] not in GONE:
                yield _instance(reader, instance)
    for log in reader.pages("ec2", "describe_flow_logs", "FlowLogs"):
        yield _flow_log(reader, log)


def _endpoint_service(reader: Reader, service: dict[str, Any]) -> Resource:
    balancers = [*service.get("NetworkLoadBalancerArns", ()), *service.get("GatewayLoadBalancerArns", ())]
    return _made(
        reader,
        Kind.ENDPOINT_SERVICE,
        "vpc-endpoint-service",
        service,
        "ServiceId",
        names=(service["ServiceName"],),
        refers=references("offers", balancers),
    )


def _interface(reader: Reader, found: dict[str, Any]) -> Resource:
    return Resource(
        kind=Kind.INTERFACE,
        id=found["NetworkInterfaceId"],
        arns=(reader.arn("ec2", f"network-interface/{found['NetworkInterfaceId']}"),),
        tags=tags_of(found.get("TagSet")),
        part_of=found["VpcId"],
        refers=(
            *references("in subnet", [found.get("SubnetId")]),
            *references("behind security group", [group["GroupId"] for group in found["Groups"]]),
        ),
    )


def _flow_log(reader: Reader, log: dict[str, Any]) -> Resource:
    refers = (
        *references("watches", [log["ResourceId"]]),
        *references("delivers as role", [log.get("DeliverLogsPermissionArn")]),
        *references("delivers to", [log.get("LogDestination")]),
    )
    return _made(reader, Kind.FLOW_LOG, "vpc-flow-log", log, "FlowLogId", refers=refers)


def _endpoint(reader: Reader, endpoint: dict[str, Any]) -> Resource:
    service = endpoint.get("ServiceName", "")
    shared = service if service.startswith("com.amazonaws.vpce.") else None
    refers = (
        *references("in subnet", endpoint.get("SubnetIds", ())),
        *references("behind security group", [group["GroupId"] for group in endpoint.get("Groups", ())]),
        *references("routed by", endpoint.get("RouteTableIds", ())),
        *references("leads to", [shared, endpoint.get("ServiceNetworkArn"), endpoint.get("ResourceConfigurationArn")]),
    )
    return _made(reader, Kind.ENDPOINT, "vpc-endpoint", endpoint, "VpcEndpointId", vpc=endpoint["VpcId"], refers=refers)


def _instance(reader: Reader, instance: dict[str, Any]) -> Resource:
    refers = (
        *references("in subnet", [instance.get("SubnetId")]),
        *references("behind security group", [group["GroupId"] for group in instance.get("SecurityGroups", ())]),
        *references("has profile", [instance.get("IamInstanceProfile", {}).get("Arn")]),
    )
    return _made(reader, Kind.INSTANCE, "instance", instance, "InstanceId", vpc=instance.get("VpcId"), refers=refers)
