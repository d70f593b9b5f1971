"""IAM: what is granted in Google Cloud."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each, members, parsed
from policies.resources import Resource

GRANTS: Final[dict[str, tuple[str, ...]]] = {
    f"gcp:{level}/iAM{kind}:IAM{kind}": names
    for level in ("projects", "folder", "organizations")
    for kind, names in (("Member", ("role",)), ("Binding", ("role",)), ("Policy", ("policyData",)))
}
"""What grants roles on everything in a project, a folder or an organisation."""

_BASIC: Final = frozenset(f"roles/{name}" for name in ("owner", "editor", "viewer", "admin", "writer", "reader"))
# Source: Checkov, CKV_GCP_49, and Google Cloud, "Roles for service account authentication".
_BECOMES_OTHERS: Final = frozenset(
    f"roles/{name}"
    for name in (
        "iam.securityAdmin",
        "iam.serviceAccountAdmin",
        "iam.serviceAccountKeyAdmin",
        "iam.serviceAccountOpenIdTokenCreator",
        "iam.serviceAccountTokenCreator",
        "iam.serviceAccountUser",
        "iam.workloadIdentityUser",
        "dataflow.developer",
        "dataproc.admin",
        "dataproc.editor",
        "dataproc.serviceAgent",
        "resourcemanager.folderAdmin",
        "resourcemanager.folderIamAdmin",
        "resourcemanager.organizationAdmin",
        "resourcemanager.projectIamAdmin",
        "serverless.serviceAgent",
    )
)

EVERYBODY: Final = ("allUsers", "allAuthenticatedUsers")
_GRANTING: Final = re.compile(r"gcp:.*:\w*((IAM|Iam)(Member|Binding|Policy)|AccessControl|ACL|DatasetAccess)")
_MEMBERS: Final = ("member", "members", "entity", "roleEntities", "specialGroup", "iamMember")
# Source: Cloud Storage, "Predefined ACLs".
_PUBLIC_ACLS: Final = ("publicRead", "publicReadWrite", "authenticatedRead")
PUBLIC_READS: Final[dict[str, tuple[str, ...]]] = {"gcp:*": (*_MEMBERS, "predefinedAcl", "policyData")}


def no_basic_roles(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 27: no basic role, and none by which one becomes other service accounts, on a whole project or more."""
    del context
    roles: list[tuple[Path, Plain]] = [(("role",), resource.properties.get("role"))]
    for path, binding in _bindings(resource):
        if isinstance(binding, Fail | Unknown):
            yield binding
        else:
            roles += members(binding, "role", path)
    for path, role in roles:
        if role is UNKNOWN:
            yield Unknown(path)
        elif isinstance(role, str) and role.strip() in _BASIC:
            yield Fail(path, "is a basic role: it spans every service", found=role)
        elif isinstance(role, str) and role.strip() in _BECOMES_OTHERS:
            yield Fail(path, "lets its members become other service accounts, here all of them", found=role)


def not_for_everybody(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 28: nothing is granted to everybody, signed in or not."""
    del context
    if not _GRANTING.fullmatch(resource.type):
        return
    named = [found for name in _MEMBERS for found in each(resource.properties.get(name), (name,))]
    for path, binding in _bindings(resource):
        if isinstance(binding, Fail | Unknown):
            yield binding
        else:
            named += [found for place, values in members(binding, "members", path) for found in each(values, place)]
    for path, member in named:
        if member is UNKNOWN:
            yield Unknown(path)
        # In lists of access control the role stands first: READER:allUsers.
        elif isinstance(member, str) and member.strip().rpartition(":")[2] in EVERYBODY:
            yield Fail(path, "is everybody", found=member)
    acl = resource.properties.get("predefinedAcl")
    if acl is UNKNOWN or acl in _PUBLIC_ACLS:
        yield Unknown(("predefinedAcl",)) if acl is UNKNOWN else Fail(("predefinedAcl",), "grants to everybody")


def _bindings(resource: Resource) -> Iterator[tuple[Path, "Plain | Finding"]]:
    """The bindings of a whole policy, which is a JSON text; a finding stands for what cannot be read."""
    root: Path = ("policyData",)
    data = resource.properties.get("policyData")
    if data is None:
        return
    try:
        policy = parsed(data)
    except ValueError:
        policy = None
    if policy is UNKNOWN:
        yield root, Unknown(root)
    elif not isinstance(policy, dict):
        yield root, Fail(root, "cannot be read as a policy")
    for place, bindings in members(policy, "bindings", root):
        for path, binding in each(bindings, place):
            yield path, Unknown(path) if binding is UNKNOWN else binding
