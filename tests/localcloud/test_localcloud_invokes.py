"""Functions of the SDK that look things up."""

from typing import Any

import pytest
from localcloud_door import Door, refusal


def test_the_newest_image_that_matches_is_found(door: Door, aws: Any) -> None:
    asked = {
        "owners": ["amazon"],
        "mostRecent": True,
        "filters": [{"name": "name", "values": ["amzn2-ami-hvm-*-x86_64-*"]}],
    }
    found = door.invoke("aws:ec2/getAmi:getAmi", asked)
    (image,) = aws("ec2").describe_images(ImageIds=[found["id"]])["Images"]
    assert (found["name"], found["imageId"]) == (image["Name"], image["ImageId"])
    others = aws("ec2").describe_images(
        Owners=["amazon"], Filters=[{"Name": "name", "Values": ["amzn2-ami-hvm-*-x86_64-*"]}]
    )["Images"]
    assert found["creationDate"] == max(each["CreationDate"] for each in others)
    nothing = asked | {"filters": [{"name": "name", "values": ["nosuch"]}]}
    assert "no image matches" in refusal(lambda: door.invoke("aws:ec2/getAmi:getAmi", nothing))
    many = asked | {"mostRecent": False, "filters": []}
    assert "images match" in refusal(lambda: door.invoke("aws:ec2/getAmi:getAmi", many))


def test_the_default_vpc_and_its_subnets_are_found(door: Door, aws: Any) -> None:
    vpc = door.invoke("aws:ec2/getVpc:getVpc", {"default": True})
    assert vpc["default"] is True
    subnets = door.invoke("aws:ec2/getSubnets:getSubnets", {"filters": [{"name": "vpc-id", "values": [vpc["id"]]}]})
    there = aws("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["id"]]}])["Subnets"]
    assert subnets["ids"] == sorted(each["SubnetId"] for each in there)
    assert len(subnets["ids"]) == 3
    assert "0 VPCs match" in refusal(lambda: door.invoke("aws:ec2/getVpc:getVpc", {"cidrBlock": "10.99.99.0/24"}))


def test_the_partition_is_told(door: Door) -> None:
    assert door.invoke("aws:index/getPartition:getPartition", {})["partition"] == "aws"


@pytest.mark.parametrize("token", ["aws:ec2/getAmi:getAmi", "aws:ec2/getVpc:getVpc", "aws:ec2/getSubnets:getSubnets"])
def test_an_argument_that_is_not_known_is_refused_by_name(door: Door, token: str) -> None:
    assert "nosuch" in refusal(lambda: door.invoke(token, {"nosuch": 1}))
