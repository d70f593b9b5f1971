"""Cases of the controls of IAM."""

import json

from policies import UNKNOWN

from . import (
    iam_attachments,
    iam_cluster,
    iam_google,
    iam_powers,
    iam_public,
    iam_sharing,
    iam_statements,
    iam_trust,
)
from .case import EVASION, Case
from .iam_words import GROUP_POLICY, POLICY, ROLE, ROLE_POLICY, USER_POLICY

CHECKOV_IAM = "Checkov CKV_AWS_62/63"
CIS = "CIS AWS Foundations 1.16"
IAM_GRAMMAR = "IAM reference: policy grammar, Action and its wildcards"
ADMIN = "no-admin-wildcard"
BOUNDED = "agents-bounded"
BOUNDARIES = "IAM User Guide: Permissions boundaries for IAM entities"
PROWLER_AGENTS = "Prowler bedrock_agent_role_least_privilege"


def _allow(action: object, resource: object = "*", **more: object) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


CASES: tuple[Case, ...] = (
    *iam_statements.CASES,
    *iam_trust.CASES,
    *iam_attachments.CASES,
    *iam_powers.CASES,
    *iam_public.CASES,
    *iam_sharing.CASES,
    *iam_google.CASES,
    *iam_cluster.CASES,
    # 15. No admin `*`
    Case(ADMIN, "star on star", "fail", POLICY, {"policy": _allow("*")}, CHECKOV_IAM, "policy.Statement[0].Action"),
    Case(
        ADMIN,
        "star in a list",
        "fail",
        ROLE_POLICY,
        {"policy": _allow(["s3:GetObject", "*"], ["*"])},
        CHECKOV_IAM,
        "policy.Statement[0].Action[1]",
    ),
    Case(ADMIN, "question mark star", "fail", USER_POLICY, {"policy": _allow("?*")}, EVASION),
    Case(ADMIN, "star colon star", "fail", GROUP_POLICY, {"policy": _allow("*:*")}, CIS),
    Case(ADMIN, "wildcards only", "fail", POLICY, {"policy": _allow("??*:?*")}, IAM_GRAMMAR),
    Case(
        ADMIN,
        "wildcards that add up",
        "fail",
        POLICY,
        {"policy": _allow([f"*:{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz"])},
        EVASION,
    ),
    Case(
        ADMIN,
        "star action on one bucket",
        "fail",
        POLICY,
        {"policy": _allow("*", "arn:aws:s3:::b/*")},
        "Checkov CKV_AWS_63",
    ),
    Case(
        ADMIN,
        "star action, resource left out",
        "fail",
        POLICY,
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "Action": "*"}})},
        EVASION,
    ),
    Case(
        ADMIN,
        "inline policy of a role",
        "fail",
        ROLE,
        {"inlinePolicies": [{"name": "a", "policy": _allow("s3:GetObject")}, {"name": "b", "policy": _allow("*")}]},
        CHECKOV_IAM,
        "inlinePolicies[1].policy.Statement[0].Action",
    ),
    Case(
        ADMIN,
        "document as a mapping, one statement, odd case",
        "fail",
        POLICY,
        {"policy": {"statement": {"effect": "allow", "action": "*", "resource": "*"}}},
        "IAM reads effect and action ignoring case",
    ),
    Case(
        ADMIN,
        "second statement",
        "fail",
        POLICY,
        {
            "policy": json.dumps(
                {
                    "Statement": [
                        {"Effect": "Deny", "Action": "*", "Resource": "*"},
                        {"Effect": "Allow", "Action": ["*"], "Resource": ["*"]},
                    ]
                }
            )
        },
        CHECKOV_IAM,
    ),
    Case(ADMIN, "not JSON", "fail", POLICY, {"policy": "Allow everything"}, "fail closed", "policy"),
    Case(
        ADMIN,
        "a key given twice",
        "fail",
        POLICY,
        {"policy": '{"Statement": {"Effect": "Allow", "Action": "*", "Action": "s3:Get*"}}'},
        EVASION,
    ),
    Case(
        ADMIN,
        "named actions",
        "pass",
        POLICY,
        {"policy": _allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b/*")},
        CHECKOV_IAM,
    ),
    Case(ADMIN, "all of one service", "pass", POLICY, {"policy": _allow("s3:*")}, "near miss: another control's"),
    Case(
        ADMIN,
        "reading everywhere",
        "pass",
        POLICY,
        {"policy": _allow(["*:Get*", "*:List*", "*:Describe*"])},
        "near miss",
    ),
    Case(
        ADMIN,
        "denying everything",
        "pass",
        POLICY,
        {"policy": json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})},
        CHECKOV_IAM,
    ),
    Case(
        ADMIN,
        "one action on every resource",
        "pass",
        POLICY,
        {"policy": _allow("ecr:GetAuthorizationToken")},
        "ECR: allows no resource",
    ),
    Case(
        ADMIN,
        "NotAction",
        "pass",
        POLICY,
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}})},
        "control 16",
    ),
    Case(
        ADMIN,
        "role without inline policies",
        "pass",
        ROLE,
        {"assumeRolePolicy": _allow("sts:AssumeRole")},
        "positive control",
    ),
    Case(ADMIN, "document not known", "unknown", POLICY, {"policy": UNKNOWN}, "preview", "policy"),
    Case(
        ADMIN,
        "inline document not known",
        "unknown",
        ROLE,
        {"inlinePolicies": [{"name": "a", "policy": UNKNOWN}]},
        "preview",
        "inlinePolicies[0].policy",
    ),
    Case(
        ADMIN,
        "one action not known",
        "unknown",
        POLICY,
        {"policy": {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", UNKNOWN]}]}},
        "preview",
        "policy.Statement[0].Action[1]",
    ),
    Case(
        ADMIN,
        "effect not known",
        "unknown",
        POLICY,
        {"policy": {"Statement": [{"Effect": UNKNOWN, "Action": "*"}]}},
        "preview",
        "policy.Statement[0].Effect",
    ),
    # 22. Agent role has a permissions boundary
    Case(
        BOUNDED,
        "tagged as an agent's",
        "fail",
        ROLE,
        {"name": "links-build-x", "tags": {"function": "coder"}},
        BOUNDARIES,
        "permissionsBoundary",
    ),
    Case(
        BOUNDED,
        "made by the component",
        "fail",
        ROLE,
        {"name": "links-build-x", "permissionsBoundary": ""},
        PROWLER_AGENTS,
        "permissionsBoundary",
        parent="urn:pulumi:links-build::f::millwright:index:AppFactory$millwright:aws:AgentIdentity::links-build",
    ),
    Case(BOUNDED, "named as an agent's", "fail", ROLE, {"name": "links-build-security-reviewer"}, EVASION),
    Case(
        BOUNDED,
        "bounded by everything",
        "fail",
        ROLE,
        {"tags": {"Function": "coder"}, "permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
        EVASION,
        "permissionsBoundary",
    ),
    Case(
        BOUNDED,
        "bounded",
        "pass",
        ROLE,
        {"tags": {"function": "coder"}, "permissionsBoundary": "arn:aws:iam::123456789012:policy/links-build-agents"},
        BOUNDARIES,
    ),
    Case(BOUNDED, "nobody's", "pass", ROLE, {"name": "links-build-ci"}, "near miss"),
    Case(BOUNDED, "a name that only holds the word", "pass", ROLE, {"name": "links-build-decoder"}, "near miss"),
    Case(BOUNDED, "an empty tag", "pass", ROLE, {"name": "links-build-ci", "tags": {"function": ""}}, "near miss"),
    Case(
        BOUNDED,
        "boundary not known",
        "unknown",
        ROLE,
        {"tags": {"function": "coder"}, "permissionsBoundary": UNKNOWN},
        "preview",
        "permissionsBoundary",
    ),
    Case(BOUNDED, "tags not known", "unknown", ROLE, {"name": "x", "tags": UNKNOWN}, "preview", "tags"),
)
