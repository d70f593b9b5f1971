"""An environment in a VPC that somebody else made: up, down, and the VPC is as it was before."""

from typing import Any

import pytest
from e2e_place import Place
from localcloud_door import boto

from components.aws.network import ENDPOINTS
from factory import daemons
from factory.errors import ExitCode

pytestmark = [pytest.mark.e2e, pytest.mark.long]
CIDR = "10.90.0.0/20"


def standing(ec2: Any, region: str) -> tuple[str, list[str]]:
    """A private network as the page says that it must be."""
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{region}{zone}")["Subnet"]["SubnetId"]
        for cidr, zone in (("10.90.0.0/21", "a"), ("10.90.8.0/21", "b"))
    ]
    group = ec2.create_security_group(GroupName="endpoints", Description="endpoints", VpcId=vpc)["GroupId"]
    for service in ENDPOINTS:
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{region}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=subnets,
            SecurityGroupIds=[group],
            PrivateDnsEnabled=True,
        )
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{region}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[table["RouteTableId"]],
    )
    return vpc, subnets


def as_it_is(ec2: Any, vpc: str) -> list[Any]:
    """What the network is made of."""
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    return [
        ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"],
        ec2.describe_subnets(Filters=inside)["Subnets"],
        ec2.describe_route_tables(Filters=inside)["RouteTables"],
        ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"],
        ec2.describe_security_groups(Filters=inside)["SecurityGroups"],
    ]


def test_an_adopted_network_is_used_and_never_touched(place: Place) -> None:
    region = "eu-central-1"
    ec2 = boto(daemons.ensure(place.root, daemons.LOCAL_CLOUD), "ec2", region=region)
    vpc, subnets = standing(ec2, region)
    before = as_it_is(ec2, vpc)
    text = place.app_yaml.read_text()
    network = f"{{network: {{existing: {{vpc: {vpc}, subnets: [{', '.join(subnets)}], cidr: {CIDR}}}}}}}"
    place.app_yaml.write_text(text.replace("  build: {}", f"  build: {network}"))
    up = place.millwright("up", "links", "build", "--json")
    assert up.code == 0, up.out + up.err
    assert place.pulumi("preview", "--expect-no-changes", "-s", "links-build").code == 0
    assert {each["ResourceId"] for each in ec2.describe_flow_logs()["FlowLogs"]} == {vpc}
    assert as_it_is(ec2, vpc)[:4] == before[:4]

    ec2.modify_subnet_attribute(SubnetId=subnets[1], MapPublicIpOnLaunch={"Value": True})
    refused = place.millwright("preview", "links", "build", "--json")
    assert refused.code == ExitCode.UPDATE_FAILED, refused.out + refused.err
    assert f"{subnets[1]} gives out public addresses" in refused.documents[-1]["error"]
    assert "Traceback" not in refused.out + refused.err
    ec2.modify_subnet_attribute(SubnetId=subnets[1], MapPublicIpOnLaunch={"Value": False})

    down = place.millwright("destroy", "links", "build", "--json")
    assert down.code == 0, down.out + down.err
    assert as_it_is(ec2, vpc) == before
