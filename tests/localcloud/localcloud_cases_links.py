"""The contract cases of endpoints, peering, flow logs, further ranges, and names for what has an address."""

from typing import Any

from localcloud_cases_ec2 import tag, vpc
from localcloud_door import Made
from localcloud_world import READ_ALL, TRUST, Aws, Case, World


def endpoint_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("ec2").describe_vpc_endpoints(VpcEndpointIds=[made.id])["VpcEndpoints"]
    return {"serviceName": found["ServiceName"], "routeTableIds": found["RouteTableIds"], "vpcId": found["VpcId"]}


def peering_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[made.id])
    (peering,) = found["VpcPeeringConnections"]
    assert peering["Status"]["Code"] == "active"
    return {"vpcId": peering["RequesterVpcInfo"]["VpcId"], "peerVpcId": peering["AccepterVpcInfo"]["VpcId"]}


def flow_log_told(call: Aws, made: Made) -> dict[str, Any]:
    (log,) = call("ec2").describe_flow_logs(FlowLogIds=[made.id])["FlowLogs"]
    return {"vpcId": log["ResourceId"], "trafficType": log["TrafficType"]}


def range_told(call: Aws, made: Made) -> dict[str, Any]:
    ranges = [
        {"vpcId": network["VpcId"], "cidrBlock": each["CidrBlock"]}
        for network in call("ec2").describe_vpcs()["Vpcs"]
        for each in network["CidrBlockAssociationSet"]
        if each["AssociationId"] == made.id and each["CidrBlockState"]["State"] == "associated"
    ]
    (found,) = ranges
    return found


def service_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("servicediscovery").get_service(Id=made.id)["Service"]
    (record,) = found["DnsConfig"]["DnsRecords"]
    return {
        "dnsConfig": {
            "namespaceId": found["NamespaceId"],
            "dnsRecords": [{"type": record["Type"], "ttl": record["TTL"]}],
        },
        "description": found["Description"],
    }


def named(namespace: str, seconds: int) -> dict[str, Any]:
    return {"dnsConfig": {"namespaceId": namespace, "dnsRecords": [{"type": "A", "ttl": seconds}]}}


def namespace(world: World) -> str:
    token = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
    return world.one(token, "world-names", vpc=world.vpc, name="world.internal").id


def logs(world: World) -> str:
    return str(world.one("aws:cloudwatch/logGroup:LogGroup", "world-flow").outputs["arn"])


def role(world: World) -> str:
    return str(world.one("aws:iam/role:Role", "world-flow-role", assumeRolePolicy=TRUST).outputs["arn"])


def table(world: World, name: str) -> str:
    return world.one("aws:ec2/routeTable:RouteTable", name, vpcId=world.vpc).id


CASES = (
    Case(
        type="aws:ec2/vpcEndpoint:VpcEndpoint",
        declare=lambda w: {
            "vpcId": w.vpc,
            "serviceName": "com.amazonaws.eu-central-1.s3",
            "routeTableIds": [table(w, "world-endpoint")],
        },
        told=endpoint_told,
        change=lambda _: {"policy": READ_ALL, "tags": {"a": "b"}},
        edit=tag,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        declare=lambda w: {"vpcId": w.vpc, "peerVpcId": vpc(w, "world-peer"), "autoAccept": True},
        told=peering_told,
        change=lambda _: {"tags": {"a": "b"}},
        edit=tag,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/flowLog:FlowLog",
        declare=lambda w: {
            "vpcId": vpc(w, "world-watched"),
            "trafficType": "REJECT",
            "logDestination": logs(w),
            "iamRoleArn": role(w),
        },
        told=flow_log_told,
        change=lambda _: {"tags": {"a": "b"}},
        edit=tag,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
        declare=lambda w: {"vpcId": w.vpc, "cidrBlock": "10.98.0.0/27"},
        told=range_told,
        change=lambda _: {"cidrBlock": "10.98.0.32/27"},
        replaces=True,
    ),
    Case(
        type="aws:servicediscovery/service:Service",
        declare=lambda w: {**named(namespace(w), 10), "description": "ours"},
        told=service_told,
        change=lambda w: {**named(namespace(w), 60), "tags": {"a": "b"}},
        edit=lambda aws, made, w: aws("servicediscovery").update_service(
            Id=made.id, Service={"Description": "edited", "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 60}]}}
        ),
        drifts="description",
    ),
)
