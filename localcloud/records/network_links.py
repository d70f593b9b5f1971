"""EC2 networks: endpoints, peering, flow logs."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.documents import policy_form
from localcloud.records.ec2 import arn, retag, tagged_as
from localcloud.records.record import REGION, TAGS, Call, Record, View, document, flag, integer, tags_from, text, texts

Json = Any


def create_endpoint(call: Call) -> str:
    """Make an endpoint of a service in a VPC."""
    inputs = call.inputs
    made = call.aws("ec2").create_vpc_endpoint(
        VpcId=inputs["vpcId"],
        ServiceName=inputs["serviceName"],
        VpcEndpointType=inputs["vpcEndpointType"],
        **call.given(
            PolicyDocument=inputs.get("policy"),
            RouteTableIds=inputs.get("routeTableIds"),
            SubnetIds=inputs.get("subnetIds"),
            SecurityGroupIds=inputs.get("securityGroupIds"),
            PrivateDnsEnabled=inputs.get("privateDnsEnabled"),
        ),
        **tagged_as("vpc-endpoint", call),
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def update_endpoint(call: Call) -> None:
    """Change policy and tags."""
    if call.changed("policy") and call.inputs.get("policy"):
        call.aws("ec2").modify_vpc_endpoint(VpcEndpointId=call.id, PolicyDocument=call.inputs["policy"])
    retag(call)


def read_endpoint(call: Call) -> View | None:
    """An endpoint; EC2 still lists a deleted one for a while."""
    found = call.aws("ec2").describe_vpc_endpoints(VpcEndpointIds=[call.id])["VpcEndpoints"]
    if not found or str(found[0]["State"]).lower() in {"deleted", "deleting"}:
        return None
    endpoint = found[0]
    return {
        "vpcId": endpoint["VpcId"],
        "serviceName": endpoint["ServiceName"],
        "vpcEndpointType": endpoint["VpcEndpointType"],
        "policy": endpoint.get("PolicyDocument") or None,
        "routeTableIds": endpoint.get("RouteTableIds") or [],
        "subnetIds": endpoint.get("SubnetIds") or [],
        "securityGroupIds": [each["GroupId"] for each in endpoint.get("Groups") or []],
        "privateDnsEnabled": bool(endpoint.get("PrivateDnsEnabled")),
        "state": str(endpoint["State"]).lower(),
        "ownerId": endpoint.get("OwnerId", call.account),
        "prefixListId": prefix_list_of(call.aws("ec2"), endpoint),
        "arn": arn(call, "vpc-endpoint", call.id),
        "tagsAll": tags_from(endpoint.get("Tags")),
    }


def prefix_list_of(ec2: Any, endpoint: Mapping[str, Json]) -> str:
    """The addresses behind a gateway, as firewall rules name them; an interface has none: it is in the network."""
    if endpoint["VpcEndpointType"] != "Gateway":
        return ""
    lists = ec2.describe_prefix_lists()["PrefixLists"]
    return next((str(each["PrefixListId"]) for each in lists if each["PrefixListName"] == endpoint["ServiceName"]), "")


def delete_endpoint(call: Call) -> None:
    """Remove an endpoint (moto stumbles over one that is gone)."""
    if read_endpoint(call) is not None:
        call.aws("ec2").delete_vpc_endpoints(VpcEndpointIds=[call.id])


def create_peering(call: Call) -> str:
    """Ask another VPC for peering."""
    inputs = call.inputs
    made = call.aws("ec2").create_vpc_peering_connection(
        VpcId=inputs["vpcId"],
        PeerVpcId=inputs["peerVpcId"],
        **call.given(PeerOwnerId=inputs.get("peerOwnerId"), PeerRegion=inputs.get("peerRegion")),
        **tagged_as("vpc-peering-connection", call),
    )
    return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])


def settle_peering(call: Call) -> None:
    """Accept it in the other VPC's name, where that is declared."""
    if call.inputs.get("autoAccept"):
        call.aws("ec2").accept_vpc_peering_connection(VpcPeeringConnectionId=call.id)


def read_peering(call: Call) -> View | None:
    """A peering; EC2 still lists a deleted one for a while."""
    found = call.aws("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[call.id])
    (peering,) = found["VpcPeeringConnections"]
    status = peering["Status"]["Code"]
    if status in {"deleted", "rejected", "expired", "failed"}:
        return None
    return {
        "vpcId": peering["RequesterVpcInfo"]["VpcId"],
        "peerVpcId": peering["AccepterVpcInfo"]["VpcId"],
        "peerOwnerId": peering["AccepterVpcInfo"].get("OwnerId"),
        "peerRegion": peering["AccepterVpcInfo"].get("Region"),
        "acceptStatus": status,
        "tagsAll": tags_from(peering.get("Tags")),
    }


def delete_peering(call: Call) -> None:
    """End a peering."""
    call.aws("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=call.id)


def create_flow_log(call: Call) -> str:
    """Log what flows through a VPC, a subnet or an interface."""
    inputs = call.inputs
    kind, name = next((kind, name) for name, kind in WATCHED.items() if inputs.get(name))
    made = call.aws("ec2").create_flow_logs(
        ResourceIds=[inputs[name]],
        ResourceType=kind,
        TrafficType=inputs["trafficType"],
        LogDestinationType=inputs["logDestinationType"],
        MaxAggregationInterval=inputs["maxAggregationInterval"],
        **call.given(
            LogDestination=inputs.get("logDestination"),
            DeliverLogsPermissionArn=inputs.get("iamRoleArn"),
            LogFormat=inputs.get("logFormat"),
        ),
        **tagged_as("vpc-flow-log", call),
    )
    if made.get("Unsuccessful"):
        problem = made["Unsuccessful"][0]["Error"]
        raise call.aws("ec2").exceptions.ClientError({"Error": problem}, "CreateFlowLogs")
    return str(made["FlowLogIds"][0])


def read_flow_log(call: Call) -> View | None:
    """A flow log."""
    found = call.aws("ec2").describe_flow_logs(FlowLogIds=[call.id])["FlowLogs"]
    if not found:
        return None
    log = found[0]
    prefixes = {"vpc-": "vpcId", "subnet-": "subnetId", "eni-": "eniId"}
    watched = next(name for prefix, name in prefixes.items() if log["ResourceId"].startswith(prefix))
    return {
        watched: log["ResourceId"],
        "trafficType": log["TrafficType"],
        "logDestinationType": log["LogDestinationType"],
        "logDestination": log.get("LogDestination") or None,
        "iamRoleArn": log.get("DeliverLogsPermissionArn") or None,
        "logFormat": log.get("LogFormat"),
        "maxAggregationInterval": int(log.get("MaxAggregationInterval") or 600),
        "arn": arn(call, "vpc-flow-log", call.id),
        "tagsAll": tags_from(log.get("Tags")),
    }


def delete_flow_log(call: Call) -> None:
    """Log no more."""
    call.aws("ec2").delete_flow_logs(FlowLogIds=[call.id])


def check_flow_log(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A flow log is of one thing, and goes somewhere."""
    if sum(bool(inputs.get(name)) for name in WATCHED) != 1:
        return [("vpcId", f"give one of {', '.join(WATCHED)}")]
    if not inputs.get("logDestination"):
        return [("logDestination", "give the ARN of a log group or a bucket")]
    return []


WATCHED: Final = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}
RECORDS = (
    Record(
        type="aws:ec2/vpcEndpoint:VpcEndpoint",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "serviceName": text(required=True, replaces=True),
            "vpcEndpointType": text(default="Gateway", replaces=True, one_of=("Gateway", "Interface")),
            "policy": document(cloud_decides=True, same_as=policy_form),
            # In place on AWS; moto then knows the routes no more that it made, and cannot delete the endpoint.
            "routeTableIds": texts(cloud_decides=True, replaces=True),
            "subnetIds": texts(cloud_decides=True, replaces=True),
            "securityGroupIds": texts(cloud_decides=True, replaces=True),
            "privateDnsEnabled": flag(cloud_decides=True, replaces=True),
            "autoAccept": flag(no_effect="an endpoint is there at once"),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "ownerId", "prefixListId", "state"),
        create=create_endpoint,
        read=read_endpoint,
        update=update_endpoint,
        delete=delete_endpoint,
        gone=("InvalidVpcEndpointId.NotFound",),
    ),
    Record(
        type="aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "peerVpcId": text(required=True, replaces=True),
            "peerOwnerId": text(cloud_decides=True, replaces=True),
            "peerRegion": text(cloud_decides=True, replaces=True),
            "autoAccept": flag(unread=True, replaces=True),
            **TAGS,
            **REGION,
        },
        outputs=("acceptStatus",),
        create=create_peering,
        settle=settle_peering,
        read=read_peering,
        update=retag,
        delete=delete_peering,
        gone=("InvalidVpcPeeringConnectionId.NotFound", "InvalidVpcPeeringConnectionID.NotFound"),
        refused={
            "accepter": "the local cloud resolves no names between peers",
            "requester": "the local cloud resolves no names between peers",
        },
    ),
    Record(
        type="aws:ec2/flowLog:FlowLog",
        service="ec2",
        properties={
            **{name: text(replaces=True) for name in WATCHED},
            "trafficType": text(default="ALL", replaces=True, one_of=("ALL", "ACCEPT", "REJECT")),
            "logDestinationType": text(default="cloud-watch-logs", replaces=True, one_of=("cloud-watch-logs", "s3")),
            "logDestination": text(replaces=True),
            "iamRoleArn": text(replaces=True),
            "logFormat": text(cloud_decides=True, replaces=True),
            "maxAggregationInterval": integer(default=600, replaces=True),
            **TAGS,
            **REGION,
        },
        create=create_flow_log,
        read=read_flow_log,
        update=retag,
        delete=delete_flow_log,
        gone=("InvalidFlowLogId.NotFound",),
        check=check_flow_log,
        refused={"destinationOptions": "the local cloud writes no files of flow logs"},
    ),
)
