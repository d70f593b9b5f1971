"""What an agent's role may ever do, decided by `factory.iam` over the documents that the component declares."""

import json
from typing import Any

import pytest
from component_mocks import ACCOUNT, REGION, declare

from components import aws
from factory.iam import Layer, Policies, Policy, Principal, Reason, Request, ResourceTrust, evaluate, may_ever, parse
from factory.spec import Scope

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-links-build"
OTHER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-shop-build"
SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
OWN, SIBLING = f"{SECRETS}:links/build/signing-key-Ab3dEf", f"{SECRETS}:links/build/mail-token-Ab3dEf"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/links-build-coder"
JOBS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:links-build-jobs"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/links-build-agents"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/links-build-coder/task-1"
AGENT = Principal.of(SESSION)
OPERATOR = Principal.of(f"arn:aws:iam::{ACCOUNT}:role/broker")
ADMINISTRATOR = parse(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    name="AdministratorAccess",
)
THROUGH = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
AUDIT, STATE = f"arn:aws:s3:::platform-audit-{ACCOUNT}", f"arn:aws:s3:::platform-state-{ACCOUNT}"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/millwright/links-build-audit:*"
OWN_TAGS = {"aws:ResourceTag/app": "links", "aws:ResourceTag/environment": "build"}
IN_A_GRANT = {"aws:PrincipalTag/task": "01890a5d"}
REQUESTED = {"app": "links", "environment": "build", "function": "coder", "task": "01890a5d"}


@pytest.fixture(scope="module")
def documents() -> dict[str, Policy]:
    """The trust, the role's own policy and the boundary of the coder, by name."""
    declared = declare(
        lambda: aws.AgentIdentity(
            "links-build",
            {
                "app": "links",
                "environment": "build",
                "account": ACCOUNT,
                "region": REGION,
                "key_id": KEY,
                "secrets": {"signing-key": OWN, "mail-token": SIBLING},
                "functions": {"coder": ["signing-key"]},
                "queues": {"coder": {"jobs": Scope.WRITE}},
            },
        )
    )
    by_type = {resource.type: resource.inputs for resource in declared}
    own = {each.inputs["name"]: each.inputs for each in declared if each.type == "aws:iam/rolePolicy:RolePolicy"}
    role, ceiling = by_type["aws:iam/role:Role"], by_type["aws:iam/policy:Policy"]
    assert role["permissionsBoundary"].endswith("Policy/links-build-agents")
    assert f"arn:aws:iam::{ACCOUNT}:policy/{ceiling['name']}" == BOUNDARY
    texts = {
        "trust": role["assumeRolePolicy"],
        "own": own["secrets"]["policy"],
        "queues": own["queues"]["policy"],
        "boundary": ceiling["policy"],
    }
    return {name: parse(json.loads(text), name=name) for name, text in texts.items()}


def _asks(action: str, resource: str, **context: str) -> Request:
    return Request(principal=AGENT, action=action, resource=resource, resource_account=ACCOUNT, context=context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("secretsmanager:GetSecretValue", OWN, OWN_TAGS),
        ("secretsmanager:GetSecretValue", OWN, {}),
        ("kms:Decrypt", KEY, THROUGH | OWN_TAGS),
        ("sqs:SendMessage", JOBS, OWN_TAGS | IN_A_GRANT),
        ("sqs:ReceiveMessage", f"{JOBS}-put-aside", IN_A_GRANT),
        ("kms:GenerateDataKey", KEY, IN_A_GRANT | {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}),
    ],
)
def test_what_an_agent_may_do_it_still_may(
    action: str, resource: str, context: dict[str, str], documents: dict[str, Policy]
) -> None:
    policies = Policies(identity=[documents["own"], documents["queues"]], boundary=documents["boundary"])
    assert evaluate(_asks(action, resource, **context), policies).allowed


@pytest.mark.parametrize("action", ["sqs:PurgeQueue", "sqs:AddPermission", "sqs:DeleteQueue", "sqs:CreateQueue"])
def test_of_a_queue_it_may_no_more_than_its_access_rules_say(action: str, documents: dict[str, Policy]) -> None:
    policies = Policies(identity=[documents["own"], documents["queues"]], boundary=documents["boundary"])
    assert not evaluate(_asks(action, JOBS, **OWN_TAGS, **IN_A_GRANT), policies).allowed
    assert evaluate(_asks("sqs:DeleteMessage", JOBS, **OWN_TAGS, **IN_A_GRANT), policies).allowed


def test_outside_of_a_grant_it_may_nothing_with_a_queue(documents: dict[str, Policy]) -> None:
    # A task of ECS has the role, and none of the tags that the session of a grant has.
    policies = Policies(identity=[documents["own"], documents["queues"]], boundary=documents["boundary"])
    assert not evaluate(_asks("sqs:ReceiveMessage", JOBS, **OWN_TAGS), policies).allowed
    assert evaluate(_asks("sqs:ReceiveMessage", JOBS, **OWN_TAGS, **IN_A_GRANT), policies).allowed


FORBIDDEN = [
    ("s3:PutObject", f"{AUDIT}/AWSLogs/a", {}),
    ("s3:DeleteObjectVersion", f"{AUDIT}/AWSLogs/a", {}),
    ("s3:PutBucketObjectLockConfiguration", AUDIT, {}),
    ("s3:GetObject", f"{STATE}/.pulumi/stacks/links-build.json", {}),
    ("s3:PutObject", f"{STATE}/.pulumi/stacks/links-build.json", {}),
    ("cloudtrail:StopLogging", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/platform", {}),
    ("logs:DeleteLogGroup", LOGS, {}),
    ("logs:PutLogEvents", LOGS, {}),
    ("logs:PutRetentionPolicy", LOGS, {}),
    ("iam:AttachRolePolicy", ROLE, {}),
    ("iam:PutRolePolicy", ROLE, {}),
    ("iam:DeleteRolePermissionsBoundary", ROLE, {}),
    ("iam:UpdateAssumeRolePolicy", ROLE, {}),
    ("iam:TagRole", ROLE, {}),
    ("iam:CreatePolicyVersion", BOUNDARY, {}),
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/me", {}),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/shop-build-coder", {}),
    ("organizations:DetachPolicy", "*", {}),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/shop-build-coder", {}),
    ("secretsmanager:GetSecretValue", f"{SECRETS}:shop/build/signing-key-Ab3dEf", {}),
    ("secretsmanager:GetSecretValue", f"{SECRETS}:links/staging/signing-key-Ab3dEf", {}),
    ("kms:Decrypt", OTHER_KEY, THROUGH),
    ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-build-jobs", {"aws:ResourceTag/app": "shop"}),
    ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:links-build-mails", OWN_TAGS),
    ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:x", OWN_TAGS | {"aws:ResourceTag/environment": "staging"}),
]
each_forbidden = pytest.mark.parametrize(("action", "resource", "context"), FORBIDDEN)


@each_forbidden
def test_what_an_agent_may_never_do_no_policy_on_its_role_allows(
    action: str, resource: str, context: dict[str, str], documents: dict[str, Policy]
) -> None:
    asked = _asks(action, resource, **context)
    decision = evaluate(asked, Policies(identity=[ADMINISTRATOR], boundary=documents["boundary"]))
    assert (decision.reason, {each.layer for each in decision.statements}) == (
        Reason.EXPLICIT_DENY,
        {Layer.BOUNDARY},
    )
    # Without the boundary it would be allowed.
    assert evaluate(asked, Policies(identity=[ADMINISTRATOR])).allowed


@each_forbidden
def test_nor_does_a_resources_own_policy_that_names_its_session(
    action: str, resource: str, context: dict[str, str], documents: dict[str, Policy]
) -> None:
    granted: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": SESSION}, "Action": "*", "Resource": "*"}
    open_to_it = parse({"Version": "2012-10-17", "Statement": [granted]}, name="on the resource")
    asked = _asks(action, resource, **context)
    assert not evaluate(asked, Policies(resource=open_to_it, boundary=documents["boundary"])).allowed
    assert evaluate(asked, Policies(resource=open_to_it)).allowed


@pytest.mark.parametrize(
    "action",
    ["s3:*", "sqs:AddPermission", "sqs:CreateQueue", "ec2:*", "ecs:*", "lambda:*", "rds:*", "secretsmanager:Put*"],
)
def test_an_administrators_policy_on_its_role_gives_it_nothing_that_the_boundary_does_not_name(
    action: str, documents: dict[str, Policy]
) -> None:
    limited = Policies(identity=[ADMINISTRATOR], boundary=documents["boundary"])
    assert not may_ever(limited, action, "*", principal=AGENT)
    assert may_ever(limited, "secretsmanager:GetSecretValue", OWN, principal=AGENT)


def _taken(trust: Policy, asking: Principal, *, action: str = "sts:AssumeRole", **context: Any) -> bool:
    asked = Request(principal=asking, action=action, resource=ROLE, resource_account=ACCOUNT, context=context)
    allowing = parse(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}, name="its"
    )
    named = Policies(
        identity=[] if asking.account is None else [allowing], resource=trust, resource_trust=ResourceTrust.EXPLICIT
    )
    return evaluate(asked, named).allowed


def _tags(**changes: str | None) -> dict[str, Any]:
    tags = {key: value for key, value in (REQUESTED | changes).items() if value is not None}
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()} | (
        {"aws:TagKeys": list(tags)} if tags else {}
    )


@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"])
def test_a_session_carries_all_its_tags_and_no_others(action: str, documents: dict[str, Policy]) -> None:
    trust = documents["trust"]
    assert _taken(trust, OPERATOR, action=action, **_tags())
    assert _taken(trust, OPERATOR, action=action, **_tags(change="shorter-links"))
    wrong: list[dict[str, str | None]] = [
        *({key: None} for key in REQUESTED),
        dict.fromkeys(REQUESTED),
        {"app": "shop"},
        {"environment": "production"},
        {"function": "planner"},
        {"task": ""},
        {"owner": "me"},
    ]
    for changes in wrong:
        assert not _taken(trust, OPERATOR, action=action, **_tags(**changes)), changes


def test_only_tasks_of_its_own_account_and_region_take_the_role_without_tags(documents: dict[str, Policy]) -> None:
    trust, tasks = documents["trust"], Principal.service("ecs-tasks.amazonaws.com")
    source = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/a/b"}
    assert _taken(trust, tasks, **source)
    assert not _taken(trust, tasks, **source | {"aws:SourceAccount": "210987654321"})
    assert not _taken(trust, tasks, **source | {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/a/b"})
    assert not _taken(trust, Principal.service("ec2.amazonaws.com"), **source)
    assert not _taken(trust, Principal.of("arn:aws:iam::210987654321:role/broker"), **_tags())
