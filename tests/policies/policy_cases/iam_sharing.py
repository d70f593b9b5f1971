"""Cases of the control of IAM on shared roles: 23."""

from policies import UNKNOWN, Resource
from policies.checks.iam_sharing import USERS
from policies.model import Plain

from .case import EVASION, Case, thing, urn
from .iam_words import LISTED, NEAR, OWN, PREVIEW, ROLE

SHARED = "role-not-shared"

PROWLER = "Prowler bedrock_agent_role_not_shared_across_agents"
ECS = "Amazon ECS Developer Guide: Task IAM role, one role for each task definition"

TASK = "aws:ecs/taskDefinition:TaskDefinition"
FUNCTION = "aws:lambda/function:Function"
BEDROCK = "aws:bedrock/agentAgent:AgentAgent"
ARN = f"arn:aws:iam::{OWN}:role/links-build-coder"
PLAIN = f"arn:aws:iam::{OWN}:role/links-build-web"


def _role(name: str = "coder", **tags: Plain) -> dict[str, Plain]:
    return {"name": f"links-build-{name}", "tags": dict(tags)}


def _user(token: str, name: str, role: Plain = ARN, **tags: Plain) -> Resource:
    return thing(token, {USERS[token]: role, "tags": dict(tags)}, name)


CASES: tuple[Case, ...] = (
    *(
        Case(
            SHARED,
            f"two agents: {token}",
            "fail",
            ROLE,
            _role(function="coder"),
            PROWLER,
            USERS[token],
            "links-build-tester",
            answered={"arn": ARN},
            others=(
                _user(token, "links-build-coder", function="coder"),
                _user(token, "links-build-tester", function="tester"),
            ),
        )
        for token in USERS
    ),
    Case(
        SHARED,
        "an agent and the app itself",
        "fail",
        ROLE,
        _role(function="coder"),
        EVASION,
        "taskRoleArn",
        "links-build-web",
        answered={"arn": ARN},
        others=(_user(TASK, "links-build-web"),),
    ),
    Case(
        SHARED,
        "two Bedrock agents under a role that is called anything",
        "fail",
        ROLE,
        _role("models"),
        PROWLER,
        "agentResourceRoleArn",
        "second",
        answered={"arn": PLAIN},
        others=(_user(BEDROCK, "first", PLAIN), _user(BEDROCK, "second", PLAIN)),
    ),
    Case(
        SHARED,
        "an agent with the role of another's function, not made yet",
        "fail",
        ROLE,
        _role(function="coder"),
        EVASION,
        others=(
            thing(
                TASK,
                {"taskRoleArn": UNKNOWN, "tags": {"function": "tester"}},
                "task",
                property_dependencies={"taskRoleArn": (urn(ROLE, "test"),)},
            ),
        ),
    ),
    Case(
        SHARED,
        "two apps",
        "fail",
        ROLE,
        _role("web", app="links"),
        "NIST SP 800-53 AC-6",
        "role",
        "pay",
        answered={"arn": PLAIN},
        others=(_user(FUNCTION, "pay", PLAIN, app="pay"),),
    ),
    Case(
        SHARED,
        "a role of another app, declared elsewhere",
        "fail",
        TASK,
        {"family": "links-build-web", "taskRoleArn": f"arn:aws:iam::{OWN}:role/pay-build-web"},
        EVASION,
        "taskRoleArn",
    ),
    Case(
        SHARED,
        "one agent, one task",
        "pass",
        ROLE,
        _role(function="coder"),
        ECS,
        answered={"arn": ARN},
        others=(_user(TASK, "links-build-agents-coder", function="coder"),),
    ),
    Case(
        SHARED,
        "only the app itself, under an agent's role",
        "fail",
        ROLE,
        {"name": "links-build-role", "tags": {"function": "coder"}},
        EVASION,
        "taskRoleArn",
        "links-build-web",
        answered={"arn": ARN},
        others=(_user(TASK, "links-build-web"),),
    ),
    Case(
        SHARED,
        "whose role the app itself is under, not known",
        "unknown",
        ROLE,
        {"name": "links-build-role", "tags": UNKNOWN},
        PREVIEW,
        "tags",
        "test",
        answered={"arn": ARN},
        others=(_user(TASK, "links-build-web"),),
    ),
    Case(
        SHARED,
        "two sizes of one function's task",
        "pass",
        ROLE,
        _role(function="coder"),
        NEAR,
        answered={"arn": ARN},
        others=(_user(TASK, "small-coder"), _user(TASK, "large-coder")),
    ),
    Case(
        SHARED,
        "two workloads of the app that are no agents",
        "pass",
        ROLE,
        _role("web", app="links"),
        NEAR,
        answered={"arn": PLAIN},
        others=(_user(TASK, "web", PLAIN, app="links"), _user(TASK, "worker", PLAIN)),
    ),
    Case(
        SHARED,
        "one Bedrock agent",
        "pass",
        ROLE,
        _role(function="coder"),
        PROWLER,
        answered={"arn": ARN},
        others=(_user(BEDROCK, "model"),),
    ),
    Case(
        SHARED,
        "a role of the app, declared elsewhere",
        "pass",
        TASK,
        {"family": "links-build-web", "taskRoleArn": f"arn:aws:iam::{OWN}:role/links-shared"},
        NEAR,
    ),
    Case(
        SHARED,
        "no stack of an app's",
        "pass",
        TASK,
        {"family": "scanner", "taskRoleArn": f"arn:aws:iam::{LISTED}:role/scanner"},
        NEAR,
        stack="platform",
    ),
    Case(
        SHARED,
        "role not known",
        "unknown",
        ROLE,
        _role(function="coder"),
        PREVIEW,
        "taskRoleArn",
        "task",
        others=(thing(TASK, {"taskRoleArn": UNKNOWN}, "task"),),
    ),
    Case(
        SHARED,
        "what it is for, not known",
        "unknown",
        ROLE,
        _role(function="coder"),
        PREVIEW,
        "tags",
        "task",
        answered={"arn": ARN},
        others=(thing(TASK, {"taskRoleArn": ARN, "tags": UNKNOWN}, "task"),),
    ),
    Case(
        SHARED,
        "one of the roles of all functions, not made yet",
        "unknown",
        ROLE,
        _role(function="coder"),
        "preview: what AgentRunner declares",
        "taskRoleArn",
        "task",
        others=(
            thing(ROLE, _role("tester", function="tester"), "tester"),
            thing(
                TASK,
                {"taskRoleArn": UNKNOWN, "tags": {"function": "tester"}},
                "task",
                property_dependencies={"taskRoleArn": (urn(ROLE, "test"), urn(ROLE, "tester"))},
            ),
        ),
    ),
)
