"""IAM: customer-managed policy, and its attachment to a role."""

from localcloud.documents import policy_form
from localcloud.records.iam import as_text
from localcloud.records.record import TAGS, Call, Name, Record, View, document, tags_from, tags_to, text

# What IAM keeps of a policy; a sixth is refused until one goes.
MOST_VERSIONS = 5


def create_policy(call: Call) -> str:
    """Make a policy; its ARN."""
    made = call.aws("iam").create_policy(
        PolicyName=call.inputs["name"],
        PolicyDocument=call.inputs["policy"],
        Path=call.inputs["path"],
        Tags=call.tag_list,
        **call.given(Description=call.inputs.get("description")),
    )
    return str(made["Policy"]["Arn"])


def update_policy(call: Call) -> None:
    """A changed document is a new default version; the oldest goes when there are too many."""
    iam = call.aws("iam")
    if call.changed("policy"):
        versions = iam.list_policy_versions(PolicyArn=call.id)["Versions"]
        old = sorted((each for each in versions if not each["IsDefaultVersion"]), key=lambda each: each["CreateDate"])
        if len(versions) >= MOST_VERSIONS:
            iam.delete_policy_version(PolicyArn=call.id, VersionId=old[0]["VersionId"])
        iam.create_policy_version(PolicyArn=call.id, PolicyDocument=call.inputs["policy"], SetAsDefault=True)
    added, removed = call.tag_change()
    if removed:
        iam.untag_policy(PolicyArn=call.id, TagKeys=removed)
    if added:
        iam.tag_policy(PolicyArn=call.id, Tags=tags_to(added))


def read_policy(call: Call) -> View:
    """A policy with its default version."""
    iam = call.aws("iam")
    policy = iam.get_policy(PolicyArn=call.id)["Policy"]
    version = iam.get_policy_version(PolicyArn=call.id, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {
        "name": policy["PolicyName"],
        "policy": as_text(version["Document"]),
        "description": policy.get("Description"),
        "path": policy["Path"],
        "arn": policy["Arn"],
        "policyId": policy["PolicyId"],
        "attachmentCount": policy["AttachmentCount"],
        "tagsAll": tags_from(policy.get("Tags")),
    }


def delete_policy(call: Call) -> None:
    """Remove a policy with its versions."""
    iam = call.aws("iam")
    for version in iam.list_policy_versions(PolicyArn=call.id)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=call.id, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=call.id)


def attach(call: Call) -> str:
    """Attach a policy to a role."""
    role, arn = str(call.inputs["role"]), str(call.inputs["policyArn"])
    call.aws("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    return f"{role}/{arn}"


def read_attachment(call: Call) -> View | None:
    """An attachment, found among its role's."""
    role, _, arn = call.id.partition("/")
    for page in call.aws("iam").get_paginator("list_attached_role_policies").paginate(RoleName=role):
        if any(policy["PolicyArn"] == arn for policy in page["AttachedPolicies"]):
            return {"role": role, "policyArn": arn}
    return None


def detach(call: Call) -> None:
    """Take the policy off its role."""
    role, _, arn = call.id.partition("/")
    call.aws("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


RECORDS = (
    Record(
        type="aws:iam/policy:Policy",
        service="iam",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "policy": document(required=True, same_as=policy_form),
            "description": text(replaces=True),
            "path": text(default="/", replaces=True),
            **TAGS,
        },
        outputs=("arn", "policyId", "attachmentCount"),
        name=Name(limit=128, allowed=r"A-Za-z0-9_+=,.@\-"),
        create=create_policy,
        read=read_policy,
        update=update_policy,
        delete=delete_policy,
        gone=("NoSuchEntity",),
    ),
    Record(
        type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        service="iam",
        properties={
            "role": text(required=True, replaces=True),
            "policyArn": text(required=True, replaces=True),
        },
        outputs=(),
        create=attach,
        read=read_attachment,
        delete=detach,
        gone=("NoSuchEntity",),
    ),
)
