"""ECS: service. A record only declares; `localcloud.runtime` runs what it declares and tells the status."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.ecs import retag, tag_list, tags_of
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
    set_of,
    text,
    texts,
)

Json = Any


def _network(inputs: Mapping[str, Json]) -> Json:
    network = inputs.get("networkConfiguration")
    if not network:
        return None
    return {
        "awsvpcConfiguration": {
            "subnets": network["subnets"],
            "securityGroups": network.get("securityGroups") or [],
            "assignPublicIp": "ENABLED" if network.get("assignPublicIp") else "DISABLED",
        }
    }


def _deployment(inputs: Mapping[str, Json]) -> dict[str, Json]:
    settings: dict[str, Json] = {
        "maximumPercent": inputs["deploymentMaximumPercent"],
        "minimumHealthyPercent": inputs["deploymentMinimumHealthyPercent"],
    }
    if breaker := inputs.get("deploymentCircuitBreaker"):
        settings["deploymentCircuitBreaker"] = {"enable": breaker["enable"], "rollback": breaker["rollback"]}
    if alarms := inputs.get("alarms"):
        settings["alarms"] = dict(alarms)
    return settings


def _balancers(inputs: Mapping[str, Json]) -> list[dict[str, Json]] | None:
    return [dict(item) for item in inputs.get("loadBalancers") or []] or None


def create_service(call: Call) -> str:
    """Make a service."""
    inputs = call.inputs
    registry = inputs.get("serviceRegistries")
    service = call.aws("ecs").create_service(
        serviceName=inputs["name"],
        desiredCount=inputs["desiredCount"],
        schedulingStrategy=inputs["schedulingStrategy"],
        **call.given(
            cluster=inputs.get("cluster"),
            taskDefinition=inputs.get("taskDefinition"),
            launchType=inputs.get("launchType"),
            platformVersion=inputs.get("platformVersion"),
            propagateTags=inputs.get("propagateTags"),
            loadBalancers=_balancers(inputs),
            networkConfiguration=_network(inputs),
            deploymentController=inputs.get("deploymentController"),
            serviceRegistries=[dict(registry)] if registry else None,
            tags=tag_list(call.tags) or None,
        ),
    )
    return str(service["service"]["serviceArn"])


def settle_service(call: Call) -> None:
    """Give the service what moto takes only from an update."""
    inputs = call.inputs
    call.aws("ecs").update_service(
        service=call.id,
        deploymentConfiguration=_deployment(inputs),
        enableExecuteCommand=inputs["enableExecuteCommand"],
        **call.given(
            cluster=inputs.get("cluster"), healthCheckGracePeriodSeconds=inputs.get("healthCheckGracePeriodSeconds")
        ),
    )


def update_service(call: Call) -> None:
    """Change what changed, so that the runtime sees no other change."""
    inputs = call.inputs
    changes: dict[str, Json] = {}
    for name in (
        "desiredCount",
        "platformVersion",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "propagateTags",
    ):
        if call.changed(name) and inputs.get(name) is not None:
            changes[name] = inputs[name]
    if call.changed(
        "deploymentMaximumPercent", "deploymentMinimumHealthyPercent", "deploymentCircuitBreaker", "alarms"
    ):
        changes["deploymentConfiguration"] = _deployment(inputs)
    if call.changed("taskDefinition"):
        changes["taskDefinition"] = task_arn(call, inputs["taskDefinition"])
    if call.changed("networkConfiguration"):
        changes["networkConfiguration"] = _network(inputs)
    if call.changed("loadBalancers"):
        changes["loadBalancers"] = _balancers(inputs) or []
    if inputs.get("forceNewDeployment"):
        changes["forceNewDeployment"] = True
    changes = call.given(**changes)
    if changes:
        call.aws("ecs").update_service(service=call.id, **call.given(cluster=inputs.get("cluster")), **changes)
    retag(call, call.id)


def task_arn(call: Call, task: str) -> str:
    """The ARN of a task definition given as ARN, family or family:revision (moto stores what it is given)."""
    found = call.aws("ecs").describe_task_definition(taskDefinition=task)
    return str(found["taskDefinition"]["taskDefinitionArn"])


def read_service(call: Call) -> View | None:
    """A service as declared in the cloud; an inactive one is gone."""
    cluster = call.inputs.get("cluster") or call.state.get("cluster") or _cluster_in(call.id)
    found = call.aws("ecs").describe_services(cluster=cluster, services=[call.id])["services"]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    service = found[0]
    deployment = service.get("deploymentConfiguration") or {}
    breaker = deployment.get("deploymentCircuitBreaker")
    network = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    registries = service.get("serviceRegistries") or [None]
    return {
        "name": service["serviceName"],
        "cluster": service["clusterArn"],
        "taskDefinition": service.get("taskDefinition"),
        "desiredCount": service["desiredCount"],
        "launchType": service.get("launchType"),
        "schedulingStrategy": service.get("schedulingStrategy"),
        "platformVersion": service.get("platformVersion"),
        "propagateTags": service.get("propagateTags"),
        "deploymentController": {"type": (service.get("deploymentController") or {}).get("type", "ECS")},
        "deploymentMaximumPercent": deployment.get("maximumPercent", 200),
        "deploymentMinimumHealthyPercent": deployment.get("minimumHealthyPercent", 100),
        "deploymentCircuitBreaker": {key: breaker.get(key, False) for key in ("enable", "rollback")}
        if breaker
        else None,
        "alarms": deployment.get("alarms"),
        "enableExecuteCommand": service.get("enableExecuteCommand", False),
        "healthCheckGracePeriodSeconds": service.get("healthCheckGracePeriodSeconds"),
        "loadBalancers": [
            {key: item[key] for key in BALANCER if item.get(key) is not None}
            for item in service.get("loadBalancers") or []
        ],
        "networkConfiguration": {
            "subnets": network["subnets"],
            "securityGroups": network.get("securityGroups") or [],
            "assignPublicIp": network.get("assignPublicIp") == "ENABLED",
        }
        if network
        else None,
        "serviceRegistries": registries[0],
        "arn": service["serviceArn"],
        "id": service["serviceArn"],
        "tagsAll": tags_of(call, service["serviceArn"]),
    }


def _cluster_in(service: str) -> str:
    """The cluster named in a service's ARN (`...:service/CLUSTER/NAME`) or import id (`CLUSTER/NAME`)."""
    return (service.split("/")[-2:-1] or ["default"])[0]


def delete_service(call: Call) -> None:
    """Scale to nothing and remove, as the published provider does."""
    cluster = call.inputs.get("cluster") or call.state.get("cluster") or _cluster_in(call.id)
    call.aws("ecs").delete_service(cluster=cluster, service=call.id, force=True)


def name_form(thing: Json) -> Json:
    """A cluster by its name, whether it was given as name or ARN."""
    return str(thing).rpartition("/")[2] if thing else thing


BALANCER: Mapping[str, Prop] = {
    "targetGroupArn": text(),
    "containerName": text(required=True),
    "containerPort": integer(required=True),
    "elbName": text(),
}


NETWORK: Mapping[str, Prop] = {
    "subnets": texts(required=True),
    "securityGroups": texts(),
    "assignPublicIp": flag(default=False),
}


# Kept and told; nothing measures here, so no alarm goes off and none takes a rollout back.
ALARMS: Mapping[str, Prop] = {
    "alarmNames": texts(required=True),
    "enable": flag(required=True),
    "rollback": flag(required=True),
}


REGISTRY: Mapping[str, Prop] = {
    "registryArn": text(required=True),
    "port": integer(),
    "containerName": text(),
    "containerPort": integer(),
}


RECORDS = (
    Record(
        type="aws:ecs/service:Service",
        service="ecs",
        properties={
            "name": text(replaces=True),
            "cluster": text(cloud_decides=True, replaces=True, same_as=name_form),
            "taskDefinition": text(),
            "desiredCount": integer(default=0),
            "launchType": text(cloud_decides=True, replaces=True, one_of=("EC2", "FARGATE", "EXTERNAL")),
            "schedulingStrategy": text(default="REPLICA", replaces=True, one_of=("REPLICA", "DAEMON")),
            "platformVersion": text(cloud_decides=True),
            "propagateTags": text(cloud_decides=True, one_of=("SERVICE", "TASK_DEFINITION", "NONE")),
            "deploymentController": one({"type": text(default="ECS")}, cloud_decides=True, replaces=True),
            "deploymentMaximumPercent": integer(default=200),
            "deploymentMinimumHealthyPercent": integer(default=100),
            "deploymentCircuitBreaker": one({"enable": flag(required=True), "rollback": flag(required=True)}),
            "alarms": one(ALARMS),
            "enableExecuteCommand": flag(default=False),
            "healthCheckGracePeriodSeconds": integer(),
            "loadBalancers": set_of(BALANCER),
            "networkConfiguration": one(NETWORK),
            "serviceRegistries": one(REGISTRY, replaces=True),
            "forceNewDeployment": flag(unread=True),
            "triggers": Prop(kind=Kind.MAP, unread=True),
            "forceDelete": flag(no_effect="the local cloud always removes a service with its tasks"),
            "waitForSteadyState": flag(
                default=False,
                no_effect="an update does not wait for tasks; the service's deployments tell how far they are",
            ),
            "enableEcsManagedTags": flag(default=False, no_effect="the local cloud tags no tasks by itself"),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        name=Name(limit=255, allowed=r"A-Za-z0-9_\-"),
        unique=("cluster", "name"),
        create=create_service,
        settle=settle_service,
        read=read_service,
        update=update_service,
        delete=delete_service,
        gone=("ServiceNotFoundException", "ClusterNotFoundException", "ServiceNotActiveException"),
        refused={
            "availabilityZoneRebalancing": "the local cloud has one place to run",
            "capacityProviderStrategies": "the local cloud has no capacity providers; give launchType",
            "deploymentConfiguration": "the local cloud deploys one way",
            "iamRole": "the local cloud needs no role to register targets",
            "orderedPlacementStrategies": "the local cloud has one place to run",
            "placementConstraints": "the local cloud has one place to run",
            "serviceConnectConfiguration": "the local cloud has no service connect",
            "sigintRollback": "the local cloud does not wait for deployments",
            "volumeConfiguration": "the local cloud attaches no EBS volumes",
            "vpcLatticeConfigurations": "the local cloud has no VPC Lattice",
        },
    ),
)
