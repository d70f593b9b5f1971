"""What the cloud holds is what app.yaml declares: everything created is read back by boto3, not from the state."""

import http.client
import json
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError
from e2e_place import Documented, Place, wait_for

from console.demo.inventory import Cloud, inventory
from factory.iam import Policies, may_ever, parse
from factory.spec import source_digest

pytestmark = pytest.mark.e2e

ACCOUNT = "123456789012"
REGION = "eu-central-1"
TAGS = {"app": "links", "owner": "web-team", "cost-center": "web-team", "managed-by": "millwright"}


@pytest.fixture(scope="module")
def place(documented: Documented) -> Place:
    return documented.place


@pytest.fixture(scope="module")
def cloud(place: Place) -> Cloud:
    return place.cloud


@pytest.fixture(scope="module")
def held(cloud: Cloud) -> dict[str, list[str]]:
    return inventory(cloud)


def tags(found: Any, *, key: str = "Key", value: str = "Value") -> dict[str, str]:
    pairs = found if isinstance(found, list) else list(found)
    return {pair[key]: pair[value] for pair in pairs}


def assert_tagged(found: dict[str, str], name: str, environment: str) -> None:
    own = {key: found[key] for key in found if key == "function"}
    assert found == TAGS | own | {"Name": name, "environment": environment}


def test_nothing_was_created_that_these_tests_do_not_read(held: dict[str, list[str]]) -> None:
    assert {kind: len(found) for kind, found in held.items()} == {
        "network": 2,
        "subnet": 4,
        "route table": 2,
        "firewall": 6,
        "firewall rule": 9,
        "endpoint": 14,
        "flow log": 2,
        "key": 2,
        "key alias": 2,
        "secret": 4,
        "role": 9,
        "policy": 1,
        "log group": 7,
        "image repository": 1,
        "cluster": 2,
        "task definition": 3,
        "service": 1,
        "load balancer": 1,
        "target group": 1,
        "listener": 1,
        "database": 2,
        "database network": 2,
        "pipeline": 1,
        "build project": 1,
        "alarm": 3,
        "topic": 3,
        "budget": 2,
        "bucket": 1,
    }


@pytest.mark.parametrize(
    ("environment", "cidr", "subnets"),
    [
        ("build", "10.20.0.0/18", ["10.20.0.0/19", "10.20.32.0/19"]),
        ("staging", "10.20.64.0/18", ["10.20.64.0/19", "10.20.96.0/19"]),
    ],
)
def test_each_environment_has_its_own_closed_network(
    cloud: Cloud, environment: str, cidr: str, subnets: list[str]
) -> None:
    ec2 = cloud.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:environment", "Values": [environment]}])["Vpcs"]
    assert vpc["CidrBlock"] == cidr
    assert_tagged(tags(vpc["Tags"]), f"links-{environment}", environment)
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        said = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
        assert said[attribute[0].upper() + attribute[1:]]["Value"] is True
    here = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    found = sorted(ec2.describe_subnets(Filters=here)["Subnets"], key=lambda subnet: subnet["CidrBlock"])
    assert [subnet["CidrBlock"] for subnet in found] == subnets
    assert [subnet["AvailabilityZone"] for subnet in found] == [f"{REGION}a", f"{REGION}b"]
    assert {subnet["MapPublicIpOnLaunch"] for subnet in found} == {False}
    tables = ec2.describe_route_tables(Filters=here)["RouteTables"]
    ways = [route.get("GatewayId") for table in tables for route in table["Routes"]]
    # S3's own endpoint is a route; nothing leads outside.
    assert [way for way in ways if not str(way).startswith("vpce-")] == ["local"] * len(tables)
    (made,) = [table for table in tables if not any(a.get("Main") for a in table["Associations"])]
    assert {a["SubnetId"] for a in made["Associations"]} == {subnet["SubnetId"] for subnet in found}


@pytest.mark.parametrize("environment", ["build", "staging"])
def test_each_environment_has_its_own_rotated_key(cloud: Cloud, environment: str) -> None:
    kms = cloud.client("kms")
    key = kms.describe_key(KeyId=f"alias/links-{environment}")["KeyMetadata"]
    assert (key["KeyState"], key["KeyManager"], key["MultiRegion"]) == ("Enabled", "CUSTOMER", False)
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
    account, logs = policy["Statement"]
    assert account["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    assert f"{REGION}:{ACCOUNT}:log-group:*" in json.dumps(logs["Condition"])
    found = tags(kms.list_resource_tags(KeyId=key["KeyId"])["Tags"], key="TagKey", value="TagValue")
    assert_tagged(found, f"links-{environment}", environment)


@pytest.mark.parametrize("environment", ["build", "staging"])
def test_each_environment_has_its_own_secret(cloud: Cloud, environment: str) -> None:
    secrets = cloud.client("secretsmanager")
    secret = secrets.describe_secret(SecretId=f"links/{environment}/signing-key")
    assert (
        secret["KmsKeyId"] == cloud.client("kms").describe_key(KeyId=f"alias/links-{environment}")["KeyMetadata"]["Arn"]
    )
    assert_tagged(tags(secret["Tags"]), f"links-{environment}-signing-key", environment)
    other = {"build": "staging", "staging": "build"}[environment]
    values = [secrets.get_secret_value(SecretId=f"links/{e}/signing-key")["SecretString"] for e in (environment, other)]
    assert values[0] != values[1]
    assert len(values[0]) >= 32


@pytest.mark.parametrize(
    ("role", "name", "environment", "actions"),
    [
        ("links-build-coder", "links-build-coder", "build", {}),
        ("links-build-code-reviewer", "links-build-code-reviewer", "build", {}),
        ("links-build-agents-start", "links-build-agents-start", "build", {"ecr", "logs"}),
        ("links-staging-web", "links-staging-web", "staging", {}),
        ("links-staging-web-start", "links-staging-web-start", "staging", {"ecr", "kms", "logs", "secretsmanager"}),
    ],
)
def test_each_role_may_do_its_own_work_only(
    cloud: Cloud, role: str, name: str, environment: str, actions: set[str]
) -> None:
    iam = cloud.client("iam")
    found = iam.get_role(RoleName=role)["Role"]
    trust, *tagged = found["AssumeRolePolicyDocument"]["Statement"]
    assert len(tagged) == ("PermissionsBoundary" in found) == name.endswith(("coder", "reviewer"))
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"},
    }
    assert_tagged(tags(found["Tags"]), name, environment)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    allowed = set()
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]:
            allowed |= {action.split(":")[0] for action in statement["Action"]}
            assert statement["Resource"] != ["*"] or statement["Action"] == ["ecr:GetAuthorizationToken"]
    assert allowed == set(actions)


def test_nothing_makes_an_agent_an_administrator_and_no_role_writes_an_audit_trail(cloud: Cloud) -> None:
    iam, secrets = cloud.client("iam"), cloud.client("secretsmanager")
    arn = iam.get_role(RoleName="links-build-coder")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    boundary = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    limited = Policies(identity=[parse(everything, name="all")], boundary=parse(boundary, name="boundary"))
    own, other = (secrets.describe_secret(SecretId=f"links/{e}/signing-key")["ARN"] for e in ("build", "staging"))
    assert may_ever(limited, "secretsmanager:GetSecretValue", own)
    assert not any(may_ever(limited, *asked) for asked in (("secretsmanager:*", other), ("iam:*", "*"), ("s3:*", "*")))
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    inline = [(role, name) for role in roles for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]
    texts = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for role, name in inline]
    granted = [Policies(identity=[parse(text, name="inline")]) for text in texts]
    trails = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/millwright/links-%s-audit:*"
    for action, environment in product(("logs:Put*", "logs:Delete*", "logs:Create*"), ("build", "staging")):
        assert not any(may_ever(policies, action, trails % environment) for policies in (limited, *granted))
    assert any(may_ever(policies, "logs:PutLogEvents", "*") for policies in granted)


@pytest.mark.parametrize(("name", "environment"), [("links-build-agents", "build"), ("links-staging-web", "staging")])
def test_logs_are_kept_a_year_and_encrypted(cloud: Cloud, name: str, environment: str) -> None:
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=f"/millwright/{name}")["logGroups"]
    assert group["retentionInDays"] == 365
    key = cloud.client("kms").describe_key(KeyId=f"alias/links-{environment}")["KeyMetadata"]
    assert group["kmsKeyId"] == key["Arn"]
    assert_tagged(
        cloud.client("logs").list_tags_log_group(logGroupName=group["logGroupName"])["tags"], name, environment
    )


def test_the_registry_is_immutable_scanned_encrypted_and_closed(cloud: Cloud) -> None:
    (repository,) = cloud.client("ecr").describe_repositories()["repositories"]
    assert repository["repositoryName"] == "links"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfiguration"]["encryptionType"] == "KMS"
    found = cloud.client("ecr").list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert_tagged(tags(found), "links-build", "build")
    s3, bucket = cloud.client("s3"), f"links-build-artefacts-{ACCOUNT}"
    assert list(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == [True] * 4
    (denied,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert_tagged(tags(s3.get_bucket_tagging(Bucket=bucket)["TagSet"]), "links-build", "build")


def test_agent_tasks_are_confined_and_have_their_own_identity(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    for function, cpu, memory in (("coder", "1024", "2048"), ("code-reviewer", "512", "1024")):
        answer = ecs.describe_task_definition(taskDefinition=f"links-build-agents-{function}", include=["TAGS"])
        task = answer["taskDefinition"]
        assert (task["cpu"], task["memory"], task["networkMode"]) == (cpu, memory, "awsvpc")
        assert task["taskRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/links-build-{function}"
        assert task["executionRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/links-build-agents-start"
        (container,) = task["containerDefinitions"]
        assert_confined(container)
        found = tags(answer["tags"], key="key", value="value")
        assert_tagged(found, f"links-build-agents-{function}", "build")


def assert_confined(container: dict[str, Any]) -> None:
    assert container["user"] == "65532:65532"
    assert container["readonlyRootFilesystem"] is True
    assert container["privileged"] is False
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert "@sha256:" in container["image"]


def test_the_service_keeps_the_artefact_running_behind_an_internal_balancer(cloud: Cloud, place: Place) -> None:
    ecs = cloud.client("ecs")
    for cluster in ecs.describe_clusters(
        clusters=["links-staging-web", "links-build-agents"], include=["SETTINGS", "TAGS"]
    )["clusters"]:
        assert cluster["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    (service,) = ecs.describe_services(cluster="links-staging-web", services=["links-staging-web"])["services"]
    assert (service["desiredCount"], service["launchType"]) == (1, "FARGATE")
    inside = service["networkConfiguration"]["awsvpcConfiguration"]
    assert inside["assignPublicIp"] == "DISABLED"
    assert len(inside["subnets"]) == 2
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    (container,) = task["containerDefinitions"]
    assert_confined(container)
    assert container["image"].endswith(f"/links@{source_digest(place.root.apps / 'links' / 'source')}")
    assert [p["containerPort"] for p in container["portMappings"]] == [8080]
    assert [s["name"] for s in container["secrets"]] == ["DATABASE_URL", "SIGNING_KEY"]
    assert container["environment"] == [{"name": "APP_ENVIRONMENT", "value": "staging"}]
    elb = cloud.client("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    assert (balancer["Scheme"], balancer["Type"]) == ("internal", "application")
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(inside["subnets"])
    (group,) = elb.describe_target_groups()["TargetGroups"]
    assert (group["Port"], group["Protocol"], group["TargetType"]) == (8080, "HTTP", "ip")
    assert (group["HealthCheckPath"], group["Matcher"]["HttpCode"]) == ("/health", "200")
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (80, "HTTP")
    assert [a["TargetGroupArn"] for a in listener["DefaultActions"]] == [group["TargetGroupArn"]]
    assert service["loadBalancers"][0]["targetGroupArn"] == group["TargetGroupArn"]
    watched = service["deploymentConfiguration"]
    assert watched["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert (watched["alarms"]["enable"], watched["alarms"]["rollback"]) == (True, True)
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert sorted(watched["alarms"]["alarmNames"]) == sorted(alarm["AlarmName"] for alarm in alarms)
    place_of = {"LoadBalancer": balancer["LoadBalancerArn"], "TargetGroup": group["TargetGroupArn"]}
    for alarm in alarms:
        (topic,) = alarm["AlarmActions"]
        assert topic.endswith(":links-staging-web-alarms")
        assert all(place_of[each["Name"]].endswith(each["Value"]) for each in alarm["Dimensions"])


def test_ci_stands_beside_the_registry_and_a_person_before_production(cloud: Cloud) -> None:
    pipelines, builds = cloud.client("codepipeline"), cloud.client("codebuild")
    pipeline = pipelines.get_pipeline(name="links-build-ci")["pipeline"]
    assert [stage["name"] for stage in pipeline["stages"]] == ["Source", "Test", "Approve", "Deploy"]
    assert pipeline["artifactStore"]["location"] == f"links-build-artefacts-{ACCOUNT}"
    key = cloud.client("kms").describe_key(KeyId="alias/links-build")["KeyMetadata"]["Arn"]
    (project,) = builds.batch_get_projects(names=["links-build-ci"])["projects"]
    assert (project["encryptionKey"], pipeline["artifactStore"]["encryptionKey"]["id"]) == (key, key)
    assert project["environment"]["privilegedMode"] is False
    assert_tagged(tags(project["tags"], key="key", value="value"), "links-build-ci", "build")
    versions = cloud.client("s3").get_bucket_versioning(Bucket=f"links-build-artefacts-{ACCOUNT}")
    assert versions["Status"] == "Enabled"
    # Records: nothing runs them here, and whoever tries is told so.
    with pytest.raises(ClientError, match="nothing runs it here"):
        pipelines.start_pipeline_execution(name="links-build-ci")


def test_only_the_network_reaches_the_balancer_and_only_the_balancer_the_service(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    made = {g["GroupName"]: g for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] != "default"}
    front, back = made["links-staging-web-front"], made["links-staging-web-back"]
    for name, group in made.items():
        assert_tagged(tags(group["Tags"]), name, name.split("-")[1])
    (into_front,) = front["IpPermissions"]
    assert [r["CidrIp"] for r in into_front["IpRanges"]] == ["10.20.64.0/18"]
    assert (into_front["FromPort"], into_front["ToPort"]) == (80, 80)
    (out_of_front,) = front["IpPermissionsEgress"]
    assert [p["GroupId"] for p in out_of_front["UserIdGroupPairs"]] == [back["GroupId"]]
    (into_back,) = back["IpPermissions"]
    assert [p["GroupId"] for p in into_back["UserIdGroupPairs"]] == [front["GroupId"]]
    assert (into_back["FromPort"], into_back["ToPort"]) == (8080, 8080)
    reached = {(p["FromPort"], pair["GroupId"]) for p in back["IpPermissionsEgress"] for pair in p["UserIdGroupPairs"]}
    database, endpoints = made["links-staging-database"], made["links-staging-endpoints"]
    assert reached == {(5432, database["GroupId"]), (443, endpoints["GroupId"])}
    assert not [r for p in back["IpPermissionsEgress"] for r in p["IpRanges"]]
    (into_database,) = database["IpPermissions"]
    assert [p["GroupId"] for p in into_database["UserIdGroupPairs"]] == [back["GroupId"]]
    assert database["IpPermissionsEgress"] == []


@pytest.mark.parametrize("environment", ["build", "staging"])
def test_each_environment_has_its_own_private_database(cloud: Cloud, environment: str) -> None:
    rds = cloud.client("rds")
    (found,) = rds.describe_db_instances(DBInstanceIdentifier=f"links-{environment}-database")["DBInstances"]
    key = cloud.client("kms").describe_key(KeyId=f"alias/links-{environment}")["KeyMetadata"]
    assert (found["PubliclyAccessible"], found["StorageEncrypted"], found["KmsKeyId"]) == (False, True, key["Arn"])
    assert (found["DBInstanceStatus"], found["DeletionProtection"]) == ("available", False)
    assert_tagged(tags(found["TagList"]), f"links-{environment}-database", environment)
    secret = cloud.client("secretsmanager").describe_secret(SecretId=f"links/{environment}/database-url")
    assert secret["KmsKeyId"] == key["Arn"]


def test_links_are_kept_in_the_database_and_outlive_every_copy(cloud: Cloud, place: Place) -> None:
    address = place.millwright("outputs", "links", "staging", "--json").documents[0]["service"]["address"]
    host, _, port = address.partition(":")

    def ask(method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
        connection.request(method, path, body, {"Host": host})
        return connection.getresponse()

    wait_for(lambda: ask("GET", "/health").status == 200)
    made = json.load(ask("POST", "/links", json.dumps({"url": "https://example.org/kept"})))
    ecs = cloud.client("ecs")
    old = ecs.list_tasks(cluster="links-staging-web", desiredStatus="RUNNING")["taskArns"]
    for task in old:
        ecs.stop_task(cluster="links-staging-web", task=task)
    wait_for(
        lambda: not set(old) & set(ecs.list_tasks(cluster="links-staging-web", desiredStatus="RUNNING")["taskArns"])
    )
    wait_for(lambda: ask("GET", f"/{made['code']}").status == 302)
