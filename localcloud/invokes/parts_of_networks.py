"""What is there in a network: one subnet, one endpoint of a service."""

from collections.abc import Mapping
from typing import Any, Final

from factory.errors import InputError
from localcloud.invokes.call import InvokeCall, Json
from localcloud.invokes.networks import ec2_of, filters_of, tag_filters_of
from localcloud.records.network_links import prefix_list_of

# Of a subnet: the SDK's name, the service's.
SUBNET: Final[Mapping[str, str]] = {
    "id": "SubnetId",
    "arn": "SubnetArn",
    "vpcId": "VpcId",
    "cidrBlock": "CidrBlock",
    "availabilityZone": "AvailabilityZone",
    "availabilityZoneId": "AvailabilityZoneId",
    "availableIpAddressCount": "AvailableIpAddressCount",
    "defaultForAz": "DefaultForAz",
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "ownerId": "OwnerId",
    "state": "State",
}


def subnet(call: InvokeCall) -> dict[str, Json]:
    """The one subnet that is meant."""
    call.only("getSubnet", "filters", "id", "region", "tags", "vpcId")
    wanted = {"subnet-id": "id", "vpc-id": "vpcId"}
    found = ec2_of(call).describe_subnets(Filters=_wanted(call, wanted))["Subnets"]
    one = _only("getSubnet", "subnets", found)
    told = {name: one[key] for name, key in SUBNET.items() if key in one}
    return dict(call.arguments) | told | {"tags": _tags(one)} | _region(call)


def endpoint(call: InvokeCall) -> dict[str, Json]:
    """The one endpoint that is meant."""
    call.only("getVpcEndpoint", "filters", "id", "region", "serviceName", "state", "tags", "vpcEndpointType", "vpcId")
    wanted = {
        "vpc-endpoint-id": "id",
        "service-name": "serviceName",
        "vpc-endpoint-type": "vpcEndpointType",
        "vpc-id": "vpcId",
    }
    ec2 = ec2_of(call)
    found = ec2.describe_vpc_endpoints(Filters=_wanted(call, wanted))["VpcEndpoints"]
    state = str(call.arguments.get("state") or "available")
    # Written in capitals by some, and still listed for a while when it is deleted.
    one = _only("getVpcEndpoint", "endpoints", [each for each in found if each["State"].lower() == state.lower()])
    return (
        dict(call.arguments)
        | {
            "id": one["VpcEndpointId"],
            "vpcId": one["VpcId"],
            "serviceName": one["ServiceName"],
            "state": one["State"].lower(),
            "vpcEndpointType": one["VpcEndpointType"],
            "policy": one.get("PolicyDocument") or "",
            "privateDnsEnabled": bool(one.get("PrivateDnsEnabled")),
            "routeTableIds": one.get("RouteTableIds") or [],
            "subnetIds": one.get("SubnetIds") or [],
            "securityGroupIds": [group["GroupId"] for group in one.get("Groups") or []],
            "prefixListId": prefix_list_of(ec2, one),
            "tags": _tags(one),
        }
        | _region(call)
    )


def _wanted(call: InvokeCall, names: Mapping[str, str]) -> list[dict[str, Json]]:
    asked = [{"Name": key, "Values": [call.arguments[name]]} for key, name in names.items() if call.arguments.get(name)]
    return filters_of(call.arguments) + tag_filters_of(call.arguments) + asked


def _only(token: str, what: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    if len(found) != 1:
        raise InputError(f"{token}: {len(found)} {what} match", hint="exactly one must; narrow the arguments")
    return found[0]


def _region(call: InvokeCall) -> dict[str, Json]:
    return {"region": call.arguments.get("region") or call.scope.region}


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags") or []}
