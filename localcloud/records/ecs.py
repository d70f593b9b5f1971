"""ECS: cluster and task definition."""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.documents import containers_form
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Record,
    View,
    document,
    flag,
    integer,
    one,
    refusal,
    set_of,
    tags_to,
    text,
    texts,
)

Json = Any


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as ECS takes them."""
    return tags_to(tags, "key", "value")


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """The tags of an ECS thing."""
    return {tag["key"]: tag["value"] for tag in call.aws("ecs").list_tags_for_resource(resourceArn=arn).get("tags", [])}


def retag(call: Call, arn: str) -> None:
    """Bring an ECS thing's tags to what is declared."""
    added, removed = call.tag_change()
    if removed:
        call.aws("ecs").untag_resource(resourceArn=arn, tagKeys=removed)
    if added:
        call.aws("ecs").tag_resource(resourceArn=arn, tags=tag_list(added))


def create_cluster(call: Call) -> str:
    """Make a cluster."""
    cluster = call.aws("ecs").create_cluster(
        clusterName=call.inputs["name"],
        **call.given(settings=call.inputs.get("settings"), tags=tag_list(call.tags) or None),
    )
    return str(cluster["cluster"]["clusterArn"])


def update_cluster(call: Call) -> None:
    """Change settings and tags."""
    if call.changed("settings") and call.inputs.get("settings"):
        call.aws("ecs").update_cluster(cluster=call.id, settings=call.inputs["settings"])
    retag(call, call.id)


def read_cluster(call: Call) -> View | None:
    """A cluster; an inactive one is gone."""
    found = call.aws("ecs").describe_clusters(clusters=[call.id], include=["SETTINGS", "TAGS"])["clusters"]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    return {
        "name": found[0]["clusterName"],
        "settings": found[0].get("settings") or [],
        "arn": found[0]["clusterArn"],
        "id": found[0]["clusterArn"],
        "tagsAll": tags_of(call, found[0]["clusterArn"]),
    }


def delete_cluster(call: Call) -> None:
    """Remove a cluster; one with services is refused, as by AWS."""
    ecs = call.aws("ecs")
    active = [arn for arn in ecs.list_services(cluster=call.id)["serviceArns"] if _is_active(ecs, call.id, arn)]
    if active:
        # moto would delete the cluster under its services; AWS refuses.
        message = f"The Cluster cannot be deleted while Services are active: {', '.join(active)}"
        raise refusal("ClusterContainsServicesException", message, "DeleteCluster")
    ecs.delete_cluster(cluster=call.id)


def _is_active(ecs: Any, cluster: str, service: str) -> bool:
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    return any(item["status"] == "ACTIVE" for item in found)


def register(call: Call) -> str:
    """Register the next revision of a task definition's family."""
    inputs = call.inputs
    disk = inputs.get("ephemeralStorage")
    task = call.aws("ecs").register_task_definition(
        family=inputs["family"],
        containerDefinitions=json.loads(inputs["containerDefinitions"]),
        **call.given(
            cpu=inputs.get("cpu"),
            memory=inputs.get("memory"),
            networkMode=inputs.get("networkMode"),
            executionRoleArn=inputs.get("executionRoleArn"),
            taskRoleArn=inputs.get("taskRoleArn"),
            requiresCompatibilities=inputs.get("requiresCompatibilities"),
            pidMode=inputs.get("pidMode"),
            ipcMode=inputs.get("ipcMode"),
            runtimePlatform=inputs.get("runtimePlatform"),
            ephemeralStorage={"sizeInGiB": disk["sizeInGib"]} if disk else None,
            volumes=[_volume(item) for item in inputs.get("volumes") or []] or None,
            tags=tag_list(call.tags) or None,
        ),
    )
    return str(task["taskDefinition"]["taskDefinitionArn"])


def _volume(volume: Mapping[str, Json]) -> dict[str, Json]:
    host = {"host": {"sourcePath": volume["hostPath"]}} if volume.get("hostPath") else {}
    return {"name": volume["name"], **host}


def create_task(call: Call) -> str:
    """Register a task definition; its id is the family, as in the published provider."""
    register(call)
    return str(call.inputs["family"])


def update_task(call: Call) -> None:
    """Only tags change in place."""
    retag(call, str(call.state["arn"]))


def read_task(call: Call) -> View | None:
    """The revision this resource made (the newest when it is being made or imported); an inactive one is gone."""
    found = call.aws("ecs").describe_task_definition(taskDefinition=call.state.get("arn") or call.id, include=["TAGS"])
    task = found["taskDefinition"]
    if task["status"] == "INACTIVE":
        return None
    disk = task.get("ephemeralStorage")
    volumes = [
        {"name": item["name"]}
        | ({"hostPath": item["host"]["sourcePath"]} if (item.get("host") or {}).get("sourcePath") else {})
        for item in task.get("volumes") or []
    ]
    same_names = ("cpu", "memory", "networkMode", "executionRoleArn", "taskRoleArn", "pidMode", "ipcMode")
    return {name: task.get(name) for name in same_names} | {
        "family": task["family"],
        "containerDefinitions": json.dumps(task["containerDefinitions"]),
        "requiresCompatibilities": task.get("requiresCompatibilities"),
        "runtimePlatform": task.get("runtimePlatform"),
        "ephemeralStorage": {"sizeInGib": disk["sizeInGiB"]} if disk else None,
        "volumes": volumes,
        "arn": task["taskDefinitionArn"],
        "arnWithoutRevision": task["taskDefinitionArn"].rpartition(":")[0],
        "revision": task["revision"],
        "id": task["family"],
        "tagsAll": tags_of(call, task["taskDefinitionArn"]),
    }


def delete_task(call: Call) -> None:
    """Deregister the revision, unless it is declared to outlive its stack."""
    if not call.inputs.get("skipDestroy"):
        ecs = call.aws("ecs")
        arn = (
            call.state.get("arn")
            or ecs.describe_task_definition(taskDefinition=call.id)["taskDefinition"]["taskDefinitionArn"]
        )
        ecs.deregister_task_definition(taskDefinition=arn)


RECORDS = (
    Record(
        type="aws:ecs/cluster:Cluster",
        service="ecs",
        properties={
            "name": text(replaces=True),
            "settings": set_of({"name": text(required=True), "value": text(required=True)}, cloud_decides=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        name=Name(limit=255, allowed=r"A-Za-z0-9_\-"),
        create=create_cluster,
        read=read_cluster,
        update=update_cluster,
        delete=delete_cluster,
        gone=("ClusterNotFoundException",),
        refused={
            "configuration": "the local cloud takes no execute-command settings",
            "serviceConnectDefaults": "the local cloud has no service connect",
        },
    ),
    Record(
        type="aws:ecs/taskDefinition:TaskDefinition",
        service="ecs",
        properties={
            "family": text(required=True, replaces=True),
            "containerDefinitions": document(required=True, replaces=True, same_as=containers_form),
            "cpu": text(replaces=True),
            "memory": text(replaces=True),
            "networkMode": text(cloud_decides=True, replaces=True, one_of=("awsvpc", "bridge", "host", "none")),
            "executionRoleArn": text(replaces=True),
            "taskRoleArn": text(replaces=True),
            "requiresCompatibilities": texts(replaces=True),
            "pidMode": text(replaces=True),
            "ipcMode": text(replaces=True),
            "runtimePlatform": one({"cpuArchitecture": text(), "operatingSystemFamily": text()}, replaces=True),
            "ephemeralStorage": one({"sizeInGib": integer(required=True)}, replaces=True),
            "volumes": set_of({"name": text(required=True), "hostPath": text()}, replaces=True),
            "skipDestroy": flag(default=False, unread=True),
            "trackLatest": flag(default=False, no_effect="the local cloud tracks the revision that was declared"),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "arnWithoutRevision", "revision"),
        create=create_task,
        read=read_task,
        update=update_task,
        delete=delete_task,
        gone=("ClientException",),
        refused={
            "enableFaultInjection": "the local cloud injects no faults",
            "placementConstraints": "the local cloud has one place to run",
            "proxyConfiguration": "the local cloud has no App Mesh",
        },
    ),
)
