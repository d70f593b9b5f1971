"""Cases of the controls of IAM on single statements: 16 and 18."""

from policies import UNKNOWN
from policies.helpers.documents import RESOURCE_POLICIES

from .case import EVASION, Case
from .iam_words import GROUP_POLICY, NEAR, POLICY, PREVIEW, ROLE, ROLE_POLICY, USER_POLICY, mapping, statement, text

NEGATED = "no-allow-with-negation"
PASSED = "pass-role-narrow"

GUARD = "AWS CloudFormation Guard rules registry: iam_policy no_allow_plus_not_*"
NOT_ACTION = "IAM User Guide: NotAction with Allow"
NOT_PRINCIPAL = "IAM User Guide: NotPrincipal with Allow"
PASS_ROLE = "IAM User Guide: Grant a user permissions to pass a role to an AWS service"
RHINO = "Rhino Security Labs: AWS IAM privilege escalation, PassRole"
GUARD_PASS = "Guard iam_policy no_wildcard_resource_on_passrole"

ONE_ROLE = "arn:aws:iam::123456789012:role/links-build-task"
TO_ECS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}

NEGATION_CASES: tuple[Case, ...] = (
    Case(
        NEGATED,
        "everything but IAM",
        "fail",
        POLICY,
        {"policy": text({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})},
        GUARD,
        "policy.Statement[0].NotAction",
    ),
    Case(
        NEGATED,
        "every bucket but one",
        "fail",
        ROLE_POLICY,
        {"policy": text({"Effect": "Allow", "Action": "s3:*", "NotResource": ["arn:aws:s3:::pay/*"]})},
        GUARD,
        "policy.Statement[0].NotResource[0]",
    ),
    Case(
        NEGATED,
        "not only the first statement",
        "fail",
        USER_POLICY,
        {"policy": text(statement("s3:GetObject"), {"Effect": "Allow", "NotAction": ["s3:Put*"], "Resource": "*"})},
        NOT_ACTION,
        "policy.Statement[1].NotAction[0]",
    ),
    Case(
        NEGATED,
        "whatever the case of its keys",
        "fail",
        GROUP_POLICY,
        {"policy": {"statement": {"effect": "allow", "notaction": "iam:*", "resource": "*"}}},
        EVASION,
    ),
    Case(
        NEGATED,
        "in an inline policy",
        "fail",
        ROLE,
        {"inlinePolicies": [{"policy": text({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})}]},
        GUARD,
        "inlinePolicies[0].policy.Statement[0].NotAction",
    ),
    Case(
        NEGATED,
        "trusting everyone but one",
        "fail",
        ROLE,
        {
            "assumeRolePolicy": text(
                {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
            )
        },
        NOT_PRINCIPAL,
        "assumeRolePolicy.Statement[0].NotPrincipal.AWS",
    ),
    *(
        Case(
            NEGATED,
            f"open to everyone but one: {token}",
            "fail",
            token,
            {
                "policy": text(
                    {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "*", "Resource": "*"}
                )
            },
            NOT_PRINCIPAL,
            "policy.Statement[0].NotPrincipal.AWS",
        )
        for token in RESOURCE_POLICIES
    ),
    Case(NEGATED, "named", "pass", POLICY, {"policy": text(statement("s3:GetObject", "arn:aws:s3:::b/*"))}, GUARD),
    Case(
        NEGATED,
        "denying all but MFA set-up",
        "pass",
        POLICY,
        {"policy": text({"Effect": "Deny", "NotAction": "iam:EnableMFADevice", "Resource": "*"})},
        "IAM tutorial: Permit users to manage their credentials and MFA settings",
    ),
    Case(
        NEGATED,
        "denying other secrets",
        "pass",
        POLICY,
        {"policy": text({"Effect": "Deny", "Action": "secretsmanager:*", "NotResource": "arn:aws:s3:::b"})},
        "IAM User Guide: NotResource with Deny",
    ),
    Case(
        NEGATED,
        "a bucket denied to all but one role",
        "pass",
        "aws:s3/bucketPolicy:BucketPolicy",
        {"policy": text({"Effect": "Deny", "NotPrincipal": {"AWS": ONE_ROLE}, "Action": "s3:*", "Resource": "*"})},
        "IAM User Guide: NotPrincipal with Deny",
    ),
    Case(NEGATED, "a role that trusts a service", "pass", ROLE, {"assumeRolePolicy": text()}, NEAR),
    Case(NEGATED, "trust not known", "unknown", ROLE, {"assumeRolePolicy": UNKNOWN}, PREVIEW, "assumeRolePolicy"),
    Case(
        NEGATED,
        "effect not known",
        "unknown",
        POLICY,
        {"policy": mapping({"Effect": UNKNOWN, "NotAction": "iam:*", "Resource": "*"})},
        PREVIEW,
        "policy.Statement[0].Effect",
    ),
)

PASS_CASES: tuple[Case, ...] = (
    Case(
        PASSED,
        "any role",
        "fail",
        POLICY,
        {"policy": text(statement("iam:PassRole", "*", Condition=TO_ECS))},
        GUARD_PASS,
        "policy.Statement[0].Resource",
    ),
    Case(
        PASSED,
        "any role of the account",
        "fail",
        ROLE_POLICY,
        {"policy": text(statement("iam:PassRole", "arn:aws:iam::123456789012:role/*", Condition=TO_ECS))},
        RHINO,
        "policy.Statement[0].Resource",
    ),
    Case(
        PASSED,
        "roles that begin alike",
        "fail",
        GROUP_POLICY,
        {"policy": text(statement("iam:PassRole", [ONE_ROLE, f"{ONE_ROLE}-*"], Condition=TO_ECS))},
        GUARD_PASS,
        "policy.Statement[0].Resource[1]",
    ),
    Case(
        PASSED,
        "to any service",
        "fail",
        USER_POLICY,
        {"policy": text(statement(["ecs:RunTask", "iam:PassRole"], ONE_ROLE))},
        PASS_ROLE,
        "policy.Statement[0].Condition",
    ),
    Case(
        PASSED,
        "to any service, by wildcard",
        "fail",
        POLICY,
        {"policy": text(statement("iam:P*", ONE_ROLE, Condition={"StringLike": {"iam:PassedToService": "*"}}))},
        EVASION,
        "policy.Statement[0].Condition.StringLike.iam:PassedToService",
    ),
    Case(
        PASSED,
        "only if it is said to which service",
        "fail",
        POLICY,
        {
            "policy": text(
                statement(
                    "iam:PassRole",
                    ONE_ROLE,
                    Condition={"StringEqualsIfExists": {"iam:PassedToService": "ec2.amazonaws.com"}},
                )
            )
        },
        "IAM User Guide: ...IfExists condition operators",
    ),
    Case(
        PASSED,
        "to all services but one",
        "fail",
        POLICY,
        {
            "policy": text(
                statement(
                    "iam:PassRole",
                    ONE_ROLE,
                    Condition={"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
                )
            )
        },
        EVASION,
    ),
    Case(
        PASSED,
        "within all of IAM, in an inline policy",
        "fail",
        ROLE,
        {"inlinePolicies": [{"policy": mapping(statement(["iam:*"], [ONE_ROLE]))}]},
        RHINO,
        "inlinePolicies[0].policy.Statement[0].Condition",
    ),
    Case(
        PASSED,
        "by a variable",
        "fail",
        POLICY,
        {"policy": text(statement("iam:PassRole", "arn:aws:iam::123456789012:role/${aws:username}", Condition=TO_ECS))},
        EVASION,
    ),
    Case(
        PASSED,
        "every action but some",
        "fail",
        POLICY,
        {"policy": text({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"})},
        EVASION,
    ),
    Case(
        PASSED,
        "a named role to a named service",
        "pass",
        POLICY,
        {"policy": text(statement("iam:PassRole", ONE_ROLE, Condition=TO_ECS))},
        PASS_ROLE,
    ),
    Case(
        PASSED,
        "two roles, two services, beside another condition",
        "pass",
        ROLE_POLICY,
        {
            "policy": text(
                statement(
                    "iam:PassRole",
                    [ONE_ROLE, f"{ONE_ROLE}-start"],
                    Condition={
                        "StringLike": {"iam:AssociatedResourceArn": "*"},
                        "StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]},
                    },
                )
            )
        },
        PASS_ROLE,
    ),
    Case(
        PASSED,
        "denied",
        "pass",
        POLICY,
        {"policy": text({"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"})},
        GUARD_PASS,
    ),
    Case(PASSED, "other actions of IAM", "pass", POLICY, {"policy": text(statement("iam:Get*"))}, NEAR),
    Case(PASSED, "a token", "pass", POLICY, {"policy": text(statement("ecr:GetAuthorizationToken"))}, NEAR),
    Case(
        PASSED,
        "of what is no role",
        "pass",
        POLICY,
        {"policy": text(statement(["iam:*"], "arn:aws:iam::123456789012:oidc-provider/*"))},
        "Service authorization reference of IAM: PassRole is of roles",
    ),
    Case(PASSED, "document not known", "unknown", POLICY, {"policy": UNKNOWN}, PREVIEW, "policy"),
    Case(
        PASSED,
        "role not known",
        "unknown",
        POLICY,
        {"policy": mapping(statement("iam:PassRole", UNKNOWN, Condition=TO_ECS))},
        PREVIEW,
        "policy.Statement[0].Resource",
    ),
    Case(
        PASSED,
        "conditions not known",
        "unknown",
        POLICY,
        {"policy": mapping(statement("iam:PassRole", ONE_ROLE, Condition=UNKNOWN))},
        PREVIEW,
        "policy.Statement[0].Condition",
    ),
    Case(
        PASSED,
        "service not known",
        "unknown",
        POLICY,
        {
            "policy": mapping(
                statement("iam:PassRole", ONE_ROLE, Condition={"StringEquals": {"iam:PassedToService": UNKNOWN}})
            )
        },
        PREVIEW,
    ),
    Case(
        PASSED,
        "action not known",
        "unknown",
        POLICY,
        {"policy": mapping(statement(UNKNOWN, "*"))},
        PREVIEW,
        "policy.Statement[0].Action",
    ),
)
CASES = (*NEGATION_CASES, *PASS_CASES)
