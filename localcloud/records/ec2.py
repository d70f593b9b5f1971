"""EC2 networks: VPC and subnet, and what all EC2 things have in common."""

from typing import Any

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Record,
    View,
    flag,
    refusal,
    tags_from,
    tags_to,
    text,
)

NO_IPV6 = "the local cloud's networks are IPv4 only"


NO_IPAM = "the local cloud has no IPAM pools; give cidrBlock"


VPC_FLAGS = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


SUBNET_FLAGS = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
}


def tagged_as(kind: str, call: Call) -> dict[str, Any]:
    """The argument with which an EC2 thing gets its tags when it is created."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": call.tag_list}]} if call.tags else {}


def retag(call: Call) -> None:
    """Bring an EC2 thing's tags to what is declared."""
    added, removed = call.tag_change()
    if removed:
        call.aws("ec2").delete_tags(Resources=[call.id], Tags=[{"Key": key} for key in removed])
    if added:
        call.aws("ec2").create_tags(Resources=[call.id], Tags=tags_to(added))


def arn(call: Call, kind: str, id: str) -> str:
    """The ARN of an EC2 thing."""
    return f"arn:aws:ec2:{call.region}:{call.account}:{kind}/{id}"


def _own(vpc: str, name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc]}, {"Name": name, "Values": [value]}]


def main_table(ec2: Any, vpc: str) -> dict[str, Any]:
    """A VPC's main route table; empty when there is none."""
    tables = ec2.describe_route_tables(Filters=_own(vpc, "association.main", "true"))["RouteTables"]
    return dict(tables[0]) if tables else {}


def default_group(ec2: Any, vpc: str) -> dict[str, Any]:
    """The security group that came with a VPC; empty when there is none."""
    groups = ec2.describe_security_groups(Filters=_own(vpc, "group-name", "default"))["SecurityGroups"]
    return dict(groups[0]) if groups else {}


def default_acl(ec2: Any, vpc: str) -> dict[str, Any]:
    """The network ACL that came with a VPC; empty when there is none."""
    acls = ec2.describe_network_acls(Filters=_own(vpc, "default", "true"))["NetworkAcls"]
    return dict(acls[0]) if acls else {}


def create_vpc(call: Call) -> str:
    """Make a VPC."""
    vpc = call.aws("ec2").create_vpc(
        CidrBlock=call.inputs["cidrBlock"], InstanceTenancy=call.inputs["instanceTenancy"], **tagged_as("vpc", call)
    )
    return str(vpc["Vpc"]["VpcId"])


def settle_vpc(call: Call) -> None:
    """Set the flags that differ from a new VPC's."""
    fresh = {"enableDnsSupport": True}
    for name, attribute in VPC_FLAGS.items():
        if call.inputs[name] != fresh.get(name, False):
            call.aws("ec2").modify_vpc_attribute(VpcId=call.id, **{attribute: {"Value": call.inputs[name]}})


def update_vpc(call: Call) -> None:
    """Set changed flags and tags."""
    for name, attribute in VPC_FLAGS.items():
        if call.changed(name):
            call.aws("ec2").modify_vpc_attribute(VpcId=call.id, **{attribute: {"Value": call.inputs[name]}})
    retag(call)


def read_vpc(call: Call) -> View:
    """A VPC with the things that come with it."""
    ec2 = call.aws("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[call.id])["Vpcs"][0]
    table = main_table(ec2, call.id).get("RouteTableId")
    flags = {
        name: ec2.describe_vpc_attribute(VpcId=call.id, Attribute=name)[attribute]["Value"]
        for name, attribute in VPC_FLAGS.items()
    }
    return flags | {
        "cidrBlock": vpc["CidrBlock"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "arn": arn(call, "vpc", call.id),
        "ownerId": vpc.get("OwnerId", call.account),
        "dhcpOptionsId": vpc.get("DhcpOptionsId"),
        "mainRouteTableId": table,
        "defaultRouteTableId": table,
        "defaultSecurityGroupId": default_group(ec2, call.id).get("GroupId"),
        "defaultNetworkAclId": default_acl(ec2, call.id).get("NetworkAclId"),
        "tagsAll": tags_from(vpc.get("Tags")),
    }


def delete_vpc(call: Call) -> None:
    """Remove a VPC; AWS refuses while other things are in it."""
    ec2 = call.aws("ec2")
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [call.id]}])["SecurityGroups"]
    if left := [group["GroupId"] for group in groups if group["GroupName"] != "default"]:
        # moto would delete the VPC and leave these behind; AWS refuses.
        message = f"The vpc '{call.id}' has dependencies and cannot be deleted: {', '.join(left)}"
        raise refusal("DependencyViolation", message, "DeleteVpc")
    ec2.delete_vpc(VpcId=call.id)


def create_subnet(call: Call) -> str:
    """Make a subnet."""
    subnet = call.aws("ec2").create_subnet(
        VpcId=call.inputs["vpcId"],
        CidrBlock=call.inputs["cidrBlock"],
        **call.given(
            AvailabilityZone=call.inputs.get("availabilityZone"),
            AvailabilityZoneId=call.inputs.get("availabilityZoneId"),
        ),
        **tagged_as("subnet", call),
    )
    return str(subnet["Subnet"]["SubnetId"])


def settle_subnet(call: Call) -> None:
    """Set the flags that are on (a new subnet's are off)."""
    for name, attribute in SUBNET_FLAGS.items():
        if call.inputs[name]:
            call.aws("ec2").modify_subnet_attribute(SubnetId=call.id, **{attribute: {"Value": True}})


def update_subnet(call: Call) -> None:
    """Set changed flags and tags."""
    for name, attribute in SUBNET_FLAGS.items():
        if call.changed(name):
            call.aws("ec2").modify_subnet_attribute(SubnetId=call.id, **{attribute: {"Value": call.inputs[name]}})
    retag(call)


def read_subnet(call: Call) -> View:
    """A subnet."""
    subnet = call.aws("ec2").describe_subnets(SubnetIds=[call.id])["Subnets"][0]
    return {
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId"),
        "mapPublicIpOnLaunch": _truth(subnet.get("MapPublicIpOnLaunch")),
        "assignIpv6AddressOnCreation": _truth(subnet.get("AssignIpv6AddressOnCreation")),
        "arn": arn(call, "subnet", call.id),
        "ownerId": subnet.get("OwnerId", call.account),
        "tagsAll": tags_from(subnet.get("Tags")),
    }


def _truth(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def delete_subnet(call: Call) -> None:
    """Remove a subnet."""
    call.aws("ec2").delete_subnet(SubnetId=call.id)


RECORDS = (
    Record(
        type="aws:ec2/vpc:Vpc",
        service="ec2",
        properties={
            "cidrBlock": text(required=True, replaces=True),
            "instanceTenancy": text(default="default", replaces=True, one_of=("default", "dedicated")),
            "enableDnsSupport": flag(default=True),
            "enableDnsHostnames": flag(default=False),
            "enableNetworkAddressUsageMetrics": flag(default=False),
            **TAGS,
            **REGION,
        },
        outputs=(
            "arn",
            "defaultNetworkAclId",
            "defaultRouteTableId",
            "defaultSecurityGroupId",
            "dhcpOptionsId",
            "mainRouteTableId",
            "ownerId",
        ),
        create=create_vpc,
        settle=settle_vpc,
        read=read_vpc,
        update=update_vpc,
        delete=delete_vpc,
        gone=("InvalidVpcID.NotFound",),
        refused={
            "assignGeneratedIpv6CidrBlock": NO_IPV6,
            "ipv6CidrBlock": NO_IPV6,
            "ipv6CidrBlockNetworkBorderGroup": NO_IPV6,
            "ipv6IpamPoolId": NO_IPV6,
            "ipv6NetmaskLength": NO_IPV6,
            "ipv4IpamPoolId": NO_IPAM,
            "ipv4NetmaskLength": NO_IPAM,
        },
    ),
    Record(
        type="aws:ec2/subnet:Subnet",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "cidrBlock": text(required=True, replaces=True),
            "availabilityZone": text(cloud_decides=True, replaces=True),
            "availabilityZoneId": text(cloud_decides=True, replaces=True),
            "mapPublicIpOnLaunch": flag(default=False),
            "assignIpv6AddressOnCreation": flag(default=False),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "ownerId"),
        create=create_subnet,
        settle=settle_subnet,
        read=read_subnet,
        update=update_subnet,
        delete=delete_subnet,
        # A second subnet with the same addresses would be refused.
        unique=("vpcId", "cidrBlock"),
        gone=("InvalidSubnetID.NotFound",),
        refused={
            "ipv6CidrBlock": NO_IPV6,
            "ipv6IpamPoolId": NO_IPV6,
            "ipv6NetmaskLength": NO_IPV6,
            "ipv6Native": NO_IPV6,
            "enableDns64": NO_IPV6,
            "ipv4IpamPoolId": NO_IPAM,
            "ipv4NetmaskLength": NO_IPAM,
        },
    ),
)
