"""ECR: image repository, and how a region's registry scans."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Prop,
    Record,
    View,
    flag,
    list_of,
    one,
    set_of,
    tags_from,
    tags_to,
    text,
)


def create_repository(call: Call) -> str:
    """Make a repository."""
    name = str(call.inputs["name"])
    encryption = (call.inputs.get("encryptionConfigurations") or [None])[0]
    call.aws("ecr").create_repository(
        repositoryName=name,
        imageTagMutability=call.inputs["imageTagMutability"],
        tags=call.tag_list,
        **call.given(
            imageScanningConfiguration=_scanning(call),
            encryptionConfiguration=_encryption(call, encryption) if encryption else None,
        ),
    )
    return name


def _scanning(call: Call) -> dict[str, bool] | None:
    scanning = call.inputs.get("imageScanningConfiguration")
    return {"scanOnPush": scanning["scanOnPush"]} if scanning else None


def _encryption(call: Call, encryption: Mapping[str, Any]) -> dict[str, Any]:
    return call.given(encryptionType=encryption.get("encryptionType") or "AES256", kmsKey=encryption.get("kmsKey"))


def update_repository(call: Call) -> None:
    """Change tag mutability, scanning and tags."""
    ecr = call.aws("ecr")
    if call.changed("imageTagMutability"):
        ecr.put_image_tag_mutability(repositoryName=call.id, imageTagMutability=call.inputs["imageTagMutability"])
    if call.changed("imageScanningConfiguration"):
        scanning = _scanning(call) or {"scanOnPush": False}
        ecr.put_image_scanning_configuration(repositoryName=call.id, imageScanningConfiguration=scanning)
    added, removed = call.tag_change()
    arn = call.state.get("arn") or read_repository(call)["arn"]
    if removed:
        ecr.untag_resource(resourceArn=arn, tagKeys=removed)
    if added:
        ecr.tag_resource(resourceArn=arn, tags=tags_to(added))


def read_repository(call: Call) -> View:
    """A repository."""
    ecr = call.aws("ecr")
    repository = ecr.describe_repositories(repositoryNames=[call.id])["repositories"][0]
    encryption = repository.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    return {
        "name": repository["repositoryName"],
        "imageTagMutability": repository["imageTagMutability"],
        "imageScanningConfiguration": {
            "scanOnPush": (repository.get("imageScanningConfiguration") or {}).get("scanOnPush", False)
        },
        "encryptionConfigurations": [encryption],
        "arn": repository["repositoryArn"],
        "registryId": repository["registryId"],
        "repositoryUrl": repository["repositoryUri"],
        "tagsAll": tags_from(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"]).get("tags")),
    }


def delete_repository(call: Call) -> None:
    """Remove a repository; one with images only when declared so."""
    call.aws("ecr").delete_repository(repositoryName=call.id, force=bool(call.inputs.get("forceDelete")))


def put_scanning(call: Call) -> str:
    """Say how the registry scans: there is one in each account and region; the registry's id."""
    rules = [
        {
            "scanFrequency": rule["scanFrequency"],
            "repositoryFilters": [
                {"filter": each["filter"], "filterType": each["filterType"]} for each in rule["repositoryFilters"]
            ],
        }
        for rule in call.inputs.get("rules") or []
    ]
    ecr = call.aws("ecr")
    ecr.put_registry_scanning_configuration(scanType=call.inputs["scanType"], rules=rules)
    return str(ecr.get_registry_scanning_configuration()["registryId"])


def read_scanning(call: Call) -> View:
    """How the registry scans."""
    found = call.aws("ecr").get_registry_scanning_configuration()
    told = found["scanningConfiguration"]
    return {"scanType": told["scanType"], "rules": told.get("rules") or [], "registryId": found["registryId"]}


def reset_scanning(call: Call) -> None:
    """Back to what a registry does by itself."""
    call.aws("ecr").put_registry_scanning_configuration(scanType="BASIC", rules=[])


SCANNING_RULE: Mapping[str, Prop] = {
    "scanFrequency": text(required=True, one_of=("SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL")),
    "repositoryFilters": set_of(
        {"filter": text(required=True), "filterType": text(required=True, one_of=("WILDCARD",))}, required=True
    ),
}
ENCRYPTION: Mapping[str, Prop] = {
    "encryptionType": text(default="AES256", one_of=("AES256", "KMS", "KMS_DSSE")),
    "kmsKey": text(cloud_decides=True),
}

RECORDS = (
    Record(
        type="aws:ecr/repository:Repository",
        service="ecr",
        properties={
            "name": text(replaces=True),
            "imageTagMutability": text(default="MUTABLE", one_of=("MUTABLE", "IMMUTABLE")),
            "imageScanningConfiguration": one({"scanOnPush": flag(required=True)}, cloud_decides=True),
            "encryptionConfigurations": list_of(ENCRYPTION, cloud_decides=True, replaces=True),
            "forceDelete": flag(default=False, unread=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "registryId", "repositoryUrl"),
        name=Name(limit=256, lower=True, allowed=r"a-z0-9._/\-"),
        create=create_repository,
        read=read_repository,
        update=update_repository,
        delete=delete_repository,
        gone=("RepositoryNotFoundException",),
        refused={"imageTagMutabilityExclusionFilters": "the local cloud makes all tags mutable or none"},
    ),
    Record(
        type="aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
        service="ecr",
        properties={
            "scanType": text(required=True, one_of=("BASIC", "ENHANCED")),
            "rules": set_of(SCANNING_RULE),
            **REGION,
        },
        outputs=("registryId",),
        create=put_scanning,
        read=read_scanning,
        update=put_scanning,
        delete=reset_scanning,
    ),
)
