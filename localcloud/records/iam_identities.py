"""IAM: user, access key, instance profile, OpenID Connect provider."""

import re
from urllib.parse import urlsplit

from localcloud.records.record import TAGS, Call, Name, Record, View, flag, tags_from, tags_to, text, texts

NAMES = r"A-Za-z0-9_+=,.@\-"


def create_user(call: Call) -> str:
    """Make a user."""
    name = str(call.inputs["name"])
    call.aws("iam").create_user(
        UserName=name,
        Path=call.inputs["path"],
        Tags=call.tag_list,
        **call.given(PermissionsBoundary=call.inputs.get("permissionsBoundary")),
    )
    return name


def update_user(call: Call) -> None:
    """Change path, boundary and tags."""
    iam = call.aws("iam")
    if call.changed("path"):
        iam.update_user(UserName=call.id, NewPath=call.inputs["path"])
    if call.changed("permissionsBoundary"):
        if boundary := call.inputs.get("permissionsBoundary"):
            iam.put_user_permissions_boundary(UserName=call.id, PermissionsBoundary=boundary)
        else:
            iam.delete_user_permissions_boundary(UserName=call.id)
    added, removed = call.tag_change()
    if removed:
        iam.untag_user(UserName=call.id, TagKeys=removed)
    if added:
        iam.tag_user(UserName=call.id, Tags=tags_to(added))


def read_user(call: Call) -> View:
    """A user."""
    user = call.aws("iam").get_user(UserName=call.id)["User"]
    return {
        "name": user["UserName"],
        "path": user["Path"],
        "permissionsBoundary": (user.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "arn": user["Arn"],
        "uniqueId": user["UserId"],
        "tagsAll": tags_from(user.get("Tags")),
    }


def delete_user(call: Call) -> None:
    """Remove a user; with forceDestroy, also their keys."""
    iam = call.aws("iam")
    if call.inputs.get("forceDestroy"):
        for key in iam.list_access_keys(UserName=call.id)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=call.id, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=call.id)


def create_key(call: Call) -> tuple[str, dict[str, str]]:
    """Make an access key; only now its secret is told."""
    made = call.aws("iam").create_access_key(UserName=call.inputs["user"])["AccessKey"]
    return str(made["AccessKeyId"]), {"secret": str(made["SecretAccessKey"])}


def settle_key(call: Call) -> None:
    """Make it inactive where that is declared."""
    if call.inputs["status"] != "Active":
        update_key(call)


def update_key(call: Call) -> None:
    """Change whether it is active."""
    call.aws("iam").update_access_key(UserName=call.inputs["user"], AccessKeyId=call.id, Status=call.inputs["status"])


def read_key(call: Call) -> View | None:
    """An access key, found among its user's or, when it is imported, everybody's."""
    iam = call.aws("iam")
    users = [call.inputs["user"]] if call.inputs.get("user") else []
    users = users or [user["UserName"] for user in iam.list_users()["Users"]]
    for user in users:
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            if key["AccessKeyId"] == call.id:
                created = key["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ")
                return {"user": user, "status": key["Status"], "createDate": created}
    return None


def delete_key(call: Call) -> None:
    """Remove an access key."""
    call.aws("iam").delete_access_key(UserName=call.inputs["user"], AccessKeyId=call.id)


def create_profile(call: Call) -> str:
    """Make an instance profile."""
    name = str(call.inputs["name"])
    call.aws("iam").create_instance_profile(InstanceProfileName=name, Path=call.inputs["path"], Tags=call.tag_list)
    return name


def settle_profile(call: Call) -> None:
    """Put its role into it."""
    if role := call.inputs.get("role"):
        call.aws("iam").add_role_to_instance_profile(InstanceProfileName=call.id, RoleName=role)


def update_profile(call: Call) -> None:
    """Change role and tags."""
    iam = call.aws("iam")
    if call.changed("role"):
        _empty(call)
        settle_profile(call)
    added, removed = call.tag_change()
    if removed:
        iam.untag_instance_profile(InstanceProfileName=call.id, TagKeys=removed)
    if added:
        tags = tags_to(added)
        iam.tag_instance_profile(InstanceProfileName=call.id, Tags=tags)


def _empty(call: Call) -> None:
    iam = call.aws("iam")
    for role in iam.get_instance_profile(InstanceProfileName=call.id)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=call.id, RoleName=role["RoleName"])


def read_profile(call: Call) -> View:
    """An instance profile."""
    profile = call.aws("iam").get_instance_profile(InstanceProfileName=call.id)["InstanceProfile"]
    return {
        "name": profile["InstanceProfileName"],
        "path": profile["Path"],
        "role": profile["Roles"][0]["RoleName"] if profile["Roles"] else None,
        "arn": profile["Arn"],
        "uniqueId": profile["InstanceProfileId"],
        "createDate": profile["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tagsAll": tags_from(profile.get("Tags")),
    }


def delete_profile(call: Call) -> None:
    """Remove an instance profile."""
    _empty(call)
    call.aws("iam").delete_instance_profile(InstanceProfileName=call.id)


def create_openid(call: Call) -> str:
    """Trust an OpenID Connect provider; its ARN."""
    made = call.aws("iam").create_open_id_connect_provider(
        Url=call.inputs["url"],
        ClientIDList=call.inputs["clientIdLists"],
        ThumbprintList=call.inputs.get("thumbprintLists") or [],
        Tags=call.tag_list,
    )
    return str(made["OpenIDConnectProviderArn"])


def update_openid(call: Call) -> None:
    """Change thumbprints and tags."""
    iam = call.aws("iam")
    if call.changed("thumbprintLists"):
        iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=call.id, ThumbprintList=call.inputs.get("thumbprintLists") or []
        )
    added, removed = call.tag_change()
    if removed:
        iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=call.id, TagKeys=removed)
    if added:
        tags = tags_to(added)
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=call.id, Tags=tags)


def read_openid(call: Call) -> View:
    """An OpenID Connect provider."""
    found = call.aws("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=call.id)
    return {
        "url": found["Url"],
        "clientIdLists": found["ClientIDList"],
        "thumbprintLists": found.get("ThumbprintList", []),
        "arn": call.id,
        "tagsAll": tags_from(found.get("Tags")),
    }


def delete_openid(call: Call) -> None:
    """Trust it no more."""
    call.aws("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=call.id)


def url_form(url: str) -> str:
    """A provider's URL as IAM keeps it: without the scheme."""
    return re.sub(r"^https://", "", str(url)) if url else url


RECORDS = (
    Record(
        type="aws:iam/user:User",
        service="iam",
        properties={
            "name": text(replaces=True),
            "path": text(default="/"),
            "permissionsBoundary": text(),
            "forceDestroy": flag(default=False, unread=True),
            **TAGS,
        },
        outputs=("arn", "uniqueId"),
        recomputed=("arn",),
        name=Name(limit=64, allowed=NAMES),
        unique=("name",),
        create=create_user,
        read=read_user,
        update=update_user,
        delete=delete_user,
        gone=("NoSuchEntity",),
    ),
    Record(
        type="aws:iam/accessKey:AccessKey",
        service="iam",
        properties={
            "user": text(required=True, replaces=True),
            "status": text(default="Active", one_of=("Active", "Inactive")),
        },
        outputs=("createDate", "secret"),
        told_once=("secret",),
        secret_outputs=("secret",),
        create=create_key,
        settle=settle_key,
        read=read_key,
        update=update_key,
        delete=delete_key,
        gone=("NoSuchEntity",),
        refused={"pgpKey": "the local cloud encrypts no secret of a key"},
    ),
    Record(
        type="aws:iam/instanceProfile:InstanceProfile",
        service="iam",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "path": text(default="/", replaces=True),
            "role": text(),
            **TAGS,
        },
        outputs=("arn", "createDate", "uniqueId"),
        name=Name(limit=128, allowed=NAMES),
        create=create_profile,
        settle=settle_profile,
        read=read_profile,
        update=update_profile,
        delete=delete_profile,
        gone=("NoSuchEntity",),
    ),
    Record(
        type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        service="iam",
        properties={
            "url": text(required=True, replaces=True, same_as=url_form),
            # In place on AWS; moto adds and removes none.
            "clientIdLists": texts(required=True, replaces=True),
            "thumbprintLists": texts(cloud_decides=True),
            **TAGS,
        },
        unique=("url",),
        create=create_openid,
        read=read_openid,
        update=update_openid,
        delete=delete_openid,
        gone=("NoSuchEntity",),
        check=lambda inputs: (
            [] if urlsplit(inputs["url"]).scheme == "https" else [("url", "the URL must begin with https://")]
        ),
    ),
)
