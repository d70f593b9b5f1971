"""What a role may do, as IAM has it: read by the API at the moment that a grant is issued."""

from dataclasses import dataclass
from typing import Any

from access.aws.orders import Document


@dataclass(frozen=True)
class RoleDocuments:
    """A role, every document that is its own or attached to it, and its boundary."""

    arn: str
    identity: list[Document]
    boundary: Document | None


def role_documents(iam: Any, name: str) -> RoleDocuments:
    """Those of a role by its name; `iam` is a client. Raises botocore's errors."""
    role = iam.get_role(RoleName=name)["Role"]
    inline = [
        Document(name=f"{name}/{each}", document=iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"])
        for each in inline_policies(iam, name)
    ]
    attached = [
        _managed(iam, each["PolicyArn"])
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        for each in page["AttachedPolicies"]
    ]
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return RoleDocuments(role["Arn"], [*inline, *attached], _managed(iam, boundary) if boundary else None)


def inline_policies(iam: Any, role: str) -> list[str]:
    """The names of a role's own policies. Raises botocore's errors."""
    pages = iam.get_paginator("list_role_policies").paginate(RoleName=role)
    return [name for page in pages for name in page["PolicyNames"]]


def _managed(iam: Any, arn: str) -> Document:
    """The version of it that counts."""
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return Document(name=arn.rpartition("/")[2], document=found["Document"])
