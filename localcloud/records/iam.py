"""IAM: role and its inline policy."""

import json
from typing import Any

from localcloud.documents import policy_form
from localcloud.records.record import TAGS, Call, Name, Record, View, document, flag, integer, tags_from, tags_to, text

HOUR = 3600


def create_role(call: Call) -> str:
    """Make a role."""
    name = str(call.inputs["name"])
    call.aws("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=call.inputs["assumeRolePolicy"],
        Path=call.inputs["path"],
        MaxSessionDuration=call.inputs["maxSessionDuration"],
        Tags=call.tag_list,
        **call.given(
            Description=call.inputs.get("description"), PermissionsBoundary=call.inputs.get("permissionsBoundary")
        ),
    )
    return name


def update_role(call: Call) -> None:
    """Change trust, description, session length, boundary and tags."""
    iam = call.aws("iam")
    if call.changed("assumeRolePolicy"):
        iam.update_assume_role_policy(RoleName=call.id, PolicyDocument=call.inputs["assumeRolePolicy"])
    if call.changed("description", "maxSessionDuration"):
        iam.update_role(
            RoleName=call.id,
            Description=call.inputs.get("description") or "",
            MaxSessionDuration=call.inputs["maxSessionDuration"],
        )
    if call.changed("permissionsBoundary"):
        if boundary := call.inputs.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=call.id, PermissionsBoundary=boundary)
        else:
            iam.delete_role_permissions_boundary(RoleName=call.id)
    added, removed = call.tag_change()
    if removed:
        iam.untag_role(RoleName=call.id, TagKeys=removed)
    if added:
        iam.tag_role(RoleName=call.id, Tags=tags_to(added))


def read_role(call: Call) -> View:
    """A role."""
    role = call.aws("iam").get_role(RoleName=call.id)["Role"]
    return {
        "name": role["RoleName"],
        "assumeRolePolicy": as_text(role["AssumeRolePolicyDocument"]),
        "description": role.get("Description"),
        "path": role["Path"],
        "maxSessionDuration": role.get("MaxSessionDuration", HOUR),
        "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "arn": role["Arn"],
        "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "uniqueId": role["RoleId"],
        "tagsAll": tags_from(role.get("Tags")),
    }


def as_text(policy: Any) -> str:
    """A policy document as text (boto3 decodes IAM's answers)."""
    return policy if isinstance(policy, str) else json.dumps(policy)


def delete_role(call: Call) -> None:
    """Remove a role; with forceDetachPolicies, also what is attached to it."""
    iam = call.aws("iam")
    for profile in iam.list_instance_profiles_for_role(RoleName=call.id)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=call.id)
    if call.inputs.get("forceDetachPolicies"):
        for policy in iam.list_attached_role_policies(RoleName=call.id)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=call.id, PolicyArn=policy["PolicyArn"])
        for name in iam.list_role_policies(RoleName=call.id)["PolicyNames"]:
            iam.delete_role_policy(RoleName=call.id, PolicyName=name)
    iam.delete_role(RoleName=call.id)


def put_policy(call: Call) -> str:
    """Write the policy into its role (IAM has one call for new and changed)."""
    role, name = str(call.inputs["role"]), str(call.inputs["name"])
    call.aws("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=call.inputs["policy"])
    return f"{role}:{name}"


def read_policy(call: Call) -> View:
    """A role's inline policy."""
    role, _, name = call.id.partition(":")
    policy = call.aws("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {"role": policy["RoleName"], "name": policy["PolicyName"], "policy": as_text(policy["PolicyDocument"])}


def delete_policy(call: Call) -> None:
    """Take the policy from its role."""
    role, _, name = call.id.partition(":")
    call.aws("iam").delete_role_policy(RoleName=role, PolicyName=name)


RECORDS = (
    Record(
        type="aws:iam/role:Role",
        service="iam",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "assumeRolePolicy": document(required=True, same_as=policy_form),
            "description": text(),
            "path": text(default="/", replaces=True),
            "maxSessionDuration": integer(default=HOUR),
            "permissionsBoundary": text(),
            "forceDetachPolicies": flag(default=False, unread=True),
            **TAGS,
        },
        outputs=("arn", "createDate", "uniqueId"),
        name=Name(limit=64, allowed=r"A-Za-z0-9_+=,.@\-"),
        create=create_role,
        read=read_role,
        update=update_role,
        delete=delete_role,
        gone=("NoSuchEntity",),
        refused={
            "inlinePolicies": "declare each as an aws.iam.RolePolicy",
            "managedPolicyArns": "declare each as an aws.iam.RolePolicyAttachment",
        },
    ),
    Record(
        type="aws:iam/rolePolicy:RolePolicy",
        service="iam",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "role": text(required=True, replaces=True),
            "policy": document(required=True, same_as=policy_form),
        },
        outputs=(),
        name=Name(limit=128, allowed=r"A-Za-z0-9_+=,.@\-"),
        unique=("role", "name"),
        create=put_policy,
        read=read_policy,
        update=put_policy,
        delete=delete_policy,
        gone=("NoSuchEntity",),
    ),
)
