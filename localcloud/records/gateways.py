"""EC2 networks: internet gateway, elastic address, NAT gateway."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.ec2 import arn, retag, tagged_as
from localcloud.records.record import REGION, TAGS, Call, Record, View, tags_from, text

Json = Any


def create_internet_gateway(call: Call) -> str:
    """Make an internet gateway."""
    made = call.aws("ec2").create_internet_gateway(**tagged_as("internet-gateway", call))
    return str(made["InternetGateway"]["InternetGatewayId"])


def settle_internet_gateway(call: Call) -> None:
    """Attach it to its VPC."""
    if vpc := call.inputs.get("vpcId"):
        call.aws("ec2").attach_internet_gateway(InternetGatewayId=call.id, VpcId=vpc)


def update_internet_gateway(call: Call) -> None:
    """Attach it to another VPC, and change tags."""
    if call.changed("vpcId"):
        _detach(call)
        settle_internet_gateway(call)
    retag(call)


def _detach(call: Call) -> None:
    ec2 = call.aws("ec2")
    gateway = ec2.describe_internet_gateways(InternetGatewayIds=[call.id])["InternetGateways"][0]
    for attachment in gateway["Attachments"]:
        ec2.detach_internet_gateway(InternetGatewayId=call.id, VpcId=attachment["VpcId"])


def read_internet_gateway(call: Call) -> View:
    """An internet gateway."""
    gateway = call.aws("ec2").describe_internet_gateways(InternetGatewayIds=[call.id])["InternetGateways"][0]
    return {
        "vpcId": gateway["Attachments"][0]["VpcId"] if gateway["Attachments"] else None,
        "arn": arn(call, "internet-gateway", call.id),
        "ownerId": gateway.get("OwnerId", call.account),
        "tagsAll": tags_from(gateway.get("Tags")),
    }


def delete_internet_gateway(call: Call) -> None:
    """Detach and remove an internet gateway."""
    _detach(call)
    call.aws("ec2").delete_internet_gateway(InternetGatewayId=call.id)


def create_address(call: Call) -> str:
    """Allocate an address."""
    made = call.aws("ec2").allocate_address(Domain=call.inputs["domain"], **tagged_as("elastic-ip", call))
    return str(made["AllocationId"])


def settle_address(call: Call) -> None:
    """Give it to an instance or an interface."""
    where = call.given(
        InstanceId=call.inputs.get("instance"),
        NetworkInterfaceId=call.inputs.get("networkInterface"),
        PrivateIpAddress=call.inputs.get("associateWithPrivateIp"),
    )
    if where:
        call.aws("ec2").associate_address(AllocationId=call.id, **where)


def update_address(call: Call) -> None:
    """Give it to something else, and change tags."""
    if call.changed("instance", "networkInterface", "associateWithPrivateIp"):
        _disassociate(call)
        settle_address(call)
    retag(call)


def _disassociate(call: Call) -> None:
    ec2 = call.aws("ec2")
    address = ec2.describe_addresses(AllocationIds=[call.id])["Addresses"][0]
    if address.get("AssociationId"):
        ec2.disassociate_address(AssociationId=address["AssociationId"])


def read_address(call: Call) -> View:
    """An address."""
    address = call.aws("ec2").describe_addresses(AllocationIds=[call.id])["Addresses"][0]
    place = address["PublicIp"].replace(".", "-")
    return {
        "domain": address["Domain"],
        "instance": address.get("InstanceId") or None,
        "networkInterface": address.get("NetworkInterfaceId") or None,
        "publicIp": address["PublicIp"],
        "publicDns": f"ec2-{place}.{call.region}.compute.amazonaws.com",
        "privateIp": address.get("PrivateIpAddress") or None,
        "allocationId": address["AllocationId"],
        "associationId": address.get("AssociationId") or None,
        "arn": arn(call, "elastic-ip", call.id),
        "tagsAll": tags_from(address.get("Tags")),
    }


def delete_address(call: Call) -> None:
    """Release an address."""
    _disassociate(call)
    call.aws("ec2").release_address(AllocationId=call.id)


def create_nat(call: Call) -> str:
    """Make a NAT gateway."""
    made = call.aws("ec2").create_nat_gateway(
        SubnetId=call.inputs["subnetId"],
        ConnectivityType=call.inputs["connectivityType"],
        **call.given(AllocationId=call.inputs.get("allocationId"), PrivateIpAddress=call.inputs.get("privateIp")),
        **tagged_as("natgateway", call),
    )
    return str(made["NatGateway"]["NatGatewayId"])


def read_nat(call: Call) -> View | None:
    """A NAT gateway; AWS still lists a deleted one for an hour."""
    found = call.aws("ec2").describe_nat_gateways(NatGatewayIds=[call.id])["NatGateways"]
    if not found or found[0]["State"] in {"deleting", "deleted"}:
        return None
    gateway = found[0]
    addresses = gateway.get("NatGatewayAddresses") or [{}]
    return {
        "subnetId": gateway["SubnetId"],
        "connectivityType": gateway.get("ConnectivityType", "public"),
        "allocationId": addresses[0].get("AllocationId"),
        "privateIp": addresses[0].get("PrivateIp"),
        "publicIp": addresses[0].get("PublicIp"),
        "networkInterfaceId": addresses[0].get("NetworkInterfaceId"),
        "associationId": addresses[0].get("AssociationId"),
        "tagsAll": tags_from(gateway.get("Tags")),
    }


def delete_nat(call: Call) -> None:
    """Remove a NAT gateway; its interface goes with it, and its address is free again (moto would keep both)."""
    ec2 = call.aws("ec2")
    own = _interfaces(call)
    ec2.delete_nat_gateway(NatGatewayId=call.id)
    if allocation := call.inputs.get("allocationId"):
        for address in ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]:
            if address.get("AssociationId"):
                ec2.disassociate_address(AssociationId=address["AssociationId"])
    there = {each["NetworkInterfaceId"] for each in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    for interface in there.intersection(own):
        ec2.delete_network_interface(NetworkInterfaceId=interface)


def _interfaces(call: Call) -> list[str]:
    found = call.aws("ec2").describe_nat_gateways(NatGatewayIds=[call.id])["NatGateways"]
    addresses = [address for gateway in found for address in gateway.get("NatGatewayAddresses") or []]
    return [address["NetworkInterfaceId"] for address in addresses if address.get("NetworkInterfaceId")]


def check_nat(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A public one has an address, a private one none."""
    if (inputs["connectivityType"] == "public") != bool(inputs.get("allocationId")):
        return [("allocationId", "a public NAT gateway needs an elastic address, and a private one takes none")]
    return []


RECORDS = (
    Record(
        type="aws:ec2/internetGateway:InternetGateway",
        service="ec2",
        properties={"vpcId": text(if_declared=True), **TAGS, **REGION},
        outputs=("arn", "ownerId"),
        create=create_internet_gateway,
        settle=settle_internet_gateway,
        read=read_internet_gateway,
        update=update_internet_gateway,
        delete=delete_internet_gateway,
        gone=("InvalidInternetGatewayID.NotFound",),
    ),
    Record(
        type="aws:ec2/eip:Eip",
        service="ec2",
        properties={
            "domain": text(default="vpc", replaces=True, one_of=("vpc",)),
            "instance": text(if_declared=True),
            "networkInterface": text(if_declared=True),
            "associateWithPrivateIp": text(unread=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "allocationId", "associationId", "privateIp", "publicDns", "publicIp"),
        recomputed=("associationId", "privateIp"),
        create=create_address,
        settle=settle_address,
        read=read_address,
        update=update_address,
        delete=delete_address,
        gone=("InvalidAllocationID.NotFound", "InvalidAddress.NotFound"),
        refused={
            "publicIpv4Pool": "the local cloud has no pools of addresses",
            "ipamPoolId": "the local cloud has no IPAM pools",
            "customerOwnedIpv4Pool": "the local cloud has no pools of addresses",
        },
    ),
    Record(
        type="aws:ec2/natGateway:NatGateway",
        service="ec2",
        properties={
            "subnetId": text(required=True, replaces=True),
            "connectivityType": text(default="public", replaces=True, one_of=("public", "private")),
            "allocationId": text(replaces=True),
            "privateIp": text(cloud_decides=True, replaces=True),
            **TAGS,
            **REGION,
        },
        outputs=("associationId", "networkInterfaceId", "publicIp"),
        create=create_nat,
        read=read_nat,
        update=retag,
        delete=delete_nat,
        gone=("NatGatewayNotFound", "InvalidNatGatewayID.NotFound"),
        check=check_nat,
        refused={
            "secondaryAllocationIds": "the local cloud gives a NAT gateway one address",
            "availabilityMode": "the local cloud's NAT gateways are zonal",
        },
    ),
)
