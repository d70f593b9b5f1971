"""What AWS does beyond a declaration, and the records keep."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import grpc
import pytest
from botocore.exceptions import ClientError
from google.protobuf import any_pb2
from localcloud_door import Door, refusal
from localcloud_world import CONTAINERS, READ_ALL, TRUST
from pulumi.runtime.proto import provider_pb2, status_pb2

from localcloud.provider.door import ProviderDoor
from localcloud.records.record import Call, Record, text

VPC = "aws:ec2/vpc:Vpc"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ROLE = "aws:iam/role:Role"
BUCKET = "aws:s3/bucket:Bucket"
REPOSITORY = "aws:ecr/repository:Repository"
Configured = Callable[..., Door]


def test_a_group_without_inline_rules_leaves_standalone_rules_alone(door: Door, aws: Any) -> None:
    group = door.create(GROUP, "g", {"description": "x"})
    there = aws("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]
    assert there["IpPermissionsEgress"] == []
    rule = door.create(
        INGRESS_RULE,
        "r",
        {"securityGroupId": group.id, "ipProtocol": "tcp", "fromPort": 1, "toPort": 2, "cidrIpv4": "10.0.0.0/8"},
    )
    assert door.read(group) == group
    updated = door.update(group, {"description": "x", "tags": {"a": "b"}})
    assert door.read(rule) == rule
    door.delete(rule)
    door.delete(updated)


def test_an_adopted_default_group_is_left_with_what_is_declared_alone(door: Door, aws: Any) -> None:
    vpc = door.create(VPC, "v", {"cidrBlock": "10.44.0.0/16"})
    group = vpc.outputs["defaultSecurityGroupId"]
    aws("ec2").create_tags(Resources=[group], Tags=[{"Key": "old", "Value": "1"}, {"Key": "kept", "Value": "1"}])
    adopted = door.create(DEFAULT_GROUP, "d", {"vpcId": vpc.id, "tags": {"kept": "2"}})
    (there,) = aws("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert adopted.id == group
    assert there["Tags"] == [{"Key": "kept", "Value": "2"}]
    assert there["IpPermissions"] == there["IpPermissionsEgress"] == []
    door.delete(adopted)
    door.delete(vpc)


def test_inline_rules_are_equal_however_they_are_grouped(door: Door) -> None:
    def rule(*cidrs: str) -> dict[str, Any]:
        return {"protocol": "tcp", "fromPort": 80, "toPort": 80, "cidrBlocks": list(cidrs)}

    group = door.create(GROUP, "g", {"ingress": [rule("10.0.0.0/8", "10.1.0.0/16")]})
    assert door.read(group) == group
    assert not door.diff(group, {"ingress": [rule("10.1.0.0/16"), rule("10.0.0.0/8")]}).diffs
    assert list(door.diff(group, {"ingress": [rule("10.1.0.0/16")]}).diffs) == ["ingress"]
    door.delete(group)


def test_a_rule_for_itself_and_for_another_group_reads_back(door: Door) -> None:
    other = door.create(GROUP, "o", {})
    own = {"protocol": "tcp", "fromPort": 80, "toPort": 80, "self": True, "description": "own"}
    theirs = {"protocol": "-1", "fromPort": 0, "toPort": 0, "securityGroups": [other.id]}
    group = door.create(GROUP, "g", {"ingress": [own, theirs], "egress": [theirs]})
    assert door.read(group) == group
    news = {"ingress": [theirs], "egress": []}
    updated = door.update(group, news)
    assert door.read(updated) == updated
    assert updated.outputs["ingress"] == [theirs]
    door.delete(updated)
    door.delete(other)


def test_a_network_in_use_is_not_deleted_and_says_why(door: Door) -> None:
    vpc = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    group = door.create(GROUP, "g", {"vpcId": vpc.id})
    assert "DependencyViolation" in refusal(lambda: door.delete(vpc))
    door.delete(group)
    door.delete(vpc)


def test_routes_are_added_and_removed(door: Door, aws: Any) -> None:
    vpc = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    ec2 = aws("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.id)
    routed = {"vpcId": vpc.id, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway}]}
    table = door.create("aws:ec2/routeTable:RouteTable", "rt", routed)
    assert door.read(table) == table
    emptied = door.update(table, {"vpcId": vpc.id, "routes": []})
    routes = ec2.describe_route_tables(RouteTableIds=[table.id])["RouteTables"][0]["Routes"]
    assert [route["GatewayId"] for route in routes] == ["local"]
    door.delete(emptied)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.id)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    door.delete(vpc)


def test_a_key_or_secret_that_waits_for_deletion_counts_as_gone(door: Door, aws: Any) -> None:
    key = door.create("aws:kms/key:Key", "k", {"deletionWindowInDays": 7})
    secret = door.create("aws:secretsmanager/secret:Secret", "s", {})
    assert door.read(key) is not None
    assert door.read(secret) is not None
    door.delete(key)
    door.delete(secret)
    assert door.read(key) is None
    assert door.read(secret) is None
    assert aws("kms").describe_key(KeyId=key.id)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert aws("secretsmanager").describe_secret(SecretId=secret.id)["DeletedDate"]


def test_a_secret_without_recovery_window_is_gone_at_once(door: Door, aws: Any) -> None:
    secret = door.create("aws:secretsmanager/secret:Secret", "at-once", {"recoveryWindowInDays": 0})
    door.delete(secret)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("secretsmanager").describe_secret(SecretId=secret.id)


def test_a_role_with_policies_goes_only_when_declared_so(door: Door, aws: Any) -> None:
    kept = door.create(ROLE, "r", {"assumeRolePolicy": TRUST})
    aws("iam").put_role_policy(RoleName=kept.id, PolicyName="outside", PolicyDocument=READ_ALL)
    assert "DeleteConflict" in refusal(lambda: door.delete(kept))
    forced = door.update(kept, {"assumeRolePolicy": TRUST, "forceDetachPolicies": True})
    door.delete(forced)
    assert door.read(forced) is None


def test_a_bucket_with_objects_goes_only_when_declared_so(door: Door, aws: Any) -> None:
    kept = door.create(BUCKET, "b", {})
    aws("s3").put_object(Bucket=kept.id, Key="a", Body=b"x")
    assert "BucketNotEmpty" in refusal(lambda: door.delete(kept))
    forced = door.update(kept, {"forceDestroy": True})
    door.delete(forced)
    assert door.read(forced) is None


def test_a_cluster_with_services_is_not_deleted(door: Door) -> None:
    cluster = door.create("aws:ecs/cluster:Cluster", "c", {})
    task = door.create(
        "aws:ecs/taskDefinition:TaskDefinition", "t", {"family": "f", "containerDefinitions": CONTAINERS}
    )
    service = door.create(
        "aws:ecs/service:Service", "s", {"cluster": cluster.id, "taskDefinition": task.outputs["arn"]}
    )
    assert door.bring_in(service.type, f"{cluster.inputs['name']}/{service.inputs['name']}").id == service.id
    assert "ClusterContainsServices" in refusal(lambda: door.delete(cluster))
    for made in (service, task, cluster):
        door.delete(made)
        assert door.read(made) is None


# --- half-made things


def test_a_creation_that_fails_later_is_undone(door: Door, aws: Any) -> None:
    vpc = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    news = {"vpcId": vpc.id, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-00000000000000000"}]}
    assert "removed again" in refusal(lambda: door.create("aws:ec2/routeTable:RouteTable", "rt", news))
    mine = [{"Name": "vpc-id", "Values": [vpc.id]}]
    assert len(aws("ec2").describe_route_tables(Filters=mine)["RouteTables"]) == 1
    door.delete(vpc)


class NothingKept:
    """Where a provider keeps what it made, when it makes nothing."""

    def register(self, kind: str, change: Callable[[Any], Any]) -> None:
        """Nothing is kept."""

    def share(self, name: str, tell: Callable[[], Any], take: Callable[[Any], None]) -> None:
        """Nothing is kept."""

    def apply(self, kind: str, data: Any) -> Any:
        raise AssertionError((kind, data))

    def operation(self) -> AbstractContextManager[None]:
        return nullcontext()


def test_what_can_neither_be_finished_nor_removed_is_reported_with_its_id() -> None:
    def fail(call: Call) -> None:
        raise ClientError({"Error": {"Code": "Stuck", "Message": f"{call.id} is stuck"}}, "Settle")

    record = Record(
        type="aws:test/thing:Thing",
        service="ec2",
        properties={"size": text(required=True)},
        create=lambda _: "thing-1",
        settle=fail,
        read=lambda _: {},
        delete=fail,
    )
    clients: Any = None  # this record calls no cloud
    server = ProviderDoor(clients, NothingKept(), {record.type: record})
    server.start()
    try:
        with Door(server.address) as door:
            door.configure(region="eu-west-1")
            with pytest.raises(grpc.RpcError) as refused:
                door.create(record.type, "t", {"size": "big"})
        sent = dict(refused.value.trailing_metadata())["grpc-status-details-bin"]
        detail: any_pb2.Any = status_pb2.Status.FromString(sent).details[0]
        half_made = provider_pb2.ErrorResourceInitFailed()
        assert detail.Unpack(half_made)
        assert half_made.id == "thing-1"
        assert "Stuck" in half_made.reasons[0]
    finally:
        server.close()
