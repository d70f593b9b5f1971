"""Identities, containers, secrets and names: what must hold for any app, whatever its spec says."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from component_mocks import (
    ACCOUNT,
    ARTEFACT,
    REGION,
    SECRET,
    Declared,
    declared_factory,
    declared_platform,
    letting_out,
    spec_of,
)
from hypothesis import Phase, given, settings
from spec_strategies import specs

from components.aws.documents import statement
from components.naming import physical_name
from factory.spec import APP_NAME_LENGTH, PART_NAME_LENGTH, AppSpec, Environment

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
# Type: the property with the physical name, its limit, what the service allows (AWS API references).
NAMES = {
    ROLE: ("name", 64, r"[\w+=,.@-]+"),
    "aws:lb/loadBalancer:LoadBalancer": ("name", 32, r"(?!internal-)[A-Za-z0-9](-?[A-Za-z0-9])*"),
    "aws:lb/targetGroup:TargetGroup": ("name", 32, r"[A-Za-z0-9](-?[A-Za-z0-9])*"),
    "aws:s3/bucket:Bucket": ("bucket", 63, r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]+[a-z0-9](?<!-s3alias)"),
    "aws:ecr/repository:Repository": ("name", 256, r"[a-z0-9](-?[a-z0-9])+"),
    "aws:ec2/securityGroup:SecurityGroup": ("name", 255, r"(?!sg-)[a-z0-9-]+"),
    "aws:codebuild/project:Project": ("name", 150, r"[A-Za-z0-9][A-Za-z0-9_-]+"),
    "aws:codepipeline/pipeline:Pipeline": ("name", 100, r"[A-Za-z0-9.@_-]+"),
    "aws:ecs/cluster:Cluster": ("name", 255, r"[a-zA-Z0-9_-]+"),
    "aws:ecs/service:Service": ("name", 255, r"[a-zA-Z0-9_-]+"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name", 255, r"[a-z0-9-]+"),
    TASK: ("family", 255, r"[a-zA-Z0-9_-]+"),
    "aws:cloudwatch/logGroup:LogGroup": ("name", 512, r"(?!aws/)[a-zA-Z0-9._/#-]+"),
    "aws:kms/alias:Alias": ("name", 256, r"alias/(?!aws/)[a-zA-Z0-9/_-]+"),
    "aws:budgets/budget:Budget": ("name", 100, r"[^:\\\\]+"),
    "aws:rds/instance:Instance": ("identifier", 63, r"[a-z](-?[a-z0-9])*"),
    "aws:rds/subnetGroup:SubnetGroup": ("name", 255, r"[a-z0-9. _-]+"),
    "aws:sns/topic:Topic": ("name", 256, r"[A-Za-z0-9_-]+"),
    "aws:sqs/queue:Queue": ("name", 80, r"[A-Za-z0-9_-]+"),
    "aws:cloudtrail/trail:Trail": ("name", 128, r"[A-Za-z0-9][A-Za-z0-9._-]+"),
    # A DNS name, whose first part is the stack's.
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": ("name", 63, r"[a-z](-?[a-z0-9])*[.]internal"),
    "aws:iam/policy:Policy": ("name", 128, r"[\w+=,.@-]+"),
    "aws:secretsmanager/secret:Secret": ("name", 512, r"[a-zA-Z0-9/_+=.@-]+"),
}
# Named after what they belong to, or not named at all.
UNNAMED = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:sns/topicPolicy:TopicPolicy",
    ROLE_POLICY,
    "aws:ec2/eip:Eip",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
    # In a namespace of its own.
    "aws:servicediscovery/service:Service",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:kms/key:Key",
    "aws:lb/listener:Listener",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
}
TWO_SECRETS = {
    "secrets": {"signing-key": {}, "mail-token": {}},
    "agents": {"coder": {"secrets": ["signing-key"]}, "tester": {"secrets": ["mail-token"]}, "planner": {}},
}


def _of(declared: list[Declared], *types: str) -> list[Declared]:
    return [resource for resource in declared if resource.type in types]


def _statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]


def _names(declared: list[Declared]) -> Iterator[tuple[str, str]]:
    for resource in declared:
        if resource.type in NAMES:
            yield resource.type, resource.inputs[NAMES[resource.type][0]]


def _everything(*specs: AppSpec) -> list[Declared]:
    """All that apps have, and what they share."""
    own = [
        resource for spec in specs for environment in Environment for resource in declared_factory(spec, environment)
    ]
    return own + declared_platform()


def _wrong_names(declared: list[Declared]) -> list[tuple[str, str]]:
    found = list(_names(declared))
    bad = [(t, name) for t, name in found if len(name) > NAMES[t][1] or not re.fullmatch(NAMES[t][2], name)]
    # IAM takes `A` and `a` for one name; nobody is helped by names that differ in case only.
    return bad + [pair for pair, count in Counter((t, name.lower()) for t, name in found).items() if count > 1]


def test_every_type_has_a_rule_for_its_name() -> None:
    types = {resource.type for resource in _everything(spec_of(), letting_out()) if not resource.is_component}
    assert types == set(NAMES) | UNNAMED


# Shrinking a failure would take minutes: a build costs a tenth of a second.
@settings(max_examples=3, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(specs(), specs())
def test_any_two_apps_can_stand_in_one_account_in_all_environments(one: AppSpec, other: AppSpec) -> None:
    declared = _everything(*{spec.name: spec for spec in (one, other)}.values())
    assert _wrong_names(declared) == []


def test_the_longest_names_fit_and_a_name_too_long_would_be_noticed() -> None:
    app, part = "a" * APP_NAME_LENGTH, "b" * PART_NAME_LENGTH
    longest = spec_of(name=app, services={part: {"port": 8080}}, secrets={part: {}}, agents={"security-reviewer": {}})
    declared = _everything(longest)
    assert _wrong_names(declared) == []
    (balancer, *_) = _of(declared, "aws:lb/loadBalancer:LoadBalancer")
    assert len(balancer.inputs["name"]) == 32
    balancer.inputs["name"] += "x"
    assert len(_wrong_names(declared)) == 1


@pytest.mark.parametrize("length", [1, 31, 32, 33, 200])
def test_a_physical_name_is_whole_when_it_fits_and_unique_when_it_does_not(length: int) -> None:
    name = physical_name("x" * length, limit=32)
    assert name == ("x" * length if length <= 32 else name)
    assert len(name) == min(length, 32)
    assert name != physical_name("x" * length + "y", limit=32)


@pytest.mark.parametrize("environment", Environment)
def test_only_tasks_of_this_account_and_region_take_a_role(environment: Environment) -> None:
    # CI's roles are for two services of their own: tests/components/test_ci.py.
    every = [role for role in _of(declared_factory(spec_of(), environment), ROLE) if "-ci" not in role.name]
    flows, *roles = sorted(every, key=lambda role: not role.name.endswith("-flows"))
    (trust,) = _statements(flows.inputs["assumeRolePolicy"])
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert roles
    for role in roles:
        # Of an agent's role: who else takes it says so in tags (test_component_agent_boundary).
        trust, *tagged = _statements(role.inputs["assumeRolePolicy"])
        assert len(tagged) == ("function" in role.inputs["tags"])
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"},
        }


@pytest.mark.parametrize("environment", Environment)
def test_no_role_may_do_anything_to_everything(environment: Environment) -> None:
    open_to_all = [
        (action, resource)
        for policy in _of(declared_factory(spec_of(**TWO_SECRETS), environment), ROLE_POLICY)
        for statement_ in _statements(policy.inputs["policy"])
        for action in statement_["Action"]
        for resource in statement_["Resource"]
        if resource == "*" or "*" in action
    ]
    # AWS gives that one action no resource to restrict it to.
    assert set(open_to_all) == {("ecr:GetAuthorizationToken", "*")}


def test_a_statement_that_names_no_resource_is_refused() -> None:
    assert statement(["a:B"], ["arn"])["Resource"] == ["arn"]
    with pytest.raises(ValueError, match="names its resources"):
        statement(["a:B"], [])


def test_an_agent_reads_its_own_functions_secrets_and_no_others() -> None:
    declared = declared_factory(spec_of(**TWO_SECRETS), Environment.BUILD)
    readable = {}
    # What CI's pipeline reads: tests/components/test_ci.py.
    for policy in (each for each in _of(declared, ROLE_POLICY) if "-ci" not in each.name):
        for granted in _statements(policy.inputs["policy"]):
            if granted["Action"] == ["secretsmanager:GetSecretValue"]:
                readable[policy.name] = [arn.rpartition("/")[2] for arn in granted["Resource"]]
            if granted["Action"] == ["kms:Decrypt"]:
                assert granted["Resource"] == [f"arn:aws:made:{REGION}:{ACCOUNT}:Key/links-build"]
                through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
                assert granted["Condition"] == through
    assert readable == {
        "links-build-coder": ["links-build-signing-key"],
        "links-build-tester": ["links-build-mail-token"],
    }
    assert {role.name for role in _of(declared, ROLE)} >= {"links-build-planner", "links-build-coder"}


def test_each_task_runs_as_the_role_of_its_own_function() -> None:
    tasks = _of(declared_factory(spec_of(**TWO_SECRETS), Environment.BUILD), TASK)
    roles = {task.inputs["tags"]["function"]: task.inputs["taskRoleArn"].rpartition("/")[2] for task in tasks}
    assert roles == {name: f"links-build-{name}" for name in ("coder", "tester", "planner")}


def test_what_starts_a_service_can_open_the_secrets_it_injects() -> None:
    declared = declared_factory(spec_of(**TWO_SECRETS), Environment.STAGING)
    (policy,) = [each for each in _of(declared, ROLE_POLICY) if each.name == "links-staging-web-start"]
    granted = {tuple(s["Action"]): s["Resource"] for s in _statements(policy.inputs["policy"])}
    (definition,) = json.loads(_of(declared, TASK)[0].inputs["containerDefinitions"])
    injected = [secret["valueFrom"] for secret in definition["secrets"]]
    assert sorted(granted["secretsmanager:GetSecretValue",]) == sorted(injected)
    assert [secret["name"] for secret in definition["secrets"]] == ["DATABASE_URL", "MAIL_TOKEN", "SIGNING_KEY"]
    assert (
        granted["kms:Decrypt",]
        == [secret.inputs["kmsKeyId"] for secret in _of(declared, "aws:secretsmanager/secret:Secret")][:1]
    )


@pytest.mark.parametrize("environment", Environment)
def test_containers_are_confined_and_named_by_digest(environment: Environment) -> None:
    tasks = _of(declared_factory(spec_of(), environment), TASK)
    assert tasks
    for task in tasks:
        assert task.inputs["networkMode"] == "awsvpc"
        (container,) = json.loads(task.inputs["containerDefinitions"])
        user, group = container["user"].split(":")
        assert int(user) >= 1000
        assert int(group) >= 1000
        assert container["readonlyRootFilesystem"] is True
        assert container["privileged"] is False
        assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
        assert re.fullmatch(
            rf"{ACCOUNT}\.dkr\.ecr\.{REGION}\.amazonaws\.com/[a-z-]+@sha256:[0-9a-f]{{64}}", container["image"]
        )
        told = {} if environment is Environment.BUILD else {"APP_ENVIRONMENT": environment.value}
        found = {each["name"]: each["value"] for each in container.get("environment", [])}
        queue = found.pop("JOBS_URL", "")
        assert (found, queue.rpartition("/")[2]) == (told, f"links-{environment}-jobs" if told else "")
    if environment is not Environment.BUILD:
        assert container["image"].endswith(f"/links@{ARTEFACT}")


@pytest.mark.parametrize("environment", Environment)
def test_the_value_of_a_secret_stands_where_it_is_needed_only_and_is_marked_there(environment: Environment) -> None:
    declared = declared_factory(spec_of(**TWO_SECRETS), environment)
    holders = [resource for resource in declared if SECRET in json.dumps([resource.inputs, resource.outputs])]
    instance, version = "aws:rds/instance:Instance", "aws:secretsmanager/secretVersion:SecretVersion"
    assert sorted((holder.type, *holder.secrets) for holder in holders) == [
        (instance, ("password",)),
        *[(version, ("secretString",))] * 3,
    ]


@pytest.mark.parametrize("environment", Environment)
def test_a_deleted_secret_can_be_restored_in_production_only(environment: Environment) -> None:
    secret, url = _of(declared_factory(spec_of(), environment), "aws:secretsmanager/secret:Secret")
    assert secret.inputs["recoveryWindowInDays"] == url.inputs["recoveryWindowInDays"]
    assert secret.inputs["recoveryWindowInDays"] == (7 if environment is Environment.PRODUCTION else 0)


@pytest.mark.parametrize("environment", Environment)
def test_a_database_is_private_encrypted_and_in_production_guarded(environment: Environment) -> None:
    (database,) = _of(declared_factory(spec_of(), environment), "aws:rds/instance:Instance")
    told = database.inputs
    assert (told["publiclyAccessible"], told["storageEncrypted"]) == (False, True)
    assert told["kmsKeyId"].endswith(f"Key/links-{environment}")
    guarded = environment is Environment.PRODUCTION
    last = told.get("finalSnapshotIdentifier") or ""
    assert (told["skipFinalSnapshot"], last.startswith("links-production-database-final-")) == (not guarded, guarded)
    assert len(last) <= 255
    assert (told["deletionProtection"], told["multiAz"], told["deleteAutomatedBackups"]) == (
        guarded,
        guarded,
        not guarded,
    )
    assert told["backupRetentionPeriod"] == 7


def _rules(declared: list[Declared], group: str) -> set[tuple[str, str, float]]:
    """Which groups a group lets in or reaches (`in`/`out`, name, port), by the names of their resources."""
    found = set()
    for rule in _of(declared, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"):
        if rule.inputs["securityGroupId"].endswith(f"/{group}") or rule.inputs["securityGroupId"] == group:
            other = rule.inputs.get("referencedSecurityGroupId", rule.inputs.get("cidrIpv4", ""))
            found.add(("in", other.rpartition("SecurityGroup/")[2], rule.inputs["toPort"]))
    for rule in _of(declared, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"):
        if rule.inputs["securityGroupId"].endswith(f"/{group}"):
            other = rule.inputs.get("referencedSecurityGroupId", rule.inputs.get("prefixListId", ""))
            found.add(("out", other.rpartition("/")[2], rule.inputs["toPort"]))
    return found


def test_a_workload_reaches_its_databases_and_the_clouds_endpoints_and_nothing_else() -> None:
    declared = declared_factory(spec_of(), Environment.STAGING)
    out = {
        ("out", "links-staging-database", 5432),
        ("out", "links-staging-endpoints", 443),
        ("out", "links-staging-s3", 443),
    }
    assert _rules(declared, "links-staging-adder") == out
    assert _rules(declared, "links-staging-web-back") == out | {("in", "links-staging-web-front", 8080)}
    assert _rules(declared, "links-staging-database") == {
        ("in", "links-staging-web-back", 5432),
        ("in", "links-staging-adder", 5432),
    }
    assert _rules(declared, "links-staging-endpoints") == {("in", "10.20.64.0/18", 443)}


def test_only_who_runs_the_apps_code_uses_its_queues() -> None:
    declared = declared_factory(spec_of(), Environment.STAGING)
    users = {
        policy.name: [r.rpartition("/")[2] for s in _statements(policy.inputs["policy"]) for r in s["Resource"]]
        for policy in _of(declared, ROLE_POLICY)
        if "sqs:" in policy.inputs["policy"]
    }
    assert users == {
        name: ["links-staging-jobs", "links-staging"] for name in ("links-staging-web", "links-staging-adder")
    }
    plain = declared_factory(spec_of(queues={}), Environment.STAGING)
    assert "sqs" not in json.dumps([resource.inputs for resource in plain])


def test_the_network_closes_the_group_that_everything_unnamed_is_in() -> None:
    declared = declared_factory(spec_of(), Environment.BUILD)
    (group,) = _of(declared, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert (group.inputs.get("ingress"), group.inputs.get("egress")) == ([], [])
    services = {e.inputs["serviceName"].removeprefix(f"com.amazonaws.{REGION}.") for e in _of(declared, ENDPOINT)}
    assert services == {"ecr.api", "ecr.dkr", "kms", "logs", "s3", "secretsmanager", "sqs", "sts"}
    (flows,) = _of(declared, "aws:ec2/flowLog:FlowLog")
    assert flows.inputs["trafficType"] == "ALL"
