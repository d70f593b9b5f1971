"""Lambda: function and permission. A function is a record with its code: nothing runs it here."""

import json
from collections.abc import Mapping
from typing import Any, Final

from localcloud.provider.assets import content
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Kind,
    Name,
    Prop,
    Record,
    View,
    flag,
    integer,
    one,
    text,
    texts,
)

Json = Any
# The SDK's name, the service's; what CreateFunction and UpdateFunctionConfiguration share.
CONFIGURED: Final[Mapping[str, str]] = {
    "description": "Description",
    "handler": "Handler",
    "memorySize": "MemorySize",
    "role": "Role",
    "runtime": "Runtime",
    "timeout": "Timeout",
    "layers": "Layers",
    "kmsKeyArn": "KMSKeyArn",
}
CODE: Final = ("code", "sourceCodeHash", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri")


def create_function(call: Call) -> str:
    """Make a function from its code."""
    inputs = call.inputs
    name = str(inputs["name"])
    call.aws("lambda").create_function(
        FunctionName=name,
        Code=_code(inputs),
        PackageType=inputs["packageType"],
        Publish=inputs["publish"],
        Architectures=inputs.get("architectures") or ["x86_64"],
        Tags=call.tags,
        **_configuration(inputs),
    )
    return name


def _code(inputs: Mapping[str, Json]) -> dict[str, Json]:
    if inputs.get("code") is not None:
        return {"ZipFile": content(inputs["code"])}
    if inputs.get("imageUri"):
        return {"ImageUri": inputs["imageUri"]}
    version = {"S3ObjectVersion": inputs["s3ObjectVersion"]} if inputs.get("s3ObjectVersion") else {}
    return {"S3Bucket": inputs["s3Bucket"], "S3Key": inputs["s3Key"], **version}


def _configuration(inputs: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = {key: inputs[name] for name, key in CONFIGURED.items() if inputs.get(name) is not None}
    if variables := (inputs.get("environment") or {}).get("variables"):
        told["Environment"] = {"Variables": variables}
    if network := inputs.get("vpcConfig"):
        told["VpcConfig"] = {"SubnetIds": network["subnetIds"], "SecurityGroupIds": network["securityGroupIds"]}
    if letters := inputs.get("deadLetterConfig"):
        told["DeadLetterConfig"] = {"TargetArn": letters["targetArn"]}
    if tracing := inputs.get("tracingConfig"):
        told["TracingConfig"] = {"Mode": tracing["mode"]}
    return told


def update_function(call: Call) -> None:
    """Change code, configuration and tags."""
    client, inputs = call.aws("lambda"), call.inputs
    if call.changed(*CODE):
        client.update_function_code(FunctionName=call.id, Publish=inputs["publish"], **_code(inputs))
    if call.changed(*CONFIGURED, "environment", "vpcConfig", "deadLetterConfig", "tracingConfig"):
        changed = _configuration(inputs)
        changed.setdefault("Environment", {"Variables": {}})
        client.update_function_configuration(FunctionName=call.id, **changed)
    added, removed = call.tag_change()
    if removed:
        client.untag_resource(Resource=call.state["arn"], TagKeys=removed)
    if added:
        client.tag_resource(Resource=call.state["arn"], Tags=added)


def read_function(call: Call) -> View:
    """A function; of its code only the hash."""
    answer = call.aws("lambda").get_function(FunctionName=call.id)
    found = answer["Configuration"]
    arn = found["FunctionArn"].removesuffix(":$LATEST")
    view = {name: found.get(key) for name, key in CONFIGURED.items()}
    network = found.get("VpcConfig") or {}
    variables = (found.get("Environment") or {}).get("Variables")
    there = {"subnetIds": network.get("SubnetIds"), "securityGroupIds": network.get("SecurityGroupIds")}
    return view | {
        "name": found["FunctionName"],
        "packageType": found.get("PackageType", "Zip"),
        "architectures": found.get("Architectures"),
        "layers": [each["Arn"] for each in found.get("Layers") or []],
        "environment": {"variables": variables} if variables else None,
        "vpcConfig": there if network.get("SubnetIds") else None,
        "deadLetterConfig": (
            {"targetArn": found["DeadLetterConfig"]["TargetArn"]}
            if (found.get("DeadLetterConfig") or {}).get("TargetArn")
            else None
        ),
        "tracingConfig": {"mode": found["TracingConfig"]["Mode"]} if found.get("TracingConfig") else None,
        "arn": arn,
        "invokeArn": f"arn:aws:apigateway:{call.region}:lambda:path/2015-03-31/functions/{arn}/invocations",
        "qualifiedArn": f"{arn}:{found.get('Version', '$LATEST')}",
        "version": found.get("Version"),
        "lastModified": found.get("LastModified"),
        "codeSha256": found.get("CodeSha256"),
        "sourceCodeSize": found.get("CodeSize"),
        "tagsAll": answer.get("Tags") or {},
    }


def delete_function(call: Call) -> None:
    """Remove a function."""
    if not call.inputs.get("skipDestroy"):
        call.aws("lambda").delete_function(FunctionName=call.id)


def check_function(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Code comes from one place, and a ZIP file needs a handler and a runtime."""
    places = [name for name in ("code", "s3Bucket", "imageUri") if inputs.get(name) is not None]
    if len(places) != 1:
        return [("code", "give one of code, s3Bucket, imageUri")]
    if inputs["packageType"] == "Zip":
        return [
            (name, f"a function from a ZIP file needs {name}")
            for name in ("handler", "runtime")
            if not inputs.get(name)
        ]
    return []


def permit(call: Call) -> str:
    """Let somebody call a function."""
    inputs = call.inputs
    call.aws("lambda").add_permission(
        FunctionName=inputs["function"],
        StatementId=inputs["statementId"],
        Action=inputs["action"],
        Principal=inputs["principal"],
        **call.given(
            SourceArn=inputs.get("sourceArn"),
            SourceAccount=inputs.get("sourceAccount"),
            EventSourceToken=inputs.get("eventSourceToken"),
            PrincipalOrgID=inputs.get("principalOrgId"),
        ),
    )
    return str(inputs["statementId"])


def read_permission(call: Call) -> View | None:
    """A permission, found in its function's policy; imported as function and statement, with a slash between."""
    function, _, statement = call.id.rpartition("/")
    function = function or str(call.inputs.get("function") or call.state.get("function"))
    policy = json.loads(call.aws("lambda").get_policy(FunctionName=function)["Policy"])
    for found in policy["Statement"]:
        if found["Sid"] == statement:
            condition = found.get("Condition") or {}
            who = found["Principal"]
            return {
                "id": statement,
                "function": function,
                "statementId": statement,
                "action": found["Action"],
                "principal": who if isinstance(who, str) else who.get("Service") or who.get("AWS"),
                "sourceArn": (condition.get("ArnLike") or {}).get("AWS:SourceArn"),
                "sourceAccount": (condition.get("StringEquals") or {}).get("AWS:SourceAccount"),
            }
    return None


def forbid(call: Call) -> None:
    """Take the permission back."""
    call.aws("lambda").remove_permission(FunctionName=call.inputs["function"], StatementId=call.id)


def function_form(function: str) -> str:
    """A function by its name, whether it was given as name or ARN."""
    return str(function).partition(":function:")[2].partition(":")[0] or str(function)


FUNCTION: Final[Mapping[str, Prop]] = {
    "name": text(replaces=True),
    "role": text(required=True),
    "code": Prop(kind=Kind.ASSET, unread=True),
    "s3Bucket": text(unread=True),
    "s3Key": text(unread=True),
    "s3ObjectVersion": text(unread=True),
    "imageUri": text(unread=True),
    "sourceCodeHash": text(unread=True),
    "packageType": text(default="Zip", replaces=True, one_of=("Zip", "Image")),
    "handler": text(),
    "runtime": text(),
    "description": text(),
    "memorySize": integer(default=128),
    "timeout": integer(default=3),
    "environment": one({"variables": Prop(kind=Kind.MAP)}),
    "vpcConfig": one({"subnetIds": texts(required=True), "securityGroupIds": texts(required=True)}),
    "deadLetterConfig": one({"targetArn": text(required=True)}),
    "tracingConfig": one({"mode": text(required=True, one_of=("Active", "PassThrough"))}, cloud_decides=True),
    "architectures": texts(cloud_decides=True),
    "layers": texts(),
    "kmsKeyArn": text(),
    "publish": flag(default=False, unread=True),
    "skipDestroy": flag(default=False, unread=True),
    "reservedConcurrentExecutions": integer(default=-1, no_effect="nothing runs a function here"),
    **TAGS,
    **REGION,
}
RECORDS = (
    Record(
        type="aws:lambda/function:Function",
        service="lambda",
        properties=FUNCTION,
        outputs=(
            "arn",
            "codeSha256",
            "invokeArn",
            "lastModified",
            "qualifiedArn",
            "sourceCodeSize",
            "version",
        ),
        recomputed=("codeSha256", "lastModified", "qualifiedArn", "sourceCodeSize", "version"),
        name=Name(limit=64, allowed=r"A-Za-z0-9_\-"),
        create=create_function,
        read=read_function,
        update=update_function,
        delete=delete_function,
        gone=("ResourceNotFoundException",),
        check=check_function,
        refused={
            "fileSystemConfig": "the local cloud has no file systems",
            "imageConfig": "the local cloud runs no images",
            "loggingConfig": "nothing runs a function here, so nothing is logged",
            "codeSigningConfigArn": "the local cloud checks no signatures",
        },
    ),
    Record(
        type="aws:lambda/permission:Permission",
        service="lambda",
        properties={
            "function": text(required=True, replaces=True, same_as=function_form),
            "action": text(required=True, replaces=True),
            "principal": text(required=True, replaces=True),
            "statementId": text(replaces=True),
            "statementIdPrefix": text(replaces=True, unread=True),
            "sourceArn": text(replaces=True),
            "sourceAccount": text(replaces=True),
            **REGION,
        },
        outputs=(),
        name=Name(prop="statementId", prefix_prop="statementIdPrefix", limit=100, allowed=r"A-Za-z0-9_\-"),
        create=permit,
        read=read_permission,
        delete=forbid,
        gone=("ResourceNotFoundException",),
        refused={
            "qualifier": "the local cloud permits a function as a whole",
            "functionUrlAuthType": "the local cloud has no function URLs",
        },
    ),
)
