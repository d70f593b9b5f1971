"""IAM: what is attached, and identities that outlive the task."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.documents import ROLE
from policies.helpers.roles import POLICY_ATTACHMENT, ROLE_ATTACHMENT
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.reading import each
from policies.resources import Resource

ATTACHMENTS: Final[dict[str, tuple[str, ...]]] = {
    ROLE_ATTACHMENT: ("policyArn",),
    POLICY_ATTACHMENT: ("policyArn",),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": ("policyArn",),
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": ("policyArn",),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": ("policyArns",),
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": ("policyArns",),
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive": ("policyArns",),
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": ("managedPolicyArn",),
    "aws:ssoadmin/managedPolicyAttachmentsExclusive:ManagedPolicyAttachmentsExclusive": ("managedPolicyArns",),
    ROLE: ("managedPolicyArns",),
}
"""Everything that attaches a managed policy, and the property that names it."""

# Source: AWS Managed Policy Reference. AdministratorAccess-Amplify and the like make roles and attach policies;
# PowerUserAccess is an Allow with NotAction.
_ADMINISTRATOR: Final = re.compile(
    r"arn:aws[a-z-]*:iam::aws:policy/([\w-]+/)*(AdministratorAccess(-[\w-]+)?|IAMFullAccess|PowerUserAccess)",
    re.IGNORECASE,
)

LONG_LIVED: Final[dict[str, tuple[str, ...]]] = {
    "aws:iam/user:User": ("name",),
    "aws:iam/accessKey:AccessKey": ("user",),
    "aws:iam/userLoginProfile:UserLoginProfile": ("user",),
    "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": ("userName",),
    "gcp:serviceaccount/key:Key": ("serviceAccountId",),
}
"""Identities of persons in the account itself, and credentials that do not expire."""


def no_administrator_attached(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 25: no policy of AWS's own that makes an administrator is attached to anything."""
    del context
    for name in ATTACHMENTS[resource.type]:
        for path, value in each(resource.properties.get(name), (name,)):
            if value is UNKNOWN:
                yield Unknown(path)
            elif isinstance(value, str) and _ADMINISTRATOR.fullmatch(value.strip()):
                yield Fail(path, "makes its holder an administrator", found=value)


def no_long_lived_identities(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 26: no users of the account's own, and no key or password that stays valid until somebody removes it."""
    del context
    # What is only read is not made here.
    if resource.properties:
        (name,) = LONG_LIVED[resource.type]
        yield Fail((name,), "is given an identity that does not expire")
