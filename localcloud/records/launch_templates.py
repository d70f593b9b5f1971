"""EC2: launch template. Each changed declaration is a new version of it; nothing is started from one."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.ec2 import arn, retag, tagged_as
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
    list_of,
    one,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
EBS: Final[Mapping[str, Prop]] = {
    "deleteOnTermination": text(),
    "encrypted": text(),
    "iops": integer(),
    "kmsKeyId": text(),
    "snapshotId": text(),
    "throughput": integer(),
    "volumeSize": integer(),
    "volumeType": text(),
}
# What a version holds, by SDK name; EC2's names are the same with a capital, and a few of their own (`NAMES`).
DATA: Final[Mapping[str, Prop]] = {
    "imageId": text(),
    "instanceType": text(),
    "keyName": text(),
    "userData": text(),
    "vpcSecurityGroupIds": texts(),
    "securityGroupNames": texts(),
    "ebsOptimized": text(),
    "disableApiStop": flag(),
    "disableApiTermination": flag(),
    "instanceInitiatedShutdownBehavior": text(one_of=("stop", "terminate")),
    "iamInstanceProfile": one({"arn": text(), "name": text()}),
    "monitoring": one({"enabled": flag()}),
    "creditSpecification": one({"cpuCredits": text()}),
    "cpuOptions": one({"coreCount": integer(), "threadsPerCore": integer()}),
    "metadataOptions": one(
        {
            "httpEndpoint": text(one_of=("enabled", "disabled")),
            "httpTokens": text(one_of=("optional", "required")),
            "httpPutResponseHopLimit": integer(),
            "httpProtocolIpv6": text(one_of=("enabled", "disabled")),
            "instanceMetadataTags": text(one_of=("enabled", "disabled")),
        }
    ),
    "placement": one(
        {"availabilityZone": text(), "groupName": text(), "tenancy": text(one_of=("default", "dedicated", "host"))}
    ),
    "blockDeviceMappings": list_of(
        {"deviceName": text(), "noDevice": text(), "virtualName": text(), "ebs": one(EBS)},
    ),
    "networkInterfaces": list_of(
        {
            "associatePublicIpAddress": text(),
            "deleteOnTermination": text(),
            "description": text(),
            "deviceIndex": integer(),
            "networkInterfaceId": text(),
            "privateIpAddress": text(),
            "securityGroups": texts(),
            "subnetId": text(),
        }
    ),
    "tagSpecifications": list_of({"resourceType": text(), "tags": Prop(kind=Kind.MAP)}),
}
NAMES: Final = {"vpcSecurityGroupIds": "SecurityGroupIds", "securityGroupNames": "SecurityGroups"}
# Inside an interface the groups are called otherwise.
INTERFACE_NAMES: Final = {"securityGroups": "Groups"}
# The SDK gives these as text, because absent means the image's own choice.
TRUTHS: Final = frozenset({"ebsOptimized", "deleteOnTermination", "encrypted", "associatePublicIpAddress"})


def _ec2_name(name: str, inside: str) -> str:
    own = INTERFACE_NAMES if inside == "networkInterfaces" else {} if inside else NAMES
    return own.get(name, name[0].upper() + name[1:])


def _for_ec2(fields: Mapping[str, Prop], values: Mapping[str, Json], inside: str = "") -> dict[str, Json]:
    """Declared values in EC2's words."""
    told: dict[str, Json] = {}
    for name, prop in fields.items():
        value = values.get(name)
        if value in (None, "", [], {}):
            continue
        if name in TRUTHS:
            value = value == "true"
        elif prop.kind is Kind.MAP:
            value = tags_to(value)
        elif prop.fields is not None:
            value = _for_ec2(prop.fields, value, name)
        elif prop.items is not None and prop.items.fields is not None:
            value = [_for_ec2(prop.items.fields, each, name) for each in value]
        told[_ec2_name(name, inside)] = value
    return told


def _for_sdk(fields: Mapping[str, Prop], told: Mapping[str, Json], inside: str = "") -> dict[str, Json]:
    """EC2's values in the SDK's words."""
    values: dict[str, Json] = {}
    for name, prop in fields.items():
        value = told.get(_ec2_name(name, inside))
        if value in (None, "", [], {}):
            continue
        if name in TRUTHS:
            value = "true" if value else "false"
        elif prop.kind is Kind.MAP:
            value = tags_from(value)
        elif prop.fields is not None:
            value = _for_sdk(prop.fields, value, name)
        elif prop.items is not None and prop.items.fields is not None:
            value = [_for_sdk(prop.items.fields, each, name) for each in value]
        values[name] = value
    return values


def create_template(call: Call) -> str:
    """Make a launch template with its first version."""
    made = call.aws("ec2").create_launch_template(
        LaunchTemplateName=call.inputs["name"],
        LaunchTemplateData=_for_ec2(DATA, call.inputs),
        **call.given(VersionDescription=call.inputs.get("description")),
        **tagged_as("launch-template", call),
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def update_template(call: Call) -> None:
    """Add a version when what it holds changed, choose the default one, change tags."""
    ec2, inputs = call.aws("ec2"), call.inputs
    if call.changed("description", *DATA):
        ec2.create_launch_template_version(
            LaunchTemplateId=call.id,
            LaunchTemplateData=_for_ec2(DATA, inputs),
            **call.given(VersionDescription=inputs.get("description")),
        )
    template = _template(call)
    wanted = template["LatestVersionNumber"] if inputs.get("updateDefaultVersion") else inputs.get("defaultVersion")
    if wanted is not None and wanted != template["DefaultVersionNumber"]:
        ec2.modify_launch_template(LaunchTemplateId=call.id, DefaultVersion=str(wanted))
    retag(call)


def _template(call: Call) -> dict[str, Json]:
    found = call.aws("ec2").describe_launch_templates(LaunchTemplateIds=[call.id])["LaunchTemplates"]
    return dict(found[0]) if found else {}


def read_template(call: Call) -> View | None:
    """A launch template as its newest version has it."""
    template = _template(call)
    if not template:
        return None
    (version,) = call.aws("ec2").describe_launch_template_versions(LaunchTemplateId=call.id, Versions=["$Latest"])[
        "LaunchTemplateVersions"
    ]
    data = dict(version["LaunchTemplateData"])
    # moto keeps the template's own tags among those of what is started from it.
    specified = [each for each in data.get("TagSpecifications") or [] if each["ResourceType"] != "launch-template"]
    return _for_sdk(DATA, data | {"TagSpecifications": specified}) | {
        "name": template["LaunchTemplateName"],
        "description": version.get("VersionDescription"),
        "defaultVersion": template["DefaultVersionNumber"],
        "latestVersion": template["LatestVersionNumber"],
        "arn": arn(call, "launch-template", call.id),
        "tagsAll": tags_from(_tags(call)),
    }


def _tags(call: Call) -> list[dict[str, Json]]:
    # moto tells those of the creation with the template itself.
    own = [{"Name": "resource-id", "Values": [call.id]}]
    return list(call.aws("ec2").describe_tags(Filters=own)["Tags"])


def delete_template(call: Call) -> None:
    """Remove a launch template with all its versions."""
    call.aws("ec2").delete_launch_template(LaunchTemplateId=call.id)


def check_template(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """One way to choose the default version, as the SDK says."""
    if inputs.get("defaultVersion") is not None and inputs.get("updateDefaultVersion"):
        return [("defaultVersion", "give defaultVersion or updateDefaultVersion, one of them")]
    return []


NOTHING_STARTS: Final = "the local cloud starts nothing from a launch template, and does not keep this"
RECORDS = (
    Record(
        type="aws:ec2/launchTemplate:LaunchTemplate",
        service="ec2",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "description": text(),
            "defaultVersion": integer(cloud_decides=True),
            "updateDefaultVersion": flag(unread=True),
            **DATA,
            **TAGS,
            **REGION,
        },
        outputs=("arn", "latestVersion"),
        recomputed=("latestVersion", "defaultVersion"),
        name=Name(limit=125, allowed=r"A-Za-z0-9()./_\-"),
        create=create_template,
        read=read_template,
        update=update_template,
        delete=delete_template,
        gone=(
            "InvalidLaunchTemplateId.NotFound",
            "InvalidLaunchTemplateName.NotFoundException",
            "InvalidLaunchTemplateName.NotFound",
        ),
        check=check_template,
        refused=dict.fromkeys(
            (
                "capacityReservationSpecification",
                "enclaveOptions",
                "hibernationOptions",
                "instanceMarketOptions",
                "instanceRequirements",
                "kernelId",
                "licenseSpecifications",
                "maintenanceOptions",
                "networkPerformanceOptions",
                "privateDnsNameOptions",
                "ramDiskId",
                "secondaryInterfaces",
            ),
            NOTHING_STARTS,
        ),
    ),
)
