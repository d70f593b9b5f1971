"""The contract cases of EC2's gateways, routes and instances."""

from typing import Any

from localcloud_door import Made
from localcloud_world import Aws, Case, World

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKmJGd9VkDxXXVO1kGPdkXfNpZ4mJXWmpIVIdJRfNa1n nobody"
AMI = "ami-0123456789abcdef0"


def vpc(world: World, name: str) -> str:
    return world.one("aws:ec2/vpc:Vpc", name, cidrBlock="10.70.0.0/16").id


def attached(world: World) -> str:
    return world.one("aws:ec2/internetGateway:InternetGateway", "world-gateway", vpcId=world.vpc).id


def address(world: World, name: str = "world-address") -> str:
    return world.one("aws:ec2/eip:Eip", name).id


def gateway_told(call: Aws, made: Made) -> dict[str, Any]:
    (gateway,) = call("ec2").describe_internet_gateways(InternetGatewayIds=[made.id])["InternetGateways"]
    return {"vpcId": gateway["Attachments"][0]["VpcId"]}


def detach(call: Aws, made: Made, _: World) -> None:
    call("ec2").detach_internet_gateway(InternetGatewayId=made.id, VpcId=made.inputs["vpcId"])


def tag(call: Aws, made: Made, _: World) -> None:
    call("ec2").create_tags(Resources=[made.id], Tags=[{"Key": "outside", "Value": "yes"}])


def tag_key(call: Aws, made: Made, _: World) -> None:
    call("ec2").create_tags(Resources=[made.outputs["keyPairId"]], Tags=[{"Key": "outside", "Value": "yes"}])


def nat_told(call: Aws, made: Made) -> dict[str, Any]:
    (nat,) = call("ec2").describe_nat_gateways(NatGatewayIds=[made.id])["NatGateways"]
    return {"subnetId": nat["SubnetId"], "allocationId": nat["NatGatewayAddresses"][0]["AllocationId"]}


def routed(world: World) -> str:
    return world.one("aws:ec2/routeTable:RouteTable", "world-routed", vpcId=world.vpc).id


def route_told(call: Aws, made: Made) -> dict[str, Any]:
    (table,) = call("ec2").describe_route_tables(RouteTableIds=[made.inputs["routeTableId"]])["RouteTables"]
    (route,) = [each for each in table["Routes"] if each.get("DestinationCidrBlock") == "0.0.0.0/0"]
    return {"gatewayId": route["GatewayId"]}


def nat(world: World) -> str:
    inputs = {"subnetId": world.subnet(0), "allocationId": address(world, "world-nat-address")}
    return world.one("aws:ec2/natGateway:NatGateway", "world-nat", **inputs).id


def lead_elsewhere(call: Aws, made: Made, world: World) -> None:
    call("ec2").replace_route(
        RouteTableId=made.inputs["routeTableId"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat(world)
    )


def instance_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("ec2").describe_instances(InstanceIds=[made.id])["Reservations"][0]["Instances"][0]
    return {
        "ami": found["ImageId"],
        "instanceType": found["InstanceType"],
        "subnetId": found["SubnetId"],
        "vpcSecurityGroupIds": [group["GroupId"] for group in found["SecurityGroups"]],
        "keyName": found["KeyName"],
    }


def key(world: World) -> str:
    return world.one("aws:ec2/keyPair:KeyPair", "world-key-pair", publicKey=KEY).id


CASES = (
    Case(
        type="aws:ec2/internetGateway:InternetGateway",
        declare=lambda w: {"vpcId": vpc(w, "world-open")},
        told=gateway_told,
        change=lambda w: {"vpcId": vpc(w, "world-open-2"), "tags": {"a": "b"}},
        edit=detach,
        drifts="vpcId",
    ),
    Case(
        type="aws:ec2/eip:Eip",
        declare=lambda _: {"domain": "vpc"},
        told=lambda aws, made: {
            "domain": aws("ec2").describe_addresses(AllocationIds=[made.id])["Addresses"][0]["Domain"]
        },
        change=lambda _: {"tags": {"a": "b"}},
        edit=tag,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/natGateway:NatGateway",
        declare=lambda w: {"subnetId": w.subnet(0), "allocationId": address(w)},
        told=nat_told,
        change=lambda _: {"tags": {"a": "b"}},
        edit=tag,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/route:Route",
        declare=lambda w: {
            "routeTableId": routed(w),
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": attached(w),
        },
        told=route_told,
        change=lambda w: {"destinationCidrBlock": "10.0.0.0/8"},
        replaces=True,
        edit=lead_elsewhere,
        drifts="gatewayId",
    ),
    Case(
        type="aws:ec2/keyPair:KeyPair",
        declare=lambda _: {"publicKey": KEY},
        told=lambda aws, made: {"keyName": aws("ec2").describe_key_pairs(KeyNames=[made.id])["KeyPairs"][0]["KeyName"]},
        change=lambda _: {"tags": {"a": "b"}},
        edit=tag_key,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/instance:Instance",
        declare=lambda w: {
            "ami": AMI,
            "instanceType": "t3.micro",
            "subnetId": w.subnet(0),
            "vpcSecurityGroupIds": [w.group],
            "keyName": key(w),
            "userData": "#!/bin/bash\necho hello > index.html\n",
            "metadataOptions": {"httpTokens": "required"},
        },
        told=instance_told,
        change=lambda _: {"instanceType": "t3.small", "tags": {"a": "b"}},
        edit=tag,
        drifts="tags",
    ),
)
