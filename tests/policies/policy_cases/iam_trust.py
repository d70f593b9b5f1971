"""Cases of the controls of IAM on who may take a role: 19, 20 and 21."""

from policies import UNKNOWN
from policies.model import Plain

from .case import EVASION, Case
from .iam_words import LISTED, NEAR, OWN, PREVIEW, ROLE, STRANGER, mapping, text, trusting

TRUST = "trust-narrow"
SOURCE = "service-trust-has-source"
FEDERATED = "federation-exact"

CHECKOV_TRUST = "Checkov CKV_AWS_60/61"
EXTERNAL_ID = "IAM User Guide: Access to AWS accounts owned by third parties"
DEPUTY = "IAM User Guide: The confused deputy problem"
PROWLER_DEPUTY = "Prowler iam_role_cross_service_confused_deputy_prevention"
GITHUB_AWS = "GitHub Docs: Configuring OpenID Connect in Amazon Web Services"
GITHUB_GCP = "GitHub Docs: Configuring OpenID Connect in Google Cloud Platform"
CHECKOV_OIDC = "Checkov CKV_AWS_358"
CHECKOV_POOL = "Checkov CKV_GCP_125"
TINDER = "Tinder: Identifying vulnerabilities in GitHub Actions and AWS OIDC configurations"
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


def _service(condition: Plain = None, service: Plain = "ecs-tasks.amazonaws.com") -> dict[str, Plain]:
    more: dict[str, Plain] = {} if condition is None else {"Condition": condition}
    return {"name": "links-build-x", "assumeRolePolicy": mapping(trusting({"Service": service}, **more))}


SOURCE_CASES: tuple[Case, ...] = (
    Case(SOURCE, "no condition", "fail", ROLE, _service(), PROWLER_DEPUTY, "assumeRolePolicy.Statement[0].Condition"),
    Case(
        SOURCE,
        "another account",
        "fail",
        ROLE,
        _service({"StringEquals": {"aws:SourceAccount": [OWN, STRANGER]}}),
        DEPUTY,
        "assumeRolePolicy.Statement[0].Condition.StringEquals.aws:SourceAccount[1]",
    ),
    Case(
        SOURCE,
        "any account",
        "fail",
        ROLE,
        _service({"StringLike": {"aws:SourceAccount": "*"}}, ["codebuild.amazonaws.com"]),
        EVASION,
    ),
    Case(SOURCE, "any ARN", "fail", ROLE, _service({"ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:*:*"}}), EVASION),
    Case(
        SOURCE,
        "if there is a source",
        "fail",
        ROLE,
        _service({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}),
        "IAM User Guide: ...IfExists condition operators",
    ),
    Case(SOURCE, "not a stranger", "fail", ROLE, _service({"StringNotEquals": {"aws:SourceAccount": OWN}}), EVASION),
    Case(
        SOURCE,
        "beside an account",
        "fail",
        ROLE,
        {"assumeRolePolicy": text(trusting({"AWS": OWN, "Service": "lambda.amazonaws.com"}))},
        DEPUTY,
    ),
    Case(SOURCE, "account", "pass", ROLE, _service({"StringEquals": {"AWS:SourceAccount": OWN}}), DEPUTY),
    Case(
        SOURCE,
        "ARN of the account",
        "pass",
        ROLE,
        _service({"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-central-1:{OWN}:*"}}),
        "Amazon ECS Developer Guide: Task IAM role",
    ),
    Case(
        SOURCE,
        "ARN that names no account",
        "pass",
        ROLE,
        _service({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::links-build-in"}}, "s3.amazonaws.com"),
        NEAR,
    ),
    Case(
        SOURCE,
        "account, and any ARN",
        "pass",
        ROLE,
        _service({"StringEquals": {"aws:SourceAccount": OWN}, "ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:*:*"}}),
        DEPUTY,
    ),
    Case(SOURCE, "organisation", "pass", ROLE, _service({"StringEquals": {"aws:SourceOrgID": "o-acme000000"}}), DEPUTY),
    Case(SOURCE, "no service", "pass", ROLE, _role(trusting({"AWS": OWN})), NEAR),
    Case(
        SOURCE,
        "a service denied",
        "pass",
        ROLE,
        _role({"Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}),
        NEAR,
    ),
    Case(SOURCE, "not known", "unknown", ROLE, {"assumeRolePolicy": UNKNOWN}, PREVIEW, "assumeRolePolicy"),
    Case(
        SOURCE,
        "account not known",
        "unknown",
        ROLE,
        _service({"StringEquals": {"aws:SourceAccount": UNKNOWN}}),
        PREVIEW,
        "assumeRolePolicy.Statement[0].Condition.StringEquals.aws:SourceAccount",
    ),
    Case(
        SOURCE,
        "principal not known",
        "unknown",
        ROLE,
        {"assumeRolePolicy": mapping(trusting(UNKNOWN))},
        PREVIEW,
        "assumeRolePolicy.Statement[0].Principal",
    ),
)

GITHUB = "token.actions.githubusercontent.com"
POOL_PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
EKS = "oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF0123456789"


def _web(condition: Plain, provider: str = GITHUB) -> dict[str, Plain]:
    principal: Plain = {"Federated": f"arn:aws:iam::{OWN}:oidc-provider/{provider}"}
    more: dict[str, Plain] = {} if condition is None else {"Condition": condition}
    return {"assumeRolePolicy": mapping(trusting(principal, "sts:AssumeRoleWithWebIdentity", **more))}


def _sub(subject: Plain, operator: str = "StringEquals", audience: Plain = "sts.amazonaws.com") -> Plain:
    return {operator: {f"{GITHUB}:sub": subject}, "StringEqualsIgnoreCase": {f"{GITHUB}:aud": audience}}


def _pool(condition: Plain, issuer: Plain = f"https://{GITHUB}") -> dict[str, Plain]:
    return {"oidc": {"issuerUri": issuer}, "attributeCondition": condition}


MAIN = "repo:acme/links:ref:refs/heads/main"
FEDERATED_CASES: tuple[Case, ...] = (
    Case(FEDERATED, "no condition", "fail", ROLE, _web(None), CHECKOV_OIDC, "assumeRolePolicy.Statement[0].Condition"),
    Case(
        FEDERATED,
        "audience only",
        "fail",
        ROLE,
        _web({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}),
        TINDER,
    ),
    Case(
        FEDERATED,
        "every ref of a repository",
        "fail",
        ROLE,
        _web(_sub("repo:acme/links:*", "StringLike")),
        GITHUB_AWS,
        f"assumeRolePolicy.Statement[0].Condition.StringLike.{GITHUB}:sub",
    ),
    Case(FEDERATED, "every repository", "fail", ROLE, _web(_sub("repo:acme/*", "StringLike")), CHECKOV_OIDC),
    Case(FEDERATED, "pull requests", "fail", ROLE, _web(_sub("repo:acme/links:pull_request")), TINDER),
    Case(
        FEDERATED,
        "another's repository",
        "fail",
        ROLE,
        _web(_sub("repo:acme/pay:environment:production")),
        CHECKOV_OIDC,
    ),
    Case(FEDERATED, "one of two open", "fail", ROLE, _web(_sub([MAIN, "repo:acme/links:*"], "StringLike")), EVASION),
    Case(
        FEDERATED,
        "another audience",
        "fail",
        ROLE,
        _web(_sub(MAIN, audience="https://github.com/acme")),
        "GitHub Docs: OpenID Connect reference, aud",
    ),
    Case(
        FEDERATED,
        "no audience",
        "fail",
        ROLE,
        _web({"StringEquals": {f"{GITHUB}:sub": MAIN}}),
        GITHUB_AWS,
        "assumeRolePolicy.Statement[0].Condition",
    ),
    Case(
        FEDERATED,
        "all service accounts of a cluster",
        "fail",
        ROLE,
        _web({"StringLike": {f"{EKS}:sub": "system:serviceaccount:*:*", f"{EKS}:aud": "sts.amazonaws.com"}}, EKS),
        "Amazon EKS User Guide: IAM roles for service accounts",
    ),
    Case(
        FEDERATED,
        "a pool without a condition",
        "fail",
        POOL_PROVIDER,
        {"oidc": {"issuerUri": f"https://{GITHUB}"}},
        CHECKOV_POOL,
        "attributeCondition",
    ),
    Case(
        FEDERATED,
        "a pool for an owner",
        "fail",
        POOL_PROVIDER,
        _pool('assertion.repository_owner == "acme"'),
        CHECKOV_POOL,
    ),
    Case(
        FEDERATED,
        "a pool for a repository, any ref",
        "fail",
        POOL_PROVIDER,
        _pool("assertion.repository == 'acme/links'"),
        CHECKOV_POOL,
    ),
    Case(
        FEDERATED,
        "a pool for one or any",
        "fail",
        POOL_PROVIDER,
        _pool(f'assertion.sub == "{MAIN}" || assertion.ref == "refs/heads/main"'),
        EVASION,
        "attributeCondition",
    ),
    Case(FEDERATED, "branch", "pass", ROLE, _web(_sub(MAIN)), GITHUB_AWS),
    Case(
        FEDERATED,
        "environment, with a wildcard that is none",
        "pass",
        ROLE,
        _web(_sub(["repo:acme/links:environment:production"], "StringLike")),
        GITHUB_AWS,
    ),
    Case(
        FEDERATED,
        "one service account of a cluster",
        "pass",
        ROLE,
        _web(
            {"StringEquals": {f"{EKS}:sub": "system:serviceaccount:links:web", f"{EKS}:aud": "sts.amazonaws.com"}}, EKS
        ),
        "Amazon EKS User Guide: IAM roles for service accounts",
    ),
    Case(
        FEDERATED,
        "SAML",
        "pass",
        ROLE,
        _role(trusting({"Federated": f"arn:aws:iam::{OWN}:saml-provider/x"}, "sts:AssumeRoleWithSAML")),
        "near miss: no OpenID",
    ),
    Case(FEDERATED, "a pool for a branch", "pass", POOL_PROVIDER, _pool(f"assertion.sub == '{MAIN}'"), GITHUB_GCP),
    Case(
        FEDERATED,
        "a pool for an environment, claim by claim",
        "pass",
        POOL_PROVIDER,
        _pool('assertion.repository == "acme/links" && "production" == assertion.environment'),
        GITHUB_GCP,
    ),
    Case(FEDERATED, "a pool of AWS accounts", "pass", POOL_PROVIDER, {"aws": {"accountId": OWN}}, NEAR),
    Case(FEDERATED, "subject not known", "unknown", ROLE, _web(_sub(UNKNOWN)), PREVIEW),
    Case(
        FEDERATED,
        "provider not known",
        "unknown",
        ROLE,
        {"assumeRolePolicy": mapping(trusting({"Federated": UNKNOWN}))},
        PREVIEW,
        "assumeRolePolicy.Statement[0].Principal.Federated",
    ),
    Case(FEDERATED, "a pool's condition not known", "unknown", POOL_PROVIDER, _pool(UNKNOWN), PREVIEW),
)
CASES = (*TRUST_CASES, *SOURCE_CASES, *FEDERATED_CASES)
