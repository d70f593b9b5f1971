"""How the provider door judges declarations and keeps what the published provider promises."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from localcloud_door import UNKNOWN, Door, Secret, refusal
from localcloud_world import CONTAINERS, READ_ALL, TRUST
from pulumi.runtime.proto import provider_pb2

from factory.daemons import RunFile
from localcloud.provider.values import encode, has_secret, plain

VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ROLE = "aws:iam/role:Role"
BUCKET = "aws:s3/bucket:Bucket"
REPOSITORY = "aws:ecr/repository:Repository"
Configured = Callable[..., Door]


@pytest.fixture
def configured(cloud: RunFile) -> Any:
    """Doors configured with the given arguments, closed afterwards."""
    opened: list[Door] = []

    def connect(**arguments: Any) -> Door:
        opened.append(Door(cloud.addresses["provider"]))
        opened[-1].configure(**arguments)
        return opened[-1]

    yield connect
    for door in opened:
        door._channel.close()


# --- the provider's own arguments


def test_a_provider_without_a_region_is_told_how_to_give_one(configured: Configured) -> None:
    assert "aws:region" in refusal(lambda: configured(profile="dev"))
    configured(region="eu-west-1", profile="dev")


def test_an_argument_the_local_cloud_cannot_honour_is_refused_by_name(configured: Configured) -> None:
    message = refusal(lambda: configured(region="eu-west-1", assumeRoles=[{"roleArn": "arn:aws:iam::1:role/x"}]))
    assert '"assumeRoles"' in message
    configured(region="eu-west-1", skipCredentialsValidation=True, skipMetadataApiCheck=True)


def test_another_account_than_the_allowed_one_is_refused(configured: Configured) -> None:
    wrong = {"region": "eu-west-1", "accessKey": "111122223333", "allowedAccountIds": ["123456789012"]}
    assert "111122223333" in refusal(lambda: configured(**wrong))
    right = configured(**wrong | {"allowedAccountIds": ["111122223333"]})
    identity = right.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})
    assert identity["accountId"] == "111122223333"


def test_each_connection_keeps_its_own_region_account_and_default_tags(configured: Configured) -> None:
    east = configured(region="us-east-1", defaultTags={"tags": {"from": "east"}})
    west = configured(region="us-west-2", accessKey="111122223333")
    here = east.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    there = west.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    assert here.outputs["arn"].startswith("arn:aws:ec2:us-east-1:123456789012:")
    assert there.outputs["arn"].startswith("arn:aws:ec2:us-west-2:111122223333:")
    assert (here.outputs["tagsAll"], there.outputs["tagsAll"]) == ({"from": "east"}, {})
    east.delete(here)
    west.delete(there)


def test_a_changed_default_tag_updates_and_own_tags_win(configured: Configured, aws: Any) -> None:
    first = configured(region="eu-central-1", defaultTags={"tags": {"team": "a", "app": "links"}})
    made = first.create(VPC, "v", {"cidrBlock": "10.0.0.0/16", "tags": {"team": "mine"}})
    assert made.outputs["tagsAll"] == {"team": "mine", "app": "links"}
    second = configured(region="eu-central-1", defaultTags={"tags": {"team": "a", "app": "shop"}})
    news = {"cidrBlock": "10.0.0.0/16", "tags": {"team": "mine"}}
    assert list(second.diff(made, news).detailedDiff) == ["tagsAll.app"]
    updated = second.update(made, news)
    there = aws("ec2").describe_vpcs(VpcIds=[made.id])["Vpcs"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in there} == {"team": "mine", "app": "shop"}
    assert second.read(updated) == updated
    second.delete(updated)


def test_moving_the_provider_to_another_region_replaces_it(door: Door) -> None:
    def moved(**news: Any) -> list[str]:
        request = provider_pb2.DiffRequest(old_inputs=encode({"region": "eu-west-1"}), news=encode(news))
        return list(door.stub.DiffConfig(request).replaces)

    assert moved(region="eu-west-2") == ["region"]
    assert moved(region="eu-west-1", profile="x") == []


# --- names


def test_a_name_is_made_from_the_logical_name_and_fits_the_service(door: Door) -> None:
    long_name = "Very_Long.Name" * 6
    made = door.check("aws:lb/targetGroup:TargetGroup", long_name, {"port": 80, "protocol": "HTTP"}).inputs["name"]
    bucket = door.check(BUCKET, "My_Bucket", {}).inputs["bucket"]
    alias = door.check("aws:kms/alias:Alias", "data", {"targetKeyId": "k"}).inputs["name"]
    assert 30 <= len(made) <= 32
    assert bucket.startswith("my-bucket-")
    assert alias.startswith("alias/data-")
    assert door.check(BUCKET, "My_Bucket", {}).inputs["bucket"] == bucket
    assert door.check(BUCKET, "My_Bucket", {}, seed=b"other").inputs["bucket"] != bucket


def test_a_made_name_is_kept_on_update_and_made_anew_for_a_replacement(door: Door) -> None:
    first = door.check(BUCKET, "b", {}).inputs
    assert door.check(BUCKET, "b", {}, olds=first, seed=b"later").inputs["bucket"] == first["bucket"]
    assert door.check(BUCKET, "b", {}, seed=b"later").inputs["bucket"] != first["bucket"]


def test_a_prefix_makes_the_name_and_excludes_a_name(door: Door) -> None:
    assert door.check(ROLE, "r", {"assumeRolePolicy": TRUST, "namePrefix": "run-"}).inputs["name"].startswith("run-")
    both = door.check(ROLE, "r", {"assumeRolePolicy": TRUST, "namePrefix": "run-", "name": "x"})
    assert "not both" in both.failures["namePrefix"]


def test_a_replacement_deletes_first_only_when_the_user_fixed_the_name(door: Door) -> None:
    trust, moved = {"assumeRolePolicy": TRUST}, {"assumeRolePolicy": TRUST, "path": "/app/"}
    fixed = door.create(ROLE, "r", trust | {"name": "fixed-name"})
    made = door.create(ROLE, "r", trust)
    assert door.diff(fixed, moved | {"name": "fixed-name"}).deleteBeforeReplace
    assert not door.diff(fixed, moved | {"name": "other-name"}).deleteBeforeReplace
    assert not door.diff(made, moved).deleteBeforeReplace
    policy = door.create("aws:iam/rolePolicy:RolePolicy", "p", {"role": made.id, "policy": READ_ALL})
    assert not door.diff(policy, {"role": fixed.id, "policy": READ_ALL}).deleteBeforeReplace
    for thing in (policy, fixed, made):
        door.delete(thing)


# --- what is refused, and how


def test_an_unsupported_type_names_itself_and_the_nearest_supported_one(door: Door) -> None:
    answer = door.check("aws:ec2/vpcs:Vpcs", "x", {})
    assert "aws:ec2/vpcs:Vpcs" in answer.failures[""]
    assert VPC in answer.failures[""]


def test_an_unsupported_function_is_refused_by_name(door: Door) -> None:
    assert "aws:ec2/getAmi:getAmi" in refusal(lambda: door.invoke("aws:ec2/getAmiIds:getAmiIds", {}))


def test_a_refused_property_says_what_to_do_instead(door: Door) -> None:
    role = door.check(ROLE, "r", {"assumeRolePolicy": TRUST, "inlinePolicies": [{"name": "x", "policy": "{}"}]})
    bucket = door.check(BUCKET, "b", {"versioning": {"enabled": True}})
    assert "aws.iam.RolePolicy" in role.failures["inlinePolicies"]
    assert "deprecated" in bucket.failures["versioning"]


def test_a_nested_mistake_is_named_by_its_path(door: Door) -> None:
    rule = {"protocol": "tcp", "fromPort": "80", "toPort": 80, "cidrBlock": ["10.0.0.0/8"]}
    answer = door.check(GROUP, "g", {"ingress": [rule]})
    assert set(answer.failures) == {"ingress[0].fromPort", "ingress[0].cidrBlock"}
    assert '"ingress[0].cidrBlocks"' in answer.failures["ingress[0].cidrBlock"]


def test_a_value_that_is_not_one_of_the_allowed_is_refused_with_the_list(door: Door) -> None:
    assert (
        "MUTABLE, IMMUTABLE"
        in door.check(REPOSITORY, "r", {"imageTagMutability": "SOMETIMES"}).failures["imageTagMutability"]
    )


def test_a_document_that_is_no_json_is_refused(door: Door) -> None:
    assert "not JSON" in door.check(ROLE, "r", {"assumeRolePolicy": "{"}).failures["assumeRolePolicy"]


def test_a_rule_with_two_peers_or_without_ports_is_refused(door: Door) -> None:
    peers = {"securityGroupId": "sg-1", "ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8", "prefixListId": "pl-1"}
    answer = door.check(INGRESS_RULE, "r", peers)
    assert set(answer.failures) == {"cidrIpv4", "fromPort", "toPort"}
    assert not door.check(INGRESS_RULE, "r", {"securityGroupId": UNKNOWN, "ipProtocol": "-1"}).failures


# --- differences


def test_documents_are_compared_by_meaning(door: Door) -> None:
    made = door.create(ROLE, "r", {"assumeRolePolicy": TRUST})
    spaced = json.dumps(json.loads(TRUST), indent=4)
    listed = json.loads(TRUST)
    listed["Statement"] = [listed["Statement"][0] | {"Action": ["sts:AssumeRole"]}]
    assert not door.diff(made, {"assumeRolePolicy": spaced}).diffs
    assert not door.diff(made, {"assumeRolePolicy": listed}).diffs
    assert list(door.diff(made, {"assumeRolePolicy": READ_ALL}).diffs) == ["assumeRolePolicy"]
    door.delete(made)


def test_container_definitions_are_compared_by_meaning(door: Door) -> None:
    task = "aws:ecs/taskDefinition:TaskDefinition"
    made = door.create(task, "t", {"family": "same", "containerDefinitions": CONTAINERS})
    spelled = json.loads(CONTAINERS)
    spelled[0] |= {"essential": True, "environment": [], "cpu": 0}
    spelled[0]["portMappings"] = [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]
    spelled[0] = dict(sorted(spelled[0].items()))
    assert not door.diff(made, {"family": "same", "containerDefinitions": json.dumps(spelled)}).diffs
    spelled[0]["image"] = "other"
    answer = door.diff(made, {"family": "same", "containerDefinitions": json.dumps(spelled)})
    assert list(answer.replaces) == ["containerDefinitions"]
    door.delete(made)


def test_differences_name_the_deepest_path(door: Door) -> None:
    made = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16", "tags": {"a": "1", "b.c": "2"}})
    answer = door.diff(made, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "2", "d": "3"}})
    kinds = {path: provider_pb2.PropertyDiff.Kind.Name(entry.kind) for path, entry in answer.detailedDiff.items()}
    own = {path: kind for path, kind in kinds.items() if path.startswith(("tags.", "tags["))}
    assert own == {"tags.a": "UPDATE", 'tags["b.c"]': "DELETE", "tags.d": "ADD"}
    assert door.diff(made, {"cidrBlock": "10.1.0.0/16"}).detailedDiff["cidrBlock"].kind == (
        provider_pb2.PropertyDiff.UPDATE_REPLACE
    )
    door.delete(made)


def test_ignored_changes_are_no_difference(door: Door) -> None:
    made = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": False})
    news = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True}
    assert list(door.diff(made, news).diffs) == ["enableDnsHostnames"]
    assert not door.diff(made, news, ignore=("enableDnsHostnames",)).diffs
    door.delete(made)


def test_an_unknown_value_is_a_difference(door: Door) -> None:
    made = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    assert list(door.diff(made, {"cidrBlock": UNKNOWN}).replaces) == ["cidrBlock"]
    assert not door.diff(made, {"cidrBlock": "10.0.0.0/16"}).diffs
    door.delete(made)


def test_a_preview_of_an_update_keeps_what_stays(door: Door) -> None:
    made = door.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    known = door.update(made, {"cidrBlock": "10.0.0.0/16", "tags": {"x": UNKNOWN}}, preview=True).outputs
    assert known["arn"] == made.outputs["arn"]
    assert known["tags"]["x"] is UNKNOWN
    door.delete(made)


# --- secrets


def test_secret_inputs_stay_secret_at_any_depth(door: Door, aws: Any) -> None:
    news = {"cidrBlock": "10.0.0.0/16", "tags": {"password": Secret("hunter2-and-more"), "open": "x"}}
    made = door.create(VPC, "v", news)
    assert made.outputs["tags"] == {"password": Secret("hunter2-and-more"), "open": "x"}
    assert made.outputs["tagsAll"]["password"] == Secret("hunter2-and-more")
    assert "hunter2-and-more" in str(aws("ec2").describe_vpcs(VpcIds=[made.id]))
    assert not door.diff(made, news).diffs
    found = door.read(made)
    assert found == made
    aws("ec2").create_tags(Resources=[made.id], Tags=[{"Key": "password", "Value": "edited"}])
    drifted = door.read(made)
    assert drifted is not None
    assert drifted.inputs["tags"]["password"] == Secret("edited")
    door.delete(made)


def test_a_secret_inside_a_document_taints_the_document(door: Door) -> None:
    policy = json.loads(READ_ALL)
    policy["Statement"][0]["Resource"] = Secret("arn:aws:s3:::very-private")
    inputs = door.check("aws:iam/rolePolicy:RolePolicy", "p", {"role": "r", "policy": policy}).inputs
    assert isinstance(inputs["policy"], Secret)
    assert "very-private" in plain(inputs["policy"])


def test_outputs_that_repeat_a_secret_are_secret(door: Door) -> None:
    secret = door.create(
        "aws:secretsmanager/secret:Secret", "s", {"name": Secret("project-nightfall"), "recoveryWindowInDays": 0}
    )
    assert secret.outputs["name"] == Secret("project-nightfall")
    assert has_secret(secret.outputs["arn"])
    door.delete(secret)


def test_a_secret_value_given_in_plaintext_is_kept_as_secret(door: Door) -> None:
    secret = door.create("aws:secretsmanager/secret:Secret", "plaintext", {"recoveryWindowInDays": 0})
    made = door.create(
        "aws:secretsmanager/secretVersion:SecretVersion", "v", {"secretId": secret.id, "secretString": "in the clear"}
    )
    assert made.inputs["secretString"] == made.outputs["secretString"] == Secret("in the clear")
    door.delete(made)
    door.delete(secret)


def test_an_error_does_not_repeat_a_secret(door: Door) -> None:
    message = refusal(lambda: door.create(BUCKET, "b", {"bucket": Secret("no bucket name!")}))
    assert "no bucket name!" not in message
    assert "[secret]" in message
