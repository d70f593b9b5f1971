"""Cases of the controls of IAM on who may take a role: 19, 20 and 21."""

from policies import UNKNOWN
from policies.model import Plain

from .case import EVASION, Case
from .iam_words import LISTED, NEAR, OWN, PREVIEW, ROLE, STRANGER, mapping, text, trusting

TRUST = "trust-narrow"

CHECKOV_TRUST = "Checkov CKV_AWS_60/61"
EXTERNAL_ID = "IAM User Guide: Access to AWS accounts owned by third parties"
PRINCIPALS = "IAM reference: AWS JSON policy elements, Principal"


def _role(*statements: Plain) -> dict[str, Plain]:
    return {"name": "links-build-x", "assumeRolePolicy": text(*statements)}


def _asking(value: Plain, operator: str = "StringEquals") -> Plain:
    return {operator: {"sts:ExternalId": value}}


TRUST_CASES: tuple[Case, ...] = (
    Case(
        TRUST,
        "everyone",
        "fail",
        ROLE,
        _role(trusting("*")),
        CHECKOV_TRUST,
        "assumeRolePolicy.Statement[0].Principal",
    ),
    Case(
        TRUST,
        "everyone, under AWS",
        "fail",
        ROLE,
        _role(trusting({"AWS": ["*"]})),
        CHECKOV_TRUST,
        "assumeRolePolicy.Statement[0].Principal.AWS[0]",
    ),
    Case(
        TRUST,
        "everyone of the organisation, whose accounts are not listed",
        "fail",
        ROLE,
        _role(trusting({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-acme0000000"}})),
        CHECKOV_TRUST,
    ),
    Case(
        TRUST,
        "a wildcard in an ARN",
        "fail",
        ROLE,
        _role(trusting({"AWS": "arn:aws:iam::*:role/ci"})),
        EVASION,
    ),
    Case(
        TRUST,
        "an account that is not listed",
        "fail",
        ROLE,
        _role(trusting({"AWS": STRANGER}, Condition=_asking("links-7c1"))),
        CHECKOV_TRUST,
        "assumeRolePolicy.Statement[0].Principal.AWS",
    ),
    Case(
        TRUST,
        "a listed account without external id",
        "fail",
        ROLE,
        _role(trusting({"AWS": f"arn:aws:iam::{LISTED}:root"})),
        EXTERNAL_ID,
        "assumeRolePolicy.Statement[0].Condition",
    ),
    Case(
        TRUST,
        "a listed account with any external id",
        "fail",
        ROLE,
        _role(trusting({"AWS": LISTED}, Condition=_asking("*", "StringLike"))),
        EVASION,
        "assumeRolePolicy.Statement[0].Condition.StringLike.sts:ExternalId",
    ),
    Case(
        TRUST,
        "a listed account with an external id if it likes",
        "fail",
        ROLE,
        _role(trusting({"AWS": LISTED}, Condition=_asking("links-7c1", "StringEqualsIfExists"))),
        "IAM User Guide: ...IfExists condition operators",
    ),
    Case(
        TRUST,
        "the second of two",
        "fail",
        ROLE,
        {"assumeRolePolicy": mapping(trusting({"AWS": [OWN, f"arn:aws:iam::{STRANGER}:role/x"]}))},
        EVASION,
        "assumeRolePolicy.Statement[0].Principal.AWS[1]",
    ),
    Case(TRUST, "what is no principal", "fail", ROLE, _role(trusting({"AWS": "links"})), PRINCIPALS),
    Case(TRUST, "nobody", "fail", ROLE, _role({"Effect": "Allow", "Action": "sts:AssumeRole"}), "fail closed"),
    Case(
        TRUST,
        "an identity provider of another account",
        "fail",
        ROLE,
        _role(trusting({"Federated": f"arn:aws:iam::{STRANGER}:saml-provider/x"}, "sts:AssumeRoleWithSAML")),
        EVASION,
    ),
    Case(
        TRUST,
        "a service",
        "pass",
        ROLE,
        _role(trusting({"Service": ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]})),
        "near miss: control 20",
    ),
    Case(
        TRUST,
        "the own account",
        "pass",
        ROLE,
        _role(trusting({"AWS": [OWN, f"arn:aws:iam::{OWN}:root", f"arn:aws:iam::{OWN}:role/links-ci"]})),
        CHECKOV_TRUST,
    ),
    Case(
        TRUST,
        "a listed account with its external id",
        "pass",
        ROLE,
        _role(trusting({"AWS": f"arn:aws:iam::{LISTED}:role/scanner"}, Condition=_asking("links-7c1"))),
        EXTERNAL_ID,
    ),
    Case(
        TRUST,
        "an identity provider of the account",
        "pass",
        ROLE,
        _role(trusting({"Federated": f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"})),
        "near miss: control 21",
    ),
    Case(
        TRUST,
        "everyone denied",
        "pass",
        ROLE,
        _role(
            trusting({"AWS": OWN}),
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sts:AssumeRole",
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
            },
        ),
        NEAR,
    ),
    Case(TRUST, "not known", "unknown", ROLE, {"assumeRolePolicy": UNKNOWN}, PREVIEW, "assumeRolePolicy"),
    Case(
        TRUST,
        "principal not known",
        "unknown",
        ROLE,
        {"assumeRolePolicy": mapping(trusting({"AWS": UNKNOWN}))},
        PREVIEW,
        "assumeRolePolicy.Statement[0].Principal.AWS",
    ),
    Case(
        TRUST,
        "external id not known",
        "unknown",
        ROLE,
        {"assumeRolePolicy": mapping(trusting({"AWS": LISTED}, Condition=_asking(UNKNOWN)))},
        PREVIEW,
    ),
)
CASES = TRUST_CASES
