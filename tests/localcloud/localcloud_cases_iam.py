"""The contract cases of IAM's policies and identities."""

from typing import Any

from localcloud_door import Made
from localcloud_world import LIST_ALL, READ_ALL, TRUST, Aws, Case, World

MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def policy_told(call: Aws, made: Made) -> dict[str, Any]:
    iam = call("iam")
    policy = iam.get_policy(PolicyArn=made.id)["Policy"]
    version = iam.get_policy_version(PolicyArn=made.id, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {"policy": version["Document"], "description": policy["Description"], "path": policy["Path"]}


def attachment_told(call: Aws, made: Made) -> dict[str, Any]:
    role = made.inputs["role"]
    (policy,) = call("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return {"role": role, "policyArn": policy["PolicyArn"]}


def user_told(call: Aws, made: Made) -> dict[str, Any]:
    user = call("iam").get_user(UserName=made.id)["User"]
    return {"path": user["Path"], "name": user["UserName"]}


def user(world: World) -> str:
    return world.one("aws:iam/user:User", "world-user").id


def role(world: World, name: str) -> str:
    return world.one("aws:iam/role:Role", name, assumeRolePolicy=TRUST).id


def key_told(call: Aws, made: Made) -> dict[str, Any]:
    keys = call("iam").list_access_keys(UserName=made.inputs["user"])["AccessKeyMetadata"]
    (key,) = [key for key in keys if key["AccessKeyId"] == made.id]
    return {"user": key["UserName"], "status": key["Status"]}


def profile_told(call: Aws, made: Made) -> dict[str, Any]:
    profile = call("iam").get_instance_profile(InstanceProfileName=made.id)["InstanceProfile"]
    return {"role": profile["Roles"][0]["RoleName"], "path": profile["Path"]}


def swap_role(call: Aws, made: Made, _: World) -> None:
    call("iam").remove_role_from_instance_profile(InstanceProfileName=made.id, RoleName=made.inputs["role"])


def openid_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=made.id)
    return {"url": found["Url"], "clientIdLists": found["ClientIDList"]}


CASES = (
    Case(
        type="aws:iam/policy:Policy",
        declare=lambda _: {"policy": READ_ALL, "description": "reads", "path": "/app/"},
        told=policy_told,
        change=lambda _: {"policy": LIST_ALL, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("iam").create_policy_version(
            PolicyArn=made.id, PolicyDocument=LIST_ALL, SetAsDefault=True
        ),
        drifts="policy",
    ),
    Case(
        type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        declare=lambda w: {"role": role(w, "world-attached"), "policyArn": MANAGED},
        told=attachment_told,
        change=lambda w: {"role": role(w, "world-other")},
        replaces=True,
    ),
    Case(
        type="aws:iam/user:User",
        declare=lambda _: {"path": "/people/", "forceDestroy": True},
        told=user_told,
        change=lambda _: {"path": "/others/", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("iam").tag_user(UserName=made.id, Tags=[{"Key": "outside", "Value": "yes"}]),
        drifts="tags",
    ),
    Case(
        type="aws:iam/accessKey:AccessKey",
        declare=lambda w: {"user": user(w)},
        told=key_told,
        change=lambda _: {"status": "Inactive"},
        edit=lambda aws, made, _: aws("iam").update_access_key(
            UserName=made.inputs["user"], AccessKeyId=made.id, Status="Inactive"
        ),
        drifts="status",
    ),
    Case(
        type="aws:iam/instanceProfile:InstanceProfile",
        declare=lambda w: {"role": role(w, "world-profiled"), "path": "/app/"},
        told=profile_told,
        change=lambda w: {"role": role(w, "world-profiled-2"), "tags": {"a": "b"}},
        edit=swap_role,
        drifts="role",
    ),
    Case(
        type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        declare=lambda _: {
            "url": "https://token.actions.example.com",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["990f4193972f2becf12ddeda5237f9c952f20d9e"],
        },
        told=openid_told,
        change=lambda _: {"thumbprintLists": ["1" * 40], "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("iam").update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=made.id, ThumbprintList=["2" * 40]
        ),
        drifts="thumbprintLists",
    ),
)
