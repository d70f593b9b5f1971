"""Cases of the controls of IAM on all that a role holds: 17 and 24."""

from policies import UNKNOWN, Resource
from policies.model import Plain

from .case import EVASION, Case, thing, urn
from .iam_words import (
    ATTACHMENT,
    GROUP_POLICY,
    NEAR,
    OWN,
    POLICY,
    PREVIEW,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    USER_POLICY,
    mapping,
    statement,
    text,
)

WAYS = "no-escalation"
GUARDS = "agents-write-no-guard"

RHINO = "Rhino Security Labs: AWS IAM privilege escalation, methods and mitigation"
PATHS = "pathfinding.cloud (Datadog)"
CHECKOV_WAYS = "Checkov CKV_AWS_286"
DELEGATING = "IAM User Guide: Delegating responsibility to others using permissions boundaries"
NOT_GRANTED = "IAM Access Analyzer: CheckAccessNotGranted"
OBJECT_LOCK = "Amazon S3 User Guide: Bypassing governance mode"
CLOUDTRAIL = "MITRE ATT&CK T1562.008: Disable or modify cloud logs"

CI = {"name": "links-build-ci"}
AGENT: dict[str, Plain] = {"name": "links-build-coder", "tags": {"function": "coder"}}
AUDIT = f"arn:aws:s3:::platform-audit-{OWN}"
STATE = f"arn:aws:s3:::platform-state-{OWN}"
BOUNDED_ARN = f"arn:aws:iam::{OWN}:policy/links-build-agents"
BOUNDARY = thing(
    POLICY,
    {"name": "links-build-agents", "policy": text(statement("secretsmanager:GetSecretValue", "*"))},
    "ceiling",
    answered={"arn": BOUNDED_ARN},
)


def _inline(*statements: Plain, name: str = "links-build-ci") -> dict[str, Plain]:
    return {"name": name, "inlinePolicies": [{"name": "x", "policy": text(*statements)}]}


def _agents(*statements: Plain) -> dict[str, Plain]:
    return AGENT | {"inlinePolicies": [{"name": "x", "policy": text(*statements)}]}


def _held(role: str, *statements: Plain, name: str = "more") -> Resource:
    return thing(ROLE_POLICY, {"role": role, "policy": text(*statements)}, name)


ESCALATION_CASES: tuple[Case, ...] = (
    *(
        Case(WAYS, action, "fail", ROLE, _inline(statement(action)), RHINO, "inlinePolicies[0].policy")
        for action in (
            "iam:CreatePolicyVersion",
            "iam:SetDefaultPolicyVersion",
            "iam:AttachRolePolicy",
            "iam:PutRolePolicy",
            "iam:AddUserToGroup",
            "iam:CreateAccessKey",
            "iam:UpdateAssumeRolePolicy",
            "lambda:UpdateFunctionCode",
        )
    ),
    *(
        Case(WAYS, " + ".join(actions), "fail", ROLE, _inline(statement(["iam:PassRole", *actions])), PATHS)
        for actions in (
            ["lambda:CreateFunction", "lambda:InvokeFunction"],
            ["ec2:RunInstances"],
            ["ecs:RunTask"],
            ["cloudformation:CreateStack"],
            ["codebuild:CreateProject", "codebuild:StartBuild"],
            ["glue:CreateJob", "glue:StartJobRun"],
        )
    ),
    Case(
        WAYS,
        "two policies of one role",
        "fail",
        ROLE,
        _inline(statement("iam:PassRole", f"arn:aws:iam::{OWN}:role/*")),
        CHECKOV_WAYS,
        "inlinePolicies[0].policy",
        "test",
        others=(_held("links-build-ci", statement(["ec2:RunInstances", "ec2:Describe*"])),),
    ),
    Case(
        WAYS,
        "two policies of one role, one of them attached",
        "fail",
        ROLE,
        CI,
        CHECKOV_WAYS,
        others=(
            thing(
                POLICY,
                {"name": "passes", "policy": text(statement("iam:PassRole"))},
                "passes",
                answered={"arn": f"arn:aws:iam::{OWN}:policy/passes"},
            ),
            thing(
                ROLE_ATTACHMENT,
                {"role": "links-build-ci", "policyArn": f"arn:aws:iam::{OWN}:policy/passes"},
                "attached",
            ),
            _held("links-build-ci", statement("cloudformation:*")),
        ),
    ),
    Case(
        WAYS,
        "attached to several at once",
        "fail",
        ROLE,
        CI,
        RHINO,
        "policy",
        "rights",
        others=(
            thing(
                POLICY,
                {"name": "rights", "policy": text(statement("iam:*"))},
                "rights",
                answered={"arn": f"arn:aws:iam::{OWN}:policy/rights"},
            ),
            thing(
                ATTACHMENT, {"roles": ["links-build-ci"], "policyArn": f"arn:aws:iam::{OWN}:policy/rights"}, "attached"
            ),
        ),
    ),
    Case(WAYS, "a policy that nobody holds yet", "fail", POLICY, {"policy": text(statement("iam:Put*"))}, CHECKOV_WAYS),
    Case(WAYS, "a user's", "fail", USER_POLICY, {"policy": text(statement("iam:AttachUserPolicy"))}, RHINO, "policy"),
    Case(WAYS, "a group's", "fail", GROUP_POLICY, {"policy": text(statement("iam:PutGroupPolicy"))}, RHINO, "policy"),
    Case(
        WAYS,
        "passed to any service that begins alike",
        "fail",
        ROLE,
        _inline(
            statement("iam:PassRole", Condition={"StringLike": {"iam:PassedToService": "ec2*"}}),
            statement("ec2:RunInstances"),
        ),
        EVASION,
    ),
    Case(
        WAYS,
        "only what is denied on a resource",
        "fail",
        ROLE,
        _inline(
            statement("iam:PutRolePolicy"),
            {"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": f"arn:aws:iam::{OWN}:role/admin"},
        ),
        EVASION,
    ),
    Case(
        WAYS,
        "a named role to a named service",
        "pass",
        ROLE,
        _inline(
            statement(
                "iam:PassRole",
                f"arn:aws:iam::{OWN}:role/links-build-task",
                Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
            statement(["ecs:RunTask", "ecs:RegisterTaskDefinition"]),
        ),
        "near miss: control 18",
    ),
    Case(
        WAYS,
        "any role, but to another service",
        "pass",
        ROLE,
        _inline(
            statement("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}}),
            statement(["lambda:CreateFunction", "lambda:InvokeFunction", "ec2:RunInstances"]),
        ),
        "near miss: IAM User Guide, iam:PassedToService",
    ),
    Case(
        WAYS,
        "under a boundary that goes with every right given",
        "pass",
        ROLE,
        _inline(
            statement(
                ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"],
                Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDED_ARN}},
            )
        ),
        DELEGATING,
    ),
    Case(
        WAYS,
        "bounded",
        "pass",
        ROLE,
        _inline(statement("iam:*")) | {"permissionsBoundary": BOUNDED_ARN},
        "IAM User Guide: Permissions boundaries for IAM entities",
        others=(BOUNDARY,),
    ),
    Case(
        WAYS,
        "denied in the same policy",
        "pass",
        ROLE,
        _inline(statement("iam:*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}),
        NEAR,
    ),
    Case(
        WAYS,
        "a boundary, which grants nothing",
        "pass",
        ROLE,
        {"name": "links-build-x", "permissionsBoundary": BOUNDED_ARN},
        "IAM User Guide: Permissions boundaries for IAM entities",
        others=(
            thing(
                POLICY,
                {"name": "links-build-agents", "policy": text(statement(["iam:PassRole", "ec2:*"]))},
                "ceiling",
                answered={"arn": BOUNDED_ARN},
            ),
        ),
    ),
    Case(
        WAYS,
        "its own function's code",
        "pass",
        ROLE,
        _inline(statement("lambda:UpdateFunctionCode", f"arn:aws:lambda:eu-central-1:{OWN}:function:links-api")),
        NEAR,
    ),
    Case(
        WAYS,
        "its own instances, by tag",
        "pass",
        ROLE,
        _inline(statement("ssm:StartSession", Condition={"StringEquals": {"ssm:resourceTag/app": "links"}})),
        "Systems Manager User Guide: Sample IAM policies for Session Manager",
    ),
    Case(
        WAYS,
        "one's own access keys",
        "pass",
        USER_POLICY,
        {
            "policy": text(
                statement(["iam:CreateAccessKey", "iam:ListAccessKeys"], "arn:aws:iam::*:user/${aws:username}")
            )
        },
        "IAM User Guide: Allows IAM users to manage their own credentials",
    ),
    Case(
        WAYS,
        "two roles, each with half of it",
        "pass",
        ROLE,
        _inline(statement("iam:PassRole")),
        NEAR,
        others=(thing(ROLE, _inline(statement("ec2:RunInstances"), name="links-build-other"), "other"),),
    ),
    Case(
        WAYS,
        "whose policy it is, not known",
        "unknown",
        ROLE,
        CI,
        PREVIEW,
        "role",
        "more",
        others=(thing(ROLE_POLICY, {"role": UNKNOWN, "policy": text(statement("iam:*"))}, "more"),),
    ),
    Case(
        WAYS,
        "a document not known",
        "unknown",
        ROLE,
        {"name": "x", "inlinePolicies": [{"policy": mapping(statement(UNKNOWN))}]},
        PREVIEW,
        "inlinePolicies[0].policy",
    ),
    Case(WAYS, "a policy of nobody's, not known", "unknown", POLICY, {"policy": UNKNOWN}, PREVIEW, "policy"),
    Case(
        WAYS,
        "a boundary not known",
        "unknown",
        ROLE,
        _inline(statement("iam:*")) | {"permissionsBoundary": UNKNOWN},
        PREVIEW,
        "permissionsBoundary",
    ),
    Case(
        WAYS,
        "what the boundary says, not known",
        "unknown",
        ROLE,
        _inline(statement("iam:*")) | {"permissionsBoundary": BOUNDED_ARN},
        PREVIEW,
        "policy",
        "ceiling",
        others=(thing(POLICY, {"name": "x", "policy": UNKNOWN}, "ceiling", answered={"arn": BOUNDED_ARN}),),
    ),
    Case(
        WAYS,
        "a boundary that is declared elsewhere",
        "fail",
        ROLE,
        _inline(statement("iam:*")) | {"permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
        EVASION,
    ),
    Case(
        WAYS,
        "a boundary that forbids nothing",
        "fail",
        ROLE,
        _inline(statement("iam:*")) | {"permissionsBoundary": BOUNDED_ARN},
        EVASION,
        others=(
            thing(POLICY, {"name": "x", "policy": text(statement("*"))}, "ceiling", answered={"arn": BOUNDED_ARN}),
        ),
    ),
    Case(
        WAYS,
        "denied in a policy that can be detached",
        "fail",
        ROLE,
        _inline(statement("iam:*")),
        EVASION,
        "inlinePolicies[0].policy",
        others=(_held("links-build-ci", {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}),),
    ),
)

GUARD_CASES: tuple[Case, ...] = (
    Case(
        GUARDS,
        "writes into the audit store",
        "fail",
        ROLE,
        _agents(statement("s3:PutObject", f"{AUDIT}/*")),
        NOT_GRANTED,
        "inlinePolicies[0].policy",
    ),
    Case(
        GUARDS,
        "lifts the lock of the audit store",
        "fail",
        ROLE,
        AGENT,
        OBJECT_LOCK,
        "policy",
        "more",
        others=(_held("links-build-coder", statement("s3:*", [AUDIT, f"{AUDIT}/*"])),),
    ),
    Case(GUARDS, "stops the trail", "fail", ROLE, _agents(statement("cloudtrail:StopLogging")), CLOUDTRAIL),
    Case(
        GUARDS,
        "writes states, by a policy that is attached",
        "fail",
        ROLE,
        AGENT,
        NOT_GRANTED,
        "policy",
        "states",
        others=(
            thing(
                POLICY,
                {"name": "states", "policy": text(statement(["s3:GetObject", "s3:PutObject"], f"{STATE}/*"))},
                "states",
                answered={"arn": f"arn:aws:iam::{OWN}:policy/states"},
            ),
            thing(
                ROLE_ATTACHMENT,
                {"role": "links-build-coder", "policyArn": f"arn:aws:iam::{OWN}:policy/states"},
                "attached",
            ),
        ),
    ),
    Case(
        GUARDS,
        "detaches its policies",
        "fail",
        ROLE,
        AGENT,
        NOT_GRANTED,
        others=(
            thing(
                POLICY,
                {"name": "rights", "policy": text(statement("iam:DetachRolePolicy"))},
                "rights",
                answered={"arn": f"arn:aws:iam::{OWN}:policy/rights"},
            ),
            thing(
                ATTACHMENT,
                {"roles": ["links-build-coder"], "policyArn": f"arn:aws:iam::{OWN}:policy/rights"},
                "attached",
            ),
        ),
    ),
    Case(GUARDS, "approves", "fail", ROLE, _agents(statement("codepipeline:Put*")), EVASION),
    Case(GUARDS, "pushes", "fail", ROLE, _agents(statement("codecommit:GitPush")), NOT_GRANTED),
    Case(
        GUARDS,
        "everything but what it names",
        "fail",
        ROLE,
        _agents({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        EVASION,
    ),
    Case(
        GUARDS,
        "by name an agent's",
        "fail",
        ROLE,
        _inline(statement("s3:DeleteObject"), name="links-build-tester"),
        EVASION,
    ),
    Case(
        GUARDS,
        "an agent in its own bucket",
        "pass",
        ROLE,
        _agents(statement("s3:*", ["arn:aws:s3:::links-build-work", "arn:aws:s3:::links-build-work/*"])),
        NEAR,
    ),
    Case(
        GUARDS,
        "an agent that reads the audit store",
        "pass",
        ROLE,
        _agents(statement(["s3:Get*", "s3:List*"], [AUDIT, f"{AUDIT}/*"])),
        "near miss: no writing",
    ),
    Case(
        GUARDS,
        "an agent that writes everywhere but there",
        "pass",
        ROLE,
        _agents(
            statement("s3:PutObject"),
            {
                "Effect": "Deny",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::platform-audit-*", "arn:aws:s3:::platform-state-*"],
            },
        ),
        NEAR,
    ),
    Case(
        GUARDS,
        "an agent whose boundary leaves nothing of it",
        "pass",
        ROLE,
        _agents(statement("s3:*")) | {"permissionsBoundary": BOUNDED_ARN},
        "IAM User Guide: Permissions boundaries for IAM entities",
        others=(BOUNDARY,),
    ),
    Case(GUARDS, "no agent's", "pass", ROLE, _inline(statement("s3:PutObject", f"{AUDIT}/*")), NEAR),
    Case(
        GUARDS,
        "perhaps an agent's",
        "unknown",
        ROLE,
        _inline(statement("s3:PutObject", f"{AUDIT}/*")) | {"tags": UNKNOWN},
        PREVIEW,
        "tags",
    ),
    Case(
        GUARDS,
        "an agent's document not known",
        "unknown",
        ROLE,
        AGENT | {"inlinePolicies": [{"policy": UNKNOWN}]},
        PREVIEW,
        "inlinePolicies[0].policy",
    ),
    Case(
        GUARDS,
        "an agent's policy comes from what is not made yet",
        "unknown",
        ROLE,
        AGENT,
        PREVIEW,
        "policy",
        "more",
        others=(
            thing(
                ROLE_POLICY,
                {"role": UNKNOWN, "policy": UNKNOWN},
                "more",
                property_dependencies={"role": (urn(ROLE, "test"),)},
            ),
        ),
    ),
)
CASES = (*ESCALATION_CASES, *GUARD_CASES)
