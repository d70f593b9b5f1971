"""Cases of the controls of IAM on attachments and long-lived identities: 25 and 26."""

from policies import UNKNOWN
from policies.checks.iam_attachments import ATTACHMENTS, LONG_LIVED
from policies.model import Plain

from .case import EVASION, Case
from .iam_words import NEAR, PREVIEW, ROLE, ROLE_ATTACHMENT

ADMIN = "no-admin-attachment"
LASTING = "no-long-lived-identities"

CHECKOV = "Checkov CKV_AWS_274"
CIS = "CIS AWS Foundations 1.16"
USERS = "Checkov CKV_AWS_273"
KEYS = "Checkov CKV2_GCP_3; Google Cloud: Best practices for managing service account keys"
TEMPORARY = "IAM User Guide: Security best practices, temporary credentials"
AWS = "arn:aws:iam::aws:policy"


def _attached(token: str, arn: str) -> dict[str, Plain]:
    (name,) = ATTACHMENTS[token]
    return {name: [arn] if name.endswith("s") else arn}


ATTACHMENT_CASES: tuple[Case, ...] = (
    *(
        Case(ADMIN, f"administrator: {token}", "fail", token, _attached(token, f"{AWS}/AdministratorAccess"), CHECKOV)
        for token in ATTACHMENTS
    ),
    Case(
        ADMIN,
        "all of IAM, among others",
        "fail",
        ROLE,
        {"managedPolicyArns": [f"{AWS}/ReadOnlyAccess", f"{AWS}/IAMFullAccess"]},
        "Rhino Security Labs: AWS IAM privilege escalation",
        "managedPolicyArns[1]",
    ),
    Case(
        ADMIN,
        "everything but IAM",
        "fail",
        ROLE_ATTACHMENT,
        {"role": "ci", "policyArn": f"{AWS}/PowerUserAccess"},
        "AWS Managed Policy Reference: PowerUserAccess",
        "policyArn",
    ),
    Case(
        ADMIN,
        "another partition",
        "fail",
        ROLE_ATTACHMENT,
        {"role": "ci", "policyArn": "arn:aws-us-gov:iam::aws:policy/AdministratorAccess"},
        EVASION,
    ),
    Case(
        ADMIN,
        "an administrator under another name",
        "fail",
        ROLE_ATTACHMENT,
        {"role": "ci", "policyArn": f"{AWS}/AdministratorAccess-Amplify"},
        "AWS Managed Policy Reference: AdministratorAccess-Amplify",
    ),
    Case(ADMIN, "reading only", "pass", ROLE_ATTACHMENT, {"role": "ci", "policyArn": f"{AWS}/ReadOnlyAccess"}, CHECKOV),
    Case(
        ADMIN,
        "a service's role",
        "pass",
        ROLE,
        {"managedPolicyArns": [f"{AWS}/service-role/AmazonECSTaskExecutionRolePolicy"]},
        CIS,
    ),
    Case(
        ADMIN,
        "a policy of the account's own with such a name",
        "pass",
        ROLE_ATTACHMENT,
        {"role": "ci", "policyArn": "arn:aws:iam::123456789012:policy/AdministratorAccess"},
        "near miss: what it says, control 15 reads",
    ),
    Case(ADMIN, "nothing attached", "pass", ROLE, {"managedPolicyArns": []}, NEAR),
    Case(ADMIN, "not known", "unknown", ROLE_ATTACHMENT, {"policyArn": UNKNOWN}, PREVIEW, "policyArn"),
    Case(ADMIN, "one not known", "unknown", ROLE, {"managedPolicyArns": [UNKNOWN]}, PREVIEW, "managedPolicyArns[0]"),
)

LASTING_CASES: tuple[Case, ...] = (
    *(
        Case(
            LASTING,
            f"made: {token}",
            "fail",
            token,
            {name: "links-build-ci"},
            KEYS if token.startswith("gcp:") else USERS,
            name,
        )
        for token, (name,) in LONG_LIVED.items()
    ),
    Case(LASTING, "a user without a name", "fail", "aws:iam/user:User", {"forceDestroy": True}, USERS, "name"),
    Case(
        LASTING,
        "a key that is turned off",
        "fail",
        "aws:iam/accessKey:AccessKey",
        {"user": "ci", "status": "Inactive"},
        "IAM User Guide: Update access keys, turned on again by one call",
        "user",
    ),
    Case(
        LASTING,
        "a key of one's own making",
        "fail",
        "gcp:serviceaccount/key:Key",
        {"serviceAccountId": "runner", "publicKeyData": "x"},
        KEYS,
    ),
    *(Case(LASTING, f"only read: {token}", "pass", token, {}, TEMPORARY) for token in LONG_LIVED),
    Case(LASTING, "name not known", "fail", "aws:iam/user:User", {"name": UNKNOWN}, USERS, "name"),
)
CASES = (*ATTACHMENT_CASES, *LASTING_CASES)
