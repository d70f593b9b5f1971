"""EC2 networks: a single route of a route table."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.record import REGION, Call, Record, View, text
from localcloud.records.route_tables import ROUTE_TARGETS

Json = Any


def create_route(call: Call) -> str:
    """Add a route to a table; the SDK's id is made of both."""
    call.aws("ec2").create_route(
        RouteTableId=call.inputs["routeTableId"],
        DestinationCidrBlock=call.inputs["destinationCidrBlock"],
        **_target(call),
    )
    return f"{call.inputs['routeTableId']}_{call.inputs['destinationCidrBlock']}"


def _target(call: Call) -> dict[str, str]:
    return {argument: call.inputs[name] for name, argument in ROUTE_TARGETS.items() if call.inputs.get(name)}


def update_route(call: Call) -> None:
    """Lead it elsewhere."""
    call.aws("ec2").replace_route(
        RouteTableId=call.inputs["routeTableId"],
        DestinationCidrBlock=call.inputs["destinationCidrBlock"],
        **_target(call),
    )


def _parts(call: Call) -> tuple[str, str]:
    table, _, destination = call.id.rpartition("_")
    return table, destination


def read_route(call: Call) -> View | None:
    """A route, found in its table."""
    table, destination = _parts(call)
    found = call.aws("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    for route in found["Routes"]:
        if route.get("DestinationCidrBlock") == destination:
            targets = {name: route.get(key) or None for name, key in ROUTE_TARGETS.items()}
            return targets | {
                "routeTableId": table,
                "destinationCidrBlock": destination,
                "state": route.get("State"),
                "origin": route.get("Origin"),
            }
    return None


def delete_route(call: Call) -> None:
    """Take a route from its table."""
    table, destination = _parts(call)
    call.aws("ec2").delete_route(RouteTableId=table, DestinationCidrBlock=destination)


def check_route(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A route leads to one thing."""
    targets = [name for name in ROUTE_TARGETS if inputs.get(name)]
    if len(targets) != 1:
        return [("gatewayId", f"give one target of {', '.join(ROUTE_TARGETS)}")]
    return []


IPV4_ONLY = "the local cloud's routes go to IPv4 blocks; give destinationCidrBlock"
RECORDS = (
    Record(
        type="aws:ec2/route:Route",
        service="ec2",
        properties={
            "routeTableId": text(required=True, replaces=True),
            "destinationCidrBlock": text(required=True, replaces=True),
            **{name: text() for name in ROUTE_TARGETS},
            **REGION,
        },
        outputs=("origin", "state"),
        unique=("routeTableId", "destinationCidrBlock"),
        create=create_route,
        read=read_route,
        update=update_route,
        delete=delete_route,
        gone=("InvalidRouteTableID.NotFound", "InvalidRoute.NotFound"),
        check=check_route,
        refused={
            "destinationIpv6CidrBlock": IPV4_ONLY,
            "destinationPrefixListId": IPV4_ONLY,
            "vpcEndpointId": "the local cloud has no gateway load balancer endpoints",
        },
    ),
)
