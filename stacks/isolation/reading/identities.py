"""Roles with every document that bounds what they may do; users and groups by name."""

from collections.abc import Iterator
from typing import Any

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Document, Identity, Kind, Resource

SERVICE_LINKED = "/aws-service-role/"
OWN_POLICY = ":aws:policy/"
# AWS's own policies are a thousand: those that are attached are read one by one.
DETAILS = {
    "RoleDetailList": "Role",
    "Policies": "LocalManagedPolicy",
    "UserDetailList": "User",
    "GroupDetailList": "Group",
}


def read_identities(reader: Reader) -> tuple[list[Resource], list[Identity]]:
    """Every role, user, group and policy of the account's own, and what each role's documents are.

    By GetAccountAuthorizationDetails, so that a thousand roles cost no thousand calls.
    """
    details = {
        key: reader.pages("iam", "get_account_authorization_details", key, Filter=[kind])
        for key, kind in DETAILS.items()
    }
    policies = {policy["Arn"]: _document(policy) for policy in details["Policies"]}
    resources = [
        Resource(
            kind=Kind.MANAGED_POLICY,
            id=policy["Arn"],
            arns=(policy["Arn"],),
            tags=_policy_tags(reader, policy["Arn"]),
            by_aws=_is_aws(policy["Arn"]),
        )
        for policy in details["Policies"]
    ]
    identities = []
    for role in details["RoleDetailList"]:
        resources.append(_role(role))
        resources += _profiles(role)
        identities.append(_identity(reader, role, policies))
    for kind, key in ((Kind.USER, "UserDetailList"), (Kind.GROUP, "GroupDetailList")):
        resources += [
            Resource(kind=kind, id=each["Arn"], arns=(each["Arn"],), tags=tags_of(each.get("Tags")))
            for each in details[key]
        ]
    return resources, identities


def _role(role: dict[str, Any]) -> Resource:
    attached = [policy["PolicyArn"] for policy in role["AttachedManagedPolicies"]]
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return Resource(
        kind=Kind.ROLE,
        id=role["Arn"],
        arns=(role["Arn"],),
        tags=tags_of(role.get("Tags")),
        refers=(
            *references("attached policy", [arn for arn in attached if not _is_aws(arn)]),
            *references("boundary", [boundary if boundary and not _is_aws(boundary) else None]),
        ),
        policy=Document(name=f"trust policy of {role['RoleName']}", content=role["AssumeRolePolicyDocument"]),
        by_aws=role["Path"].startswith(SERVICE_LINKED),
    )


def _profiles(role: dict[str, Any]) -> Iterator[Resource]:
    for profile in role["InstanceProfileList"]:
        yield Resource(kind=Kind.PROFILE, id=profile["Arn"], arns=(profile["Arn"],), part_of=role["Arn"])


def _identity(reader: Reader, role: dict[str, Any], policies: dict[str, Document]) -> Identity:
    inline = [
        Document(name=f"inline policy {policy['PolicyName']} of {role['RoleName']}", content=policy["PolicyDocument"])
        for policy in role["RolePolicyList"]
    ]
    attached = [_attached(reader, policy["PolicyArn"], policies) for policy in role["AttachedManagedPolicies"]]
    bound = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return Identity(
        role=role["Arn"],
        documents=(*inline, *attached),
        boundary=_attached(reader, bound, policies) if bound else None,
    )


def _attached(reader: Reader, arn: str, policies: dict[str, Document]) -> Document:
    """A managed policy's document. One that cannot be read is no JSON, so that it counts as what cannot be judged."""
    if arn not in policies:
        found = reader.call("iam", "get_policy", PolicyArn=arn)
        version = found and reader.call(
            "iam", "get_policy_version", PolicyArn=arn, VersionId=found["Policy"]["DefaultVersionId"]
        )
        content = version["PolicyVersion"]["Document"] if version else ""
        policies[arn] = Document(name=f"policy {arn}", content=content)
    return policies[arn]


def _document(policy: dict[str, Any]) -> Document:
    content = next((v["Document"] for v in policy["PolicyVersionList"] if v["IsDefaultVersion"]), "")
    return Document(name=f"policy {policy['Arn']}", content=content)


def _policy_tags(reader: Reader, arn: str) -> dict[str, str]:
    return {} if _is_aws(arn) else tags_of(reader.pages("iam", "list_policy_tags", "Tags", PolicyArn=arn))


def _is_aws(arn: str) -> bool:
    return OWN_POLICY in arn
