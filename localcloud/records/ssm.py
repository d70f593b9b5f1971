"""SSM: parameter."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.record import REGION, TAGS, Call, Name, Record, View, flag, tags_from, tags_to, text

SECURE = "SecureString"


def create_parameter(call: Call) -> str:
    """Make a parameter."""
    _put(call, overwrite=bool(call.inputs.get("overwrite")))
    if call.tag_list:
        name = str(call.inputs["name"])
        call.aws("ssm").add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=call.tag_list)
    return str(call.inputs["name"])


def _put(call: Call, *, overwrite: bool) -> None:
    inputs = call.inputs
    call.aws("ssm").put_parameter(
        Name=inputs["name"],
        Type=inputs["type"],
        Value=inputs["value"] if inputs.get("value") is not None else inputs["insecureValue"],
        Overwrite=overwrite,
        **call.given(
            Description=inputs.get("description"),
            KeyId=inputs.get("keyId"),
            AllowedPattern=inputs.get("allowedPattern"),
            DataType=inputs.get("dataType"),
            Tier=inputs.get("tier"),
        ),
    )


def update_parameter(call: Call) -> None:
    """Write a changed value, and change tags."""
    ssm = call.aws("ssm")
    if call.changed("value", "insecureValue", "description", "type", "keyId", "allowedPattern", "tier"):
        _put(call, overwrite=True)
    added, removed = call.tag_change()
    if removed:
        ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=call.id, TagKeys=removed)
    if added:
        tags = tags_to(added)
        ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=call.id, Tags=tags)


def read_parameter(call: Call) -> View | None:
    """A parameter, decrypted: its value is a secret of the stack's."""
    ssm = call.aws("ssm")
    found = ssm.get_parameter(Name=call.id, WithDecryption=True)["Parameter"]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [call.id]}]
    (told,) = ssm.describe_parameters(ParameterFilters=filters)["Parameters"]
    insecure = call.inputs.get("insecureValue") is not None
    return {
        "name": found["Name"],
        "type": found["Type"],
        "value": None if insecure else found["Value"],
        "insecureValue": found["Value"] if insecure else None,
        "dataType": found.get("DataType"),
        "description": told.get("Description") or None,
        "keyId": told.get("KeyId"),
        "allowedPattern": told.get("AllowedPattern") or None,
        "tier": told.get("Tier"),
        "arn": found["ARN"],
        "version": found["Version"],
        "tagsAll": tags_from(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=call.id).get("TagList")),
    }


def delete_parameter(call: Call) -> None:
    """Remove a parameter."""
    call.aws("ssm").delete_parameter(Name=call.id)


def check_parameter(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A parameter has one value, and a secure one no insecure one."""
    if ("value" in inputs) == ("insecureValue" in inputs):
        return [("value", "give value or insecureValue, one of them")]
    if inputs["type"] == SECURE and "insecureValue" in inputs:
        return [("insecureValue", f"a {SECURE} takes value, which is kept as a secret")]
    return []


RECORDS = (
    Record(
        type="aws:ssm/parameter:Parameter",
        service="ssm",
        properties={
            "name": text(replaces=True),
            "type": text(required=True, one_of=("String", "StringList", SECURE)),
            "value": text(secret=True),
            "insecureValue": text(),
            "description": text(),
            "keyId": text(cloud_decides=True),
            "allowedPattern": text(),
            "dataType": text(cloud_decides=True, replaces=True),
            "tier": text(cloud_decides=True, one_of=("Standard", "Advanced", "Intelligent-Tiering")),
            "overwrite": flag(unread=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "version"),
        recomputed=("version",),
        name=Name(limit=1011, allowed=r"A-Za-z0-9_.\-/"),
        unique=("name",),
        create=create_parameter,
        read=read_parameter,
        update=update_parameter,
        delete=delete_parameter,
        gone=("ParameterNotFound",),
        check=check_parameter,
        refused={
            "arn": "SSM makes the ARN itself",
            "valueWo": "the local cloud cannot keep a value out of the engine; give value",
            "valueWoVersion": "it belongs to valueWo",
        },
    ),
)
