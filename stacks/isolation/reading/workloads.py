"""What runs an app's code and what leads to it: ECS clusters, services, task definitions, tasks; load balancers."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factory.egress_service import is_proxy
from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Kind, Reference, Resource

# How many things one call of ECS and ELB describes.
CLUSTERS, SERVICES, TASKS, BALANCERS = 100, 10, 100, 20
# Of a secret's ARN; what follows says which key and version of it.
SECRET_PARTS = 7
_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[^@:]+)")


def read_workloads(reader: Reader) -> Iterator[Resource]:
    """Every cluster with its services and tasks, every task definition in use or usable, every load balancer."""
    definitions = set(reader.pages("ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"))
    for cluster in _clusters(reader):
        yield cluster
        for made in (*_services(reader, cluster.id), *_tasks(reader, cluster.id)):
            yield made
            # A revision that was withdrawn runs on where it runs.
            definitions |= {each.target for each in made.refers if each.how == "runs"}
    for arn in sorted(definitions):
        yield from _definition(reader, arn)
    yield from _balancers(reader)


def _clusters(reader: Reader) -> Iterator[Resource]:
    for arns in _batches(reader.pages("ecs", "list_clusters", "clusterArns"), CLUSTERS):
        asked = {"clusters": arns, "include": ["TAGS", "CONFIGURATIONS"]}
        for cluster in reader.pages("ecs", "describe_clusters", "clusters", **asked):
            if cluster["status"] == "INACTIVE":
                continue
            arn, name = cluster["clusterArn"], cluster["clusterName"]
            command = cluster.get("configuration", {}).get("executeCommandConfiguration", {})
            bucket = command.get("logConfiguration", {}).get("s3BucketName")
            yield Resource(
                kind=Kind.CLUSTER,
                id=arn,
                names=(name,),
                arns=(arn, *(reader.arn("ecs", f"{part}/{name}/*") for part in ("service", "task", "task-set"))),
                tags=_ecs_tags(cluster),
                refers=(*reader.key("encrypted by", command.get("kmsKeyId")), *references("logs to", [bucket])),
            )


def _services(reader: Reader, cluster: str) -> Iterator[Resource]:
    for arns in _batches(reader.pages("ecs", "list_services", "serviceArns", cluster=cluster), SERVICES):
        asked = {"cluster": cluster, "services": arns, "include": ["TAGS"]}
        for service in reader.pages("ecs", "describe_services", "services", **asked):
            deployments = service.get("deployments", ())
            revisions = dict.fromkeys([service["taskDefinition"], *(each["taskDefinition"] for each in deployments)])
            placed = [each.get("networkConfiguration", {}) for each in (service, *deployments)]
            refers = (
                *references("in cluster", [cluster]),
                *references("runs", revisions),
                *references("behind", [each.get("targetGroupArn") for each in service.get("loadBalancers", ())]),
                *references(
                    "registered in", [each.get("registryArn") for each in service.get("serviceRegistries", ())]
                ),
                *_placed(placed),
            )
            arn = service["serviceArn"]
            yield Resource(kind=Kind.SERVICE, id=arn, arns=(arn,), tags=_ecs_tags(service), refers=refers)


def _placed(configurations: Sequence[Mapping[str, Any]]) -> Iterator[Reference]:
    for configuration in configurations:
        inside = configuration.get("awsvpcConfiguration", {})
        yield from references("in subnet", inside.get("subnets", ()))
        yield from references("behind security group", inside.get("securityGroups", ()))


def _tasks(reader: Reader, cluster: str) -> Iterator[Resource]:
    for arns in _batches(reader.pages("ecs", "list_tasks", "taskArns", cluster=cluster), TASKS):
        for task in reader.pages("ecs", "describe_tasks", "tasks", cluster=cluster, tasks=arns):
            overrides = task.get("overrides", {})
            details = [each for attached in task.get("attachments", ()) for each in attached.get("details", ())]
            refers = (
                *references("runs", [task["taskDefinitionArn"]]),
                *references("task role", [overrides.get("taskRoleArn")]),
                *references("execution role", [overrides.get("executionRoleArn")]),
                *references("in subnet", [each["value"] for each in details if each["name"] == "subnetId"]),
                *references(
                    "has interface", [each["value"] for each in details if each["name"] == "networkInterfaceId"]
                ),
            )
            yield Resource(kind=Kind.TASK, id=task["taskArn"], part_of=cluster, refers=refers)


def _definition(reader: Reader, arn: str) -> Iterator[Resource]:
    answer = reader.call("ecs", "describe_task_definition", taskDefinition=arn, include=["TAGS"])
    if answer is None:
        return
    found = answer["taskDefinition"]
    refers = [
        *references("task role", [found.get("taskRoleArn")]),
        *references("execution role", [found.get("executionRoleArn")]),
    ]
    for container in found["containerDefinitions"]:
        refers += _container(reader, container)
    yield Resource(
        kind=Kind.TASK_DEFINITION,
        id=arn,
        arns=(arn,),
        tags=_ecs_tags(answer),
        refers=tuple(dict.fromkeys(refers)),
        egress_proxy=all(_is_own_proxy(reader, each) for each in found["containerDefinitions"]),
    )


def _is_own_proxy(reader: Reader, container: Mapping[str, Any]) -> bool:
    return is_proxy(container) and container["image"].startswith(f"{reader.account}.")


def _container(reader: Reader, container: Mapping[str, Any]) -> Iterator[Reference]:
    for secret in container.get("secrets", ()):
        value = secret["valueFrom"]
        if ":secret:" in value:
            value = ":".join(value.split(":")[:SECRET_PARTS])
        yield Reference("reads", value)
    logs = container.get("logConfiguration", {}).get("options", {})
    if "awslogs-group" in logs:
        yield Reference("logs to", reader.arn("logs", f"log-group:{logs['awslogs-group']}"))
    # An image from elsewhere is nobody's in this account.
    if image := _IMAGE.match(container["image"]):
        yield Reference("image", f"arn:aws:ecr:{image['region']}:{image['account']}:repository/{image['name']}")


def _balancers(reader: Reader) -> Iterator[Resource]:
    balancers = {
        each["LoadBalancerArn"]: each for each in reader.pages("elbv2", "describe_load_balancers", "LoadBalancers")
    }
    groups = {each["TargetGroupArn"]: each for each in reader.pages("elbv2", "describe_target_groups", "TargetGroups")}
    tags: dict[str, dict[str, str]] = {}
    for batch in _batches([*balancers, *groups], BALANCERS):
        for each in reader.pages("elbv2", "describe_tags", "TagDescriptions", ResourceArns=batch):
            tags[each["ResourceArn"]] = tags_of(each["Tags"])
    for arn, balancer in balancers.items():
        inside = arn.split(":loadbalancer/")[1]
        refers = (
            *references("in network", [balancer.get("VpcId")]),
            *references("in subnet", [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]),
            *references("behind security group", balancer.get("SecurityGroups", ())),
        )
        arns = (
            arn,
            *(reader.arn("elasticloadbalancing", f"{part}/{inside}/*") for part in ("listener", "listener-rule")),
        )
        yield Resource(kind=Kind.BALANCER, id=arn, arns=arns, tags=tags.get(arn, {}), refers=refers)
        yield from _listeners(reader, arn)
    for arn, group in groups.items():
        refers = (
            *references("in network", [group.get("VpcId")]),
            *references("served by", group.get("LoadBalancerArns", ())),
        )
        yield Resource(kind=Kind.TARGET_GROUP, id=arn, arns=(arn,), tags=tags.get(arn, {}), refers=refers)


def _listeners(reader: Reader, balancer: str) -> Iterator[Resource]:
    for listener in reader.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer):
        arn = listener["ListenerArn"]
        rules = reader.pages("elbv2", "describe_rules", "Rules", ListenerArn=arn)
        actions = itertools.chain(listener.get("DefaultActions", ()), *(rule["Actions"] for rule in rules))
        targets = re.findall(r"arn:[^\"]+:targetgroup/[^\"]+", json.dumps(list(actions), default=str))
        shown = [each.get("CertificateArn") for each in listener.get("Certificates", ())]
        refers = (*references("forwards to", dict.fromkeys(targets)), *references("shows", shown))
        yield Resource(kind=Kind.LISTENER, id=arn, part_of=balancer, refers=refers)


def _ecs_tags(found: Mapping[str, Any]) -> dict[str, str]:
    return tags_of(found.get("tags"), "key", "value")


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
