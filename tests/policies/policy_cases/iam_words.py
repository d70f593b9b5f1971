"""Words of the cases of IAM: type tokens, sources, and policy documents in short."""

import json

from policies.model import Plain

POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
USER_POLICY = "aws:iam/userPolicy:UserPolicy"
GROUP_POLICY = "aws:iam/groupPolicy:GroupPolicy"
ROLE = "aws:iam/role:Role"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"

OWN = "123456789012"
LISTED = "210987654321"
STRANGER = "666666666666"
NEAR = "near miss"
PREVIEW = "preview"


def statement(action: Plain, resource: Plain = "*", **more: Plain) -> dict[str, Plain]:
    """One Allow statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trusting(principal: Plain, action: Plain = "sts:AssumeRole", **more: Plain) -> dict[str, Plain]:
    """One Allow statement of a trust policy, or of another that names its principals."""
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def mapping(*statements: Plain) -> dict[str, Plain]:
    """A document as a mapping, parts of which may be not known."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def text(*statements: Plain) -> str:
    """A document as JSON text."""
    return json.dumps(mapping(*statements))
