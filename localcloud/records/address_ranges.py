"""EC2 networks: a range that a VPC has beside its first one."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.record import REGION, Call, Record, View, text

PRESENT = frozenset({"associating", "associated"})


def create_range(call: Call) -> str:
    """Give a VPC another range."""
    made = call.aws("ec2").associate_vpc_cidr_block(VpcId=call.inputs["vpcId"], CidrBlock=call.inputs["cidrBlock"])
    return str(made["CidrBlockAssociation"]["AssociationId"])


def read_range(call: Call) -> View | None:
    """A range with its VPC; EC2 still lists one that was taken away for a while."""
    by_id = [{"Name": "cidr-block-association.association-id", "Values": [call.id]}]
    for vpc in call.aws("ec2").describe_vpcs(Filters=by_id)["Vpcs"]:
        for found in vpc["CidrBlockAssociationSet"]:
            if found["AssociationId"] == call.id and found["CidrBlockState"]["State"] in PRESENT:
                return {"vpcId": vpc["VpcId"], "cidrBlock": found["CidrBlock"]}
    return None


def delete_range(call: Call) -> None:
    """Take it away."""
    call.aws("ec2").disassociate_vpc_cidr_block(AssociationId=call.id)


def check_range(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """It is named: nobody else chooses one here."""
    return [] if inputs.get("cidrBlock") else [("cidrBlock", "give the range; the local cloud has no IPAM pools")]


NO_IPAM = "the local cloud has no IPAM pools; give cidrBlock"
RECORDS = (
    Record(
        type="aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "cidrBlock": text(replaces=True),
            **REGION,
        },
        outputs=(),
        unique=("vpcId", "cidrBlock"),
        create=create_range,
        read=read_range,
        delete=delete_range,
        # moto takes the range away, and then the routes to it, one of which may be gone with its table.
        gone=("InvalidVpcCidrBlockAssociationID.NotFound", "InvalidVpcID.NotFound", "InvalidRoute.NotFound"),
        check=check_range,
        refused={"ipv4IpamPoolId": NO_IPAM, "ipv4NetmaskLength": NO_IPAM},
    ),
)
