"""What is there in EC2: images, networks, subnets; and the partition."""

import re
from collections.abc import Mapping
from typing import Any, Final

from factory.errors import InputError
from localcloud.invokes.call import InvokeCall, Json
from localcloud.records.ec2 import main_table

# Of an image: the SDK's name, the service's.
IMAGE: Final[Mapping[str, str]] = {
    "architecture": "Architecture",
    "creationDate": "CreationDate",
    "description": "Description",
    "enaSupport": "EnaSupport",
    "hypervisor": "Hypervisor",
    "imageId": "ImageId",
    "imageLocation": "ImageLocation",
    "imageOwnerAlias": "ImageOwnerAlias",
    "imageType": "ImageType",
    "name": "Name",
    "ownerId": "OwnerId",
    "platform": "Platform",
    "platformDetails": "PlatformDetails",
    "public": "Public",
    "rootDeviceName": "RootDeviceName",
    "rootDeviceType": "RootDeviceType",
    "state": "State",
    "sriovNetSupport": "SriovNetSupport",
    "virtualizationType": "VirtualizationType",
}


def partition(call: InvokeCall) -> dict[str, Json]:
    """The partition of the provider's region: the local cloud has one."""
    call.only("getPartition", "id")
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def image(call: InvokeCall) -> dict[str, Json]:
    """One image: the only one that is meant, or the newest of them."""
    call.only(
        "getAmi",
        "executableUsers",
        "filters",
        "includeDeprecated",
        "mostRecent",
        "nameRegex",
        "owners",
        "region",
        "allowUnsafeFilter",
    )
    arguments = call.arguments
    ec2 = ec2_of(call)
    asked: dict[str, Any] = {"Filters": filters_of(arguments)}
    for name, key in (("owners", "Owners"), ("executableUsers", "ExecutableUsers")):
        if arguments.get(name):
            asked[key] = arguments[name]
    found = ec2.describe_images(**asked)["Images"]
    if pattern := arguments.get("nameRegex"):
        found = [each for each in found if re.search(pattern, each.get("Name", ""))]
    if not found:
        raise InputError("getAmi: no image matches", hint="the local cloud has the images that moto knows")
    if len(found) > 1 and not arguments.get("mostRecent"):
        raise InputError(f"getAmi: {len(found)} images match", hint="narrow the filters, or set mostRecent")
    newest = max(found, key=lambda each: (each.get("CreationDate", ""), each["ImageId"]))
    region = arguments.get("region") or call.scope.region
    told = {name: newest.get(key) for name, key in IMAGE.items()}
    told = {name: value for name, value in told.items() if value is not None}
    return (
        dict(arguments)
        | told
        | {
            "id": newest["ImageId"],
            "region": region,
            "arn": f"arn:aws:ec2:{region}::image/{newest['ImageId']}",
            "tags": {tag["Key"]: tag["Value"] for tag in newest.get("Tags") or []},
            "blockDeviceMappings": [],
            "productCodes": [],
            "stateReason": {},
        }
    )


def vpc(call: InvokeCall) -> dict[str, Json]:
    """The one VPC that is meant."""
    call.only("getVpc", "cidrBlock", "default", "dhcpOptionsId", "filters", "id", "region", "state", "tags")
    arguments = call.arguments
    filters = filters_of(arguments) + tag_filters_of(arguments)
    wanted = {"cidr": "cidrBlock", "dhcp-options-id": "dhcpOptionsId", "state": "state"}
    filters += [{"Name": key, "Values": [arguments[name]]} for key, name in wanted.items() if arguments.get(name)]
    if arguments.get("default") is not None:
        filters.append({"Name": "is-default", "Values": [str(arguments["default"]).lower()]})
    ids = {"VpcIds": [arguments["id"]]} if arguments.get("id") else {}
    ec2 = ec2_of(call)
    found = ec2.describe_vpcs(Filters=filters, **ids)["Vpcs"]
    if len(found) != 1:
        raise InputError(f"getVpc: {len(found)} VPCs match", hint="exactly one must; narrow the arguments")
    (one,) = found
    region = arguments.get("region") or call.scope.region
    flags = {
        name: ec2.describe_vpc_attribute(VpcId=one["VpcId"], Attribute=name)[f"{name[0].upper()}{name[1:]}"]["Value"]
        for name in ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")
    }
    return (
        dict(arguments)
        | flags
        | {
            "id": one["VpcId"],
            "arn": f"arn:aws:ec2:{region}:{call.scope.account}:vpc/{one['VpcId']}",
            "cidrBlock": one["CidrBlock"],
            "cidrBlockAssociations": [
                {"associationId": each["AssociationId"], "cidrBlock": each["CidrBlock"], "state": "associated"}
                for each in one.get("CidrBlockAssociationSet") or []
            ],
            "default": bool(one.get("IsDefault")),
            "dhcpOptionsId": one.get("DhcpOptionsId"),
            "instanceTenancy": one.get("InstanceTenancy"),
            "mainRouteTableId": main_table(ec2, one["VpcId"]).get("RouteTableId", ""),
            "ownerId": one.get("OwnerId", call.scope.account),
            "region": region,
            "state": one["State"],
            "tags": {tag["Key"]: tag["Value"] for tag in one.get("Tags") or []},
        }
    )


def subnets(call: InvokeCall) -> dict[str, Json]:
    """The ids of all subnets that match, in order."""
    call.only("getSubnets", "filters", "region", "tags")
    found = ec2_of(call).describe_subnets(Filters=filters_of(call.arguments) + tag_filters_of(call.arguments))[
        "Subnets"
    ]
    region = call.arguments.get("region") or call.scope.region
    return dict(call.arguments) | {
        "id": region,
        "region": region,
        "ids": sorted(each["SubnetId"] for each in found),
        "tags": call.arguments.get("tags") or {},
    }


def ec2_of(call: InvokeCall) -> Any:
    """The client of the region that is asked about."""
    return call.clients.client("ec2", call.scope.account, call.arguments.get("region") or call.scope.region)


def filters_of(arguments: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The filters of a look-up, as the service takes them."""
    return [{"Name": each["name"], "Values": each["values"]} for each in arguments.get("filters") or []]


def tag_filters_of(arguments: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Filters for the tags of a look-up."""
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]
