"""CI: what it may do and may not, decided by the evaluator; what it declares; and that the policy pack agrees."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from component_mocks import ACCOUNT, REGION, Declared, declared_factory, spec_of
from declared_policies import findings_on, reading, told

from factory.iam import Policies, Principal, Request, evaluate, may_ever, parse
from factory.spec import Environment

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
PIPELINE = "aws:codepipeline/pipeline:Pipeline"
PROJECT = "aws:codebuild/project:Project"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
HERE = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:links-build-ci"
BUCKET = "arn:aws:s3:::links-build-artefacts-" + ACCOUNT
GIT = {"connection": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/c1", "repository": "web/factory"}
ROLES = {"pipeline": "links-build-ci", "build": "links-build-ci-test"}


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    return declared_factory(spec_of(), Environment.BUILD)


def of(declared: list[Declared], token: str) -> dict[str, dict[str, Any]]:
    return {resource.name: resource.inputs for resource in declared if resource.type == token}


def may(declared: list[Declared], role: str, action: str, resource: str, context: Mapping[str, str] = {}) -> bool:
    policy = parse(of(declared, ROLE_POLICY)[ROLES[role]]["policy"], name=role)
    principal = Principal.of(f"arn:aws:iam::{ACCOUNT}:role/{ROLES[role]}")
    asked = Request(principal=principal, action=action, resource=resource, resource_account=ACCOUNT, context=context)
    return evaluate(asked, Policies(identity=[policy])).allowed


def could(declared: list[Declared], role: str, action: str, resource: str) -> bool:
    """Whether it may under any circumstances; both may be patterns."""
    policy = parse(of(declared, ROLE_POLICY)[ROLES[role]]["policy"], name=role)
    return may_ever(Policies(identity=[policy]), action, resource)


def test_the_pipeline_does_its_work(declared: list[Declared]) -> None:
    project = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/links-build-ci"
    assert may(declared, "pipeline", "codebuild:StartBuild", project)
    assert may(declared, "pipeline", "s3:GetObjectVersion", f"{BUCKET}/source/links.zip")
    assert may(declared, "pipeline", "s3:PutObject", f"{BUCKET}/links-build-ci/source/x")
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:links/ci/key-AbCdEf"
    assert may(declared, "pipeline", "secretsmanager:GetSecretValue", secret)


def test_nobody_in_ci_approves_or_moves_the_gate(declared: list[Declared]) -> None:
    for role in ROLES:
        assert not could(declared, role, "codepipeline:*", "*")
        assert not could(declared, role, "iam:*", "*")
        assert not could(declared, role, "sts:*", "*")
    (gate,) = [
        each
        for each in json.loads(of(declared, ROLE_POLICY)["links-build-ci"]["policy"])["Statement"]
        if each["Effect"] == "Deny"
    ]
    # Also when somebody attaches everything to the role.
    everything = parse(
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, gate]})
    )
    principal = Principal.of(f"arn:aws:iam::{ACCOUNT}:role/links-build-ci")

    def allowed(action: str, resource: str) -> bool:
        return evaluate(
            Request(principal=principal, action=action, resource=resource), Policies(identity=[everything])
        ).allowed

    assert not allowed("codepipeline:PutApprovalResult", f"{HERE}/Approve/Approve")
    assert not allowed("codepipeline:UpdatePipeline", HERE)
    assert allowed("codepipeline:GetPipelineState", HERE)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:*", f"arn:aws:s3:::tally-build-artefacts-{ACCOUNT}/*"),
        ("s3:*", f"arn:aws:s3:::platform-audit-{ACCOUNT}*"),
        ("s3:*", f"arn:aws:s3:::platform-state-{ACCOUNT}*"),
        ("s3:Delete*", "*"),
        ("s3:PutObject*", f"{BUCKET}/source/*"),
        ("secretsmanager:*", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:links/production/*"),
        ("secretsmanager:*", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tally/*"),
        ("codebuild:*", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/tally-build-ci"),
        ("codebuild:Update*", "*"),
        ("cloudtrail:*", "*"),
        ("logs:Delete*", "*"),
        ("logs:*", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/millwright/*"),
        ("ecs:*", "*"),
        ("ecr:*", "*"),
    ],
)
def test_ci_touches_no_other_app_no_audit_and_no_state(
    declared: list[Declared], role: str, action: str, resource: str
) -> None:
    assert not could(declared, role, action, resource)


def test_a_build_that_runs_the_apps_code_reads_no_secret_and_writes_its_report(declared: list[Declared]) -> None:
    assert may(declared, "build", "s3:GetObject", f"{BUCKET}/links-build-ci/source/x")
    assert may(declared, "build", "s3:PutObject", f"{BUCKET}/links-build-ci/report/x")
    assert not could(declared, "build", "s3:Put*", f"{BUCKET}/links-build-ci/source/*")
    assert not could(declared, "build", "s3:Put*", f"{BUCKET}/source/*")
    test = of(declared, PIPELINE)["links-build-ci"]["stages"][1]["actions"][0]
    assert test["outputArtifacts"] == ["report"]
    # What is deployed is the source that was fetched, and nothing that a build made.
    assert of(declared, PIPELINE)["links-build-ci"]["stages"][-1]["actions"][0]["inputArtifacts"] == ["source"]
    assert not could(declared, "build", "secretsmanager:*", "*")
    assert could(declared, "pipeline", "secretsmanager:GetSecretValue", "*")


def test_the_key_is_used_for_objects_only(declared: list[Declared]) -> None:
    key = of(declared, PROJECT)["links-build-ci"]["encryptionKey"]
    through = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
    for role in ROLES:
        assert may(declared, role, "kms:Decrypt", key, through)
        assert not may(declared, role, "kms:Decrypt", key, {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"})


def test_each_role_is_for_its_one_project_or_pipeline(declared: list[Declared]) -> None:
    project = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/links-build-ci"
    expected = {"pipeline": ("codepipeline.amazonaws.com", HERE), "build": ("codebuild.amazonaws.com", project)}
    for role, (service, arn) in expected.items():
        (trust,) = json.loads(of(declared, ROLE)[ROLES[role]]["assumeRolePolicy"])["Statement"]
        assert trust["Principal"] == {"Service": service}
        condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": arn}}
        assert trust["Condition"] == condition


def test_a_person_stands_between_the_tests_and_production(declared: list[Declared]) -> None:
    pipeline = of(declared, PIPELINE)["links-build-ci"]
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    assert [(action["category"], action["provider"]) for action in actions] == [
        ("Source", "S3"),
        ("Test", "CodeBuild"),
        ("Approval", "Manual"),
        ("Compute", "Commands"),
    ]
    assert actions[-1]["commands"][0] == "APP=links"
    assert actions[-1]["commands"][-1] == 'millwright promote "$APP" --key ci-key'
    (store,) = pipeline["artifactStores"]
    assert store["encryptionKey"] == {"type": "KMS", "id": of(declared, PROJECT)["links-build-ci"]["encryptionKey"]}
    assert pipeline["pipelineType"] == "V2"


def test_builds_are_unprivileged_and_their_commands_are_not_the_sources(declared: list[Declared]) -> None:
    project = of(declared, PROJECT)["links-build-ci"]
    assert project["environment"]["privilegedMode"] is False
    assert project["environment"]["environmentVariables"] == [{"name": "APP", "value": "links"}]
    assert "millwright preview" in project["source"]["buildspec"]
    (logs,) = [each for each in of(declared, "aws:cloudwatch/logGroup:LogGroup").values() if "-ci" in each["name"]]
    assert logs["retentionInDays"] == 365
    assert project["logsConfig"]["cloudwatchLogs"]["groupName"] == logs["name"] == "/aws/codepipeline/links-build-ci"


def test_a_git_host_is_reached_by_its_connection_and_no_object_is_looked_for(declared: list[Declared]) -> None:
    assert set(of(declared, VERSIONING)) == {"links-build-ci"}
    hosted = declared_factory(spec_of(), Environment.BUILD, git=GIT)
    (source, *_) = of(hosted, PIPELINE)["links-build-ci"]["stages"]
    (action,) = source["actions"]
    assert action["provider"] == "CodeStarSourceConnection"
    told = {"ConnectionArn": GIT["connection"], "FullRepositoryId": "web/factory", "BranchName": "main"}
    assert action["configuration"] == told
    assert may(hosted, "pipeline", "codeconnections:UseConnection", GIT["connection"])
    assert not could(hosted, "pipeline", "s3:*", f"{BUCKET}/source/*")
    assert of(hosted, VERSIONING) == {}


def test_the_policy_pack_has_nothing_to_say_about_ci(declared: list[Declared]) -> None:
    made = [resource for resource in declared if resource.name.startswith("links-build-ci")]
    assert {each.type for _, each in reading(made)} >= {PROJECT, ROLE_POLICY}
    assert told(findings_on(made, "links-build")) == []


def test_ci_adds_few_resources_to_a_build_environment(declared: list[Declared]) -> None:
    (ci,) = [resource for resource in declared if resource.type == "millwright:aws:Ci"]
    assert len([resource for resource in declared if resource.parent == ci.urn]) == 8
