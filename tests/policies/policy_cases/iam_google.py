"""Cases of the controls of IAM in Google Cloud: 27 and 28."""

import json

from policies import UNKNOWN
from policies.checks.iam_google import GRANTS
from policies.model import Plain

from .case import EVASION, Case
from .iam_words import NEAR, PREVIEW

BASIC = "no-basic-roles"
EVERYBODY = "not-for-everybody"

CHECKOV_BASIC = "Checkov CKV_GCP_117"
CHECKOV_BECOMES = "Checkov CKV_GCP_49"
CHECKOV_PUBLIC = "Checkov CKV_GCP_28/101/102"
PUBLIC = "Google Cloud IAM: Principal identifiers, allUsers and allAuthenticatedUsers"
ACLS = "Google Cloud Storage: Access control lists"

MEMBER = "gcp:projects/iAMMember:IAMMember"
BINDING = "gcp:projects/iAMBinding:IAMBinding"
POLICY = "gcp:projects/iAMPolicy:IAMPolicy"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
RUN_BINDING = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"
SECRET_POLICY = "gcp:secretmanager/secretIamPolicy:SecretIamPolicy"
BUCKET_ACCESS = "gcp:storage/bucketAccessControl:BucketAccessControl"
BUCKET_ACL = "gcp:storage/bucketACL:BucketACL"
RUNNER = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/links/subject/runner"


def _granted(token: str, role: str, member: str = RUNNER) -> dict[str, Plain]:
    if token.endswith("Policy"):
        return {"policyData": json.dumps({"bindings": [{"role": role, "members": [member]}]})}
    return {"role": role, **({"members": [member]} if token.endswith("Binding") else {"member": member})}


BASIC_CASES: tuple[Case, ...] = (
    *(
        Case(BASIC, f"editor: {token}", "fail", token, _granted(token, "roles/editor"), CHECKOV_BASIC)
        for token in GRANTS
    ),
    Case(BASIC, "owner", "fail", MEMBER, _granted(MEMBER, "roles/owner"), CHECKOV_BASIC, "role"),
    Case(BASIC, "viewer", "fail", BINDING, _granted(BINDING, "roles/viewer"), CHECKOV_BASIC, "role"),
    *(
        Case(BASIC, role, "fail", MEMBER, _granted(MEMBER, f"roles/{role}"), CHECKOV_BECOMES, "role")
        for role in (
            "iam.serviceAccountTokenCreator",
            "iam.serviceAccountUser",
            "iam.serviceAccountKeyAdmin",
            "iam.workloadIdentityUser",
            "resourcemanager.projectIamAdmin",
        )
    ),
    Case(
        BASIC,
        "for an hour only",
        "fail",
        MEMBER,
        _granted(MEMBER, "roles/editor") | {"condition": {"title": "x", "expression": "request.time < timestamp('x')"}},
        EVASION,
    ),
    Case(
        BASIC,
        "second of a whole policy",
        "fail",
        POLICY,
        {"policyData": json.dumps({"bindings": [{"role": "roles/logging.viewer"}, {"role": "roles/owner"}]})},
        CHECKOV_BASIC,
        "policyData.bindings[1].role",
    ),
    Case(BASIC, "no JSON", "fail", POLICY, {"policyData": "owner"}, "fail closed", "policyData"),
    Case(BASIC, "one service", "pass", MEMBER, _granted(MEMBER, "roles/logging.logWriter"), CHECKOV_BASIC),
    Case(BASIC, "viewer of one service", "pass", BINDING, _granted(BINDING, "roles/logging.viewer"), NEAR),
    Case(
        BASIC,
        "a role of the project's own with such a name",
        "pass",
        MEMBER,
        _granted(MEMBER, "projects/acme-links-build/roles/editor"),
        NEAR,
    ),
    Case(BASIC, "a whole policy", "pass", POLICY, _granted(POLICY, "roles/run.invoker"), NEAR),
    Case(BASIC, "not known", "unknown", MEMBER, {"role": UNKNOWN, "member": RUNNER}, PREVIEW, "role"),
    Case(BASIC, "policy not known", "unknown", POLICY, {"policyData": UNKNOWN}, PREVIEW, "policyData"),
)

PUBLIC_CASES: tuple[Case, ...] = (
    Case(
        EVERYBODY,
        "a bucket",
        "fail",
        BUCKET_MEMBER,
        _granted(BUCKET_MEMBER, "roles/storage.objectViewer", "allUsers"),
        CHECKOV_PUBLIC,
        "member",
    ),
    Case(
        EVERYBODY,
        "a service, for whoever is signed in",
        "fail",
        RUN_BINDING,
        {"role": "roles/run.invoker", "members": [RUNNER, "allAuthenticatedUsers"]},
        CHECKOV_PUBLIC,
        "members[1]",
    ),
    Case(
        EVERYBODY,
        "a whole policy",
        "fail",
        SECRET_POLICY,
        _granted(SECRET_POLICY, "roles/secretmanager.secretAccessor", "allUsers"),
        PUBLIC,
        "policyData.bindings[0].members[0]",
    ),
    Case(EVERYBODY, "an ACL", "fail", BUCKET_ACCESS, {"bucket": "b", "entity": "allUsers", "role": "READER"}, ACLS),
    Case(
        EVERYBODY, "a list of ACLs", "fail", BUCKET_ACL, {"roleEntities": ["READER:allUsers"]}, ACLS, "roleEntities[0]"
    ),
    Case(EVERYBODY, "a ready ACL", "fail", BUCKET_ACL, {"predefinedAcl": "publicRead"}, ACLS, "predefinedAcl"),
    Case(
        EVERYBODY,
        "one account",
        "pass",
        BUCKET_MEMBER,
        _granted(BUCKET_MEMBER, "roles/storage.objectViewer"),
        CHECKOV_PUBLIC,
    ),
    Case(
        EVERYBODY,
        "everybody of a domain",
        "pass",
        RUN_BINDING,
        {"role": "roles/run.invoker", "members": ["domain:acme.example", "group:allUsers.example"]},
        NEAR,
    ),
    Case(EVERYBODY, "a private ACL", "pass", BUCKET_ACL, {"predefinedAcl": "private"}, ACLS),
    Case(EVERYBODY, "what grants nothing", "pass", "gcp:storage/bucket:Bucket", {"name": "allUsers"}, NEAR),
    Case(EVERYBODY, "not known", "unknown", RUN_BINDING, {"members": [UNKNOWN]}, PREVIEW, "members[0]"),
    Case(EVERYBODY, "policy not known", "unknown", SECRET_POLICY, {"policyData": UNKNOWN}, PREVIEW, "policyData"),
)
CASES = (*BASIC_CASES, *PUBLIC_CASES)
