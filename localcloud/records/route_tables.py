"""EC2 networks: route table and its association."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.ec2 import arn, main_table, retag, tagged_as
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Prop,
    Record,
    View,
    refusal,
    set_of,
    tags_from,
    text,
)

# A route's target: SDK property, argument of CreateRoute, and the key in the answer of DescribeRouteTables.
ROUTE_TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "networkInterfaceId": "NetworkInterfaceId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
}


def create_route_table(call: Call) -> str:
    """Make a route table."""
    table = call.aws("ec2").create_route_table(VpcId=call.inputs["vpcId"], **tagged_as("route-table", call))
    return str(table["RouteTable"]["RouteTableId"])


def settle_route_table(call: Call) -> None:
    """Add the declared routes."""
    for route in call.inputs.get("routes") or []:
        _add_route(call, route)


def update_route_table(call: Call) -> None:
    """Add and remove changed routes, then tags."""
    if call.changed("routes") and call.inputs.get("routes") is not None:
        wanted = call.inputs["routes"]
        there = read_route_table(call)["routes"]
        for route in [item for item in there if item not in wanted]:
            call.aws("ec2").delete_route(RouteTableId=call.id, DestinationCidrBlock=route["cidrBlock"])
        for route in [item for item in wanted if item not in there]:
            _add_route(call, route)
    retag(call)


def _add_route(call: Call, route: Mapping[str, Any]) -> None:
    targets = {argument: route[name] for name, argument in ROUTE_TARGETS.items() if route.get(name)}
    call.aws("ec2").create_route(RouteTableId=call.id, DestinationCidrBlock=route["cidrBlock"], **targets)


def read_route_table(call: Call) -> View:
    """A route table with its routes (the VPC's own local route is no declared one)."""
    table = call.aws("ec2").describe_route_tables(RouteTableIds=[call.id])["RouteTables"][0]
    routes = [
        {"cidrBlock": route["DestinationCidrBlock"]}
        | {name: route[key] for name, key in ROUTE_TARGETS.items() if route.get(key)}
        for route in table["Routes"]
        if route.get("GatewayId") != "local" and route.get("DestinationCidrBlock")
    ]
    return {
        "vpcId": table["VpcId"],
        "routes": routes,
        "arn": arn(call, "route-table", call.id),
        "ownerId": table.get("OwnerId", call.account),
        "tagsAll": tags_from(table.get("Tags")),
    }


def delete_route_table(call: Call) -> None:
    """Remove a route table."""
    call.aws("ec2").delete_route_table(RouteTableId=call.id)


def create_association(call: Call) -> str:
    """Put a subnet under a route table."""
    association = call.aws("ec2").associate_route_table(
        RouteTableId=call.inputs["routeTableId"], SubnetId=call.inputs["subnetId"]
    )
    return str(association["AssociationId"])


def read_association(call: Call) -> View | None:
    """The association, found by its id."""
    by_id = [{"Name": "association.route-table-association-id", "Values": [call.id]}]
    for table in call.aws("ec2").describe_route_tables(Filters=by_id)["RouteTables"]:
        for association in table["Associations"]:
            if association["RouteTableAssociationId"] == call.id:
                return {"routeTableId": table["RouteTableId"], "subnetId": association.get("SubnetId")}
    return None


def delete_association(call: Call) -> None:
    """Take the subnet from under the route table."""
    call.aws("ec2").disassociate_route_table(AssociationId=call.id)


def _main(call: Call, vpc: str) -> tuple[str, str]:
    """The id of a VPC's main association, and its route table."""
    table = main_table(call.aws("ec2"), vpc)
    for association in table.get("Associations") or []:
        if association.get("Main"):
            return str(association["RouteTableAssociationId"]), str(table["RouteTableId"])
    message = f"The vpc '{vpc}' has no main route table: it does not exist"
    raise refusal("InvalidVpcID.NotFound", message, "DescribeRouteTables")


def create_main_association(call: Call) -> tuple[str, dict[str, Any]]:
    """Make a route table the VPC's main one, and remember which was."""
    association, original = _main(call, call.inputs["vpcId"])
    made = call.aws("ec2").replace_route_table_association(
        AssociationId=association, RouteTableId=call.inputs["routeTableId"]
    )
    return str(made["NewAssociationId"]), {"originalRouteTableId": original}


def update_main_association(call: Call) -> None:
    """Make another table the main one. The resource keeps its id, of the first association (AWS makes a new one)."""
    association, _ = _main(call, call.inputs["vpcId"])
    call.aws("ec2").replace_route_table_association(AssociationId=association, RouteTableId=call.inputs["routeTableId"])


def read_main_association(call: Call) -> View | None:
    """Which table is a VPC's main one."""
    vpc = call.inputs.get("vpcId") or _vpc_of(call)
    return {"vpcId": vpc, "routeTableId": _main(call, vpc)[1]} if vpc else None


def _vpc_of(call: Call) -> str | None:
    by_id = [{"Name": "association.route-table-association-id", "Values": [call.id]}]
    tables = call.aws("ec2").describe_route_tables(Filters=by_id)["RouteTables"]
    return str(tables[0]["VpcId"]) if tables else None


def delete_main_association(call: Call) -> None:
    """Make the table that was the main one before the main one again."""
    association, _ = _main(call, call.inputs["vpcId"])
    if original := call.state.get("originalRouteTableId"):
        call.aws("ec2").replace_route_table_association(AssociationId=association, RouteTableId=original)


ROUTE: Mapping[str, Prop] = {"cidrBlock": text(required=True), **{name: text() for name in ROUTE_TARGETS}}


RECORDS = (
    Record(
        type="aws:ec2/routeTable:RouteTable",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "routes": set_of(ROUTE, cloud_decides=True, if_declared=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "ownerId"),
        create=create_route_table,
        settle=settle_route_table,
        read=read_route_table,
        update=update_route_table,
        delete=delete_route_table,
        gone=("InvalidRouteTableID.NotFound",),
        refused={"propagatingVgws": "the local cloud has no virtual private gateways"},
    ),
    Record(
        type="aws:ec2/routeTableAssociation:RouteTableAssociation",
        service="ec2",
        properties={
            "routeTableId": text(required=True, replaces=True),
            "subnetId": text(required=True, replaces=True),
            **REGION,
        },
        outputs=(),
        create=create_association,
        read=read_association,
        delete=delete_association,
        # A subnet is under one explicit table at a time.
        unique=("subnetId",),
        gone=("InvalidAssociationID.NotFound",),
        refused={"gatewayId": "the local cloud associates subnets only; give subnetId"},
    ),
    Record(
        type="aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "routeTableId": text(required=True),
            **REGION,
        },
        outputs=("originalRouteTableId",),
        told_once=("originalRouteTableId",),
        # A VPC has one main table.
        unique=("vpcId",),
        create=create_main_association,
        read=read_main_association,
        update=update_main_association,
        delete=delete_main_association,
        gone=("InvalidVpcID.NotFound", "InvalidRouteTableID.NotFound", "InvalidAssociationID.NotFound"),
    ),
)
