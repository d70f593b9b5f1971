"""EC2: key pair and instance. An instance is a record: nothing is started for it."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.ec2 import arn, retag, tagged_as
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Prop,
    Record,
    View,
    flag,
    integer,
    one,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
GONE_STATES: Final = frozenset({"shutting-down", "terminated"})


def create_key(call: Call) -> str:
    """Import a public key."""
    name = str(call.inputs["keyName"])
    call.aws("ec2").import_key_pair(
        KeyName=name, PublicKeyMaterial=str(call.inputs["publicKey"]).encode(), **tagged_as("key-pair", call)
    )
    return name


def update_key(call: Call) -> None:
    """Change tags."""
    added, removed = call.tag_change()
    ec2, id = call.aws("ec2"), call.state["keyPairId"]
    if removed:
        ec2.delete_tags(Resources=[id], Tags=[{"Key": key} for key in removed])
    if added:
        ec2.create_tags(Resources=[id], Tags=tags_to(added))


def read_key(call: Call) -> View:
    """A key pair."""
    (pair,) = call.aws("ec2").describe_key_pairs(KeyNames=[call.id])["KeyPairs"]
    return {
        "keyName": pair["KeyName"],
        "keyPairId": pair["KeyPairId"],
        "fingerprint": pair["KeyFingerprint"],
        "keyType": pair.get("KeyType"),
        "arn": arn(call, "key-pair", pair["KeyName"]),
        "tagsAll": tags_from(pair.get("Tags")),
    }


def delete_key(call: Call) -> None:
    """Remove a key pair."""
    call.aws("ec2").delete_key_pair(KeyName=call.id)


def create_instance(call: Call) -> str:
    """Declare an instance."""
    inputs = call.inputs
    made = call.aws("ec2").run_instances(
        MinCount=1,
        MaxCount=1,
        ImageId=inputs["ami"],
        InstanceType=inputs["instanceType"],
        **_placed(call),
        **call.given(
            KeyName=inputs.get("keyName"),
            UserData=inputs.get("userData"),
            IamInstanceProfile={"Name": inputs["iamInstanceProfile"]} if inputs.get("iamInstanceProfile") else None,
            MetadataOptions=_metadata(inputs.get("metadataOptions")),
            Monitoring={"Enabled": True} if inputs["monitoring"] else None,
            EbsOptimized=inputs.get("ebsOptimized"),
            DisableApiTermination=inputs["disableApiTermination"] or None,
            InstanceInitiatedShutdownBehavior=inputs.get("instanceInitiatedShutdownBehavior"),
        ),
        **tagged_as("instance", call),
    )
    return str(made["Instances"][0]["InstanceId"])


def _placed(call: Call) -> dict[str, Json]:
    """Where it is: with a public address asked for, AWS takes subnet and groups by interface."""
    inputs = call.inputs
    groups = inputs.get("vpcSecurityGroupIds")
    place = {"AvailabilityZone": inputs["availabilityZone"]} if inputs.get("availabilityZone") else {}
    placed: dict[str, Json] = {"Placement": place} if place else {}
    if inputs.get("associatePublicIpAddress") is not None and inputs.get("subnetId"):
        interface = call.given(
            DeviceIndex=0,
            SubnetId=inputs["subnetId"],
            AssociatePublicIpAddress=inputs["associatePublicIpAddress"],
            Groups=groups,
            PrivateIpAddress=inputs.get("privateIp"),
        )
        return placed | {"NetworkInterfaces": [interface]}
    more = call.given(
        SubnetId=inputs.get("subnetId"),
        SecurityGroupIds=groups,
        SecurityGroups=inputs.get("securityGroups"),
        PrivateIpAddress=inputs.get("privateIp"),
    )
    return placed | more


def _metadata(given: Mapping[str, Json] | None) -> dict[str, Json] | None:
    if not given:
        return None
    names = {
        "httpEndpoint": "HttpEndpoint",
        "httpTokens": "HttpTokens",
        "httpPutResponseHopLimit": "HttpPutResponseHopLimit",
    }
    return {key: given[name] for name, key in names.items() if given.get(name) is not None}


def update_instance(call: Call) -> None:
    """Change type, groups, protection, checks and tags."""
    ec2, inputs = call.aws("ec2"), call.inputs
    changes: dict[str, dict[str, Json]] = {
        "instanceType": {"InstanceType": {"Value": inputs["instanceType"]}},
        "disableApiTermination": {"DisableApiTermination": {"Value": inputs["disableApiTermination"]}},
        "sourceDestCheck": {"SourceDestCheck": {"Value": inputs["sourceDestCheck"]}},
        "vpcSecurityGroupIds": {"Groups": inputs.get("vpcSecurityGroupIds") or []},
    }
    for name, change in changes.items():
        if call.changed(name) and (name != "vpcSecurityGroupIds" or inputs.get(name)):
            if name == "instanceType":
                # EC2 changes the type of stopped instances only.
                ec2.stop_instances(InstanceIds=[call.id])
            ec2.modify_instance_attribute(InstanceId=call.id, **change)
            if name == "instanceType":
                ec2.start_instances(InstanceIds=[call.id])
    retag(call)


def read_instance(call: Call) -> View | None:
    """An instance; EC2 still lists a terminated one for an hour."""
    ec2 = call.aws("ec2")
    found = ec2.describe_instances(InstanceIds=[call.id])["Reservations"][0]["Instances"][0]
    if found["State"]["Name"] in GONE_STATES:
        return None
    data = ec2.describe_instance_attribute(InstanceId=call.id, Attribute="userData").get("UserData") or {}
    protected = ec2.describe_instance_attribute(InstanceId=call.id, Attribute="disableApiTermination")
    profile = (found.get("IamInstanceProfile") or {}).get("Arn", "")
    text_of_data = base64.b64decode(data["Value"]).decode(errors="replace") if data.get("Value") else None
    return {
        "ami": found["ImageId"],
        "instanceType": found["InstanceType"],
        "availabilityZone": found["Placement"]["AvailabilityZone"],
        "subnetId": found.get("SubnetId"),
        "vpcSecurityGroupIds": [group["GroupId"] for group in found.get("SecurityGroups") or []],
        "keyName": found.get("KeyName") or None,
        "userData": text_of_data,
        "iamInstanceProfile": profile.rpartition("/")[2] or None,
        "privateIp": found.get("PrivateIpAddress"),
        "sourceDestCheck": found.get("SourceDestCheck", True),
        "disableApiTermination": protected["DisableApiTermination"]["Value"],
        "monitoring": (found.get("Monitoring") or {}).get("State") == "enabled",
        "ebsOptimized": found.get("EbsOptimized"),
        "arn": arn(call, "instance", call.id),
        "instanceState": found["State"]["Name"],
        "publicIp": found.get("PublicIpAddress"),
        "publicDns": found.get("PublicDnsName"),
        "privateDns": found.get("PrivateDnsName"),
        "primaryNetworkInterfaceId": next(
            (each["NetworkInterfaceId"] for each in found.get("NetworkInterfaces") or []), None
        ),
        "tagsAll": tags_from(found.get("Tags")),
    }


def delete_instance(call: Call) -> None:
    """Terminate an instance; one that is protected is refused."""
    call.aws("ec2").terminate_instances(InstanceIds=[call.id])


NO_MACHINE: Final = "an instance is a record here: nothing is started for it"
INSTANCE: Final[Mapping[str, Prop]] = {
    "ami": text(required=True, replaces=True),
    "instanceType": text(required=True),
    "availabilityZone": text(cloud_decides=True, replaces=True),
    "subnetId": text(cloud_decides=True, replaces=True),
    "vpcSecurityGroupIds": texts(cloud_decides=True),
    "securityGroups": texts(unread=True, replaces=True),
    "keyName": text(replaces=True),
    "userData": text(replaces=True),
    "userDataReplaceOnChange": flag(default=False, unread=True),
    "iamInstanceProfile": text(replaces=True),
    "associatePublicIpAddress": flag(unread=True, replaces=True),
    "privateIp": text(cloud_decides=True, replaces=True),
    "sourceDestCheck": flag(default=True),
    "disableApiTermination": flag(default=False),
    "monitoring": flag(default=False, replaces=True),
    "ebsOptimized": flag(cloud_decides=True, replaces=True),
    "instanceInitiatedShutdownBehavior": text(no_effect=NO_MACHINE, one_of=("stop", "terminate")),
    "metadataOptions": one(
        {
            "httpEndpoint": text(one_of=("enabled", "disabled")),
            "httpTokens": text(one_of=("optional", "required")),
            "httpPutResponseHopLimit": integer(),
            "instanceMetadataTags": text(),
        },
        unread=True,
        replaces=True,
    ),
    "rootBlockDevice": one(
        {
            "volumeSize": integer(),
            "volumeType": text(),
            "encrypted": flag(),
            "deleteOnTermination": flag(),
            "kmsKeyId": text(),
        },
        no_effect=NO_MACHINE,
    ),
    "creditSpecification": one({"cpuCredits": text()}, no_effect=NO_MACHINE),
    **TAGS,
    **REGION,
}
RECORDS = (
    Record(
        type="aws:ec2/keyPair:KeyPair",
        service="ec2",
        properties={
            "keyName": text(replaces=True),
            "keyNamePrefix": text(replaces=True, unread=True),
            "publicKey": text(required=True, replaces=True, unread=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "fingerprint", "keyPairId", "keyType"),
        name=Name(prop="keyName", prefix_prop="keyNamePrefix", limit=255, allowed=r"A-Za-z0-9_.\- "),
        create=create_key,
        read=read_key,
        update=update_key,
        delete=delete_key,
        gone=("InvalidKeyPair.NotFound",),
    ),
    Record(
        type="aws:ec2/instance:Instance",
        service="ec2",
        properties=INSTANCE,
        outputs=("arn", "instanceState", "primaryNetworkInterfaceId", "privateDns", "publicDns", "publicIp"),
        recomputed=("instanceState", "publicDns", "publicIp"),
        create=create_instance,
        read=read_instance,
        update=update_instance,
        delete=delete_instance,
        gone=("InvalidInstanceID.NotFound",),
        refused={
            "ebsBlockDevices": "the local cloud attaches no volumes",
            "networkInterfaces": "give subnetId and vpcSecurityGroupIds",
            "launchTemplate": "give the instance's own properties",
            "userDataBase64": "give userData",
            "getPasswordData": "the local cloud starts no Windows",
            "ipv6AddressCount": "the local cloud's networks are IPv4 only",
        },
    ),
)
