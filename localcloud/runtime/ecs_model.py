"""ECS's own bookkeeping that moto leaves out: deployments, tasks of services, and counts that count.

moto stores a service's declaration and invents its status. Here an update makes a deployment, as on ECS, in the same
call that changes the record, so that no reader ever sees a new record with the old rollout's status.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.models import Service as Record
from moto.moto_api._internal import mock_random

Json = Any
Backend = EC2ContainerServiceBackend
# What ECS itself keeps of a service's events.
KEPT_EVENTS = 100
# Changing one of these replaces the service's tasks.
DEPLOYED = ("network_configuration", "load_balancers", "platform_version")
# ECS's code for a task whose host went away.
HOST_ENDED = "TerminationNotice"
ON_THE_WAY = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})

_create, _update, _delete = Backend.create_service, Backend.update_service, Backend.delete_service
_list_tasks = Backend.list_tasks


@dataclass
class TaskRecord:
    """One task of a service as DescribeTasks tells it; the attributes have moto's names for ECS's members."""

    task_arn: str
    cluster_arn: str
    task_definition_arn: str
    group: str
    started_by: str
    container_name: str
    launch_type: str
    cpu: str | None
    memory: str | None
    address: str
    created_at: datetime = field(default_factory=utcnow)
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    stopped_at: datetime | None = None
    last_status: str = "PENDING"
    desired_status: str = "RUNNING"
    health_status: str = "UNKNOWN"
    stopped_reason: str | None = None
    stop_code: str | None = None
    exit_code: int | None = None
    tags: list[dict[str, str]] = field(default_factory=list)
    # Read by moto itself.
    container_instance_arn: None = None
    resource_requirements: None = None

    @property
    def containers(self) -> list[dict[str, Json]]:
        """The task's one container."""
        told = {
            "containerArn": f"{self.task_arn.replace(':task/', ':container/')}/{self.container_name}",
            "taskArn": self.task_arn,
            "name": self.container_name,
            "lastStatus": self.last_status,
            "healthStatus": self.health_status,
            "exitCode": self.exit_code,
            "reason": self.stopped_reason,
        }
        return [{name: value for name, value in told.items() if value is not None}]

    @property
    def attachments(self) -> list[dict[str, Json]]:
        """The address under which the target group knows the task; nothing listens there."""
        details = [{"name": "privateIPv4Address", "value": self.address}]
        return [{"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}]

    def advance(self) -> None:
        """Nothing: a task of a service changes when its process does, not when somebody looks."""


def teach() -> None:
    """Give moto's ECS in this process the bookkeeping of this module. Calling it again changes nothing."""
    vars_of: Any = Backend
    vars_of.create_service = _created
    vars_of.update_service = _updated
    vars_of.delete_service = _deleted
    vars_of.list_tasks = _tasks_listed


def _created(self: Backend, *arguments: Json, **named: Json) -> Record:
    service = _create(self, *arguments, **named)
    if service.deployment_controller["type"] == "ECS":
        service.deployments = [_deployment(service)]
    else:
        service.deployments = []
        tell(service, "runs nothing here: the local runtime is the ECS deployment controller only.")
    recount(self, service)
    return service


def _updated(self: Backend, service_properties: dict[str, Json]) -> Record:
    cluster, name = service_properties.get("cluster", "default"), service_properties["service"]
    before = self._get_service(cluster, name.split("/")[-1])
    was = {key: getattr(before, key, None) for key in DEPLOYED}
    forced = bool(service_properties.get("force_new_deployment"))
    service = _update(self, service_properties)
    if service.task_definition:
        # moto stores what it is given: a family alone would come to mean another revision later.
        service.task_definition = self.describe_task_definition(service.task_definition).arn
    changed = forced or any(getattr(service, key, None) != value for key, value in was.items())
    for primary in service.deployments[:1]:
        if changed or primary["taskDefinition"] != service.task_definition:
            _redeploy(self, service, again=None if changed else _still_running(service))
    recount(self, service)
    return service


def _deleted(self: Backend, cluster_name: str, service_name: str, force: bool) -> Record:
    service = _delete(self, cluster_name, service_name.rsplit("/", maxsplit=1)[-1], force)
    service.desired_count = 0
    recount(self, service)
    return service


def _tasks_listed(self: Backend, *arguments: Json, **named: Json) -> list[Json]:
    # moto's order: cluster_str, container_instance, family, started_by, service_name, desiredStatus
    places = ("cluster_str", "container_instance", "family", "started_by", "service_name", "desiredStatus")
    asked = dict(zip(places, arguments, strict=False)) | named
    asked["desiredStatus"] = asked.get("desiredStatus") or "RUNNING"
    found: list[Json] = _list_tasks(self, **asked)
    if name := asked.get("service_name"):
        found = [task for task in found if task.group == f"service:{str(name).split('/')[-1]}"]
    return found


def _still_running(service: Record) -> dict[str, Json] | None:
    """The replaced deployment that runs what is declared again."""
    there: list[dict[str, Json]] = service.deployments[1:]
    return next((each for each in there if each["taskDefinition"] == service.task_definition), None)


def _redeploy(backend: Backend, service: Record, again: dict[str, Json] | None) -> None:
    """Make what is declared the primary deployment: a new one, or `again` an earlier one that still stands."""
    others = [each for each in service.deployments if each is not again]
    for each in others:
        each["status"] = "ACTIVE"
    deployment = again or _deployment(service)
    deployment |= {"status": "PRIMARY", "since": time.monotonic()}
    turn(deployment, "IN_PROGRESS", f"ECS deployment {deployment['id']} in progress.")
    running = {task.started_by for task in tasks_of(backend, service)}
    # What never served and has no task left is nothing to go back to.
    kept = [each for each in others if each["id"] in running or each["rolloutState"] == "COMPLETED"]
    service.deployments = [deployment, *kept]


def _deployment(service: Record) -> dict[str, Json]:
    id, now = f"ecs-svc/{mock_random.randint(10**18, 10**19 - 1)}", utcnow()
    return {
        "id": id,
        "status": "PRIMARY",
        "taskDefinition": service.task_definition,
        "desiredCount": service.desired_count,
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        "launchType": service.launch_type,
        "platformVersion": service.platform_version,
        "networkConfiguration": getattr(service, "network_configuration", None) or None,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {id} in progress.",
        # Ours: no member of the API, so it is never told.
        "since": time.monotonic(),
    }


def end(task: TaskRecord, reason: str, code: str) -> None:
    """A task is no more, at once."""
    now = utcnow()
    task.last_status, task.desired_status = "STOPPED", "STOPPED"
    task.stopping_at, task.stopped_at = task.stopping_at or now, now
    task.stopped_reason, task.stop_code = task.stopped_reason or reason, task.stop_code or code


def turn(deployment: dict[str, Json], rollout: str, reason: str) -> None:
    """Say how far a deployment has come."""
    deployment |= {"rolloutState": rollout, "rolloutStateReason": reason, "updatedAt": utcnow()}


def tell(service: Record, message: str) -> None:
    """Add an event, newest first as ECS tells them."""
    event = {"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": f"(service {service.name}) {message}"}
    service.events = [event, *service.events[: KEPT_EVENTS - 1]]


def every_task_of(backend: Backend, service: Record) -> list[TaskRecord]:
    """The service's tasks, stopped ones that are still told too; oldest first."""
    there: Iterable[Json] = backend.tasks.get(service.cluster_name, {}).values()
    return [task for task in there if isinstance(task, TaskRecord) and task.group == f"service:{service.name}"]


def tasks_of(backend: Backend, service: Record) -> list[TaskRecord]:
    """The service's tasks that have not stopped."""
    return [task for task in every_task_of(backend, service) if task.last_status != "STOPPED"]


def recount(backend: Backend, service: Record) -> None:
    """Count a service's tasks, and its cluster's."""
    tasks = tasks_of(backend, service)
    running = [task for task in tasks if task.last_status == "RUNNING"]
    pending = [task for task in tasks if task.last_status in ON_THE_WAY]
    service.running_count, service.pending_count = len(running), len(pending)
    for position, deployment in enumerate(service.deployments):
        id = deployment["id"]
        deployment["runningCount"] = sum(task.started_by == id for task in running)
        deployment["pendingCount"] = sum(task.started_by == id for task in pending)
        if position == 0:
            deployment["desiredCount"] = service.desired_count
    cluster = backend.clusters.get(service.cluster_name)
    if cluster is not None:
        services = [each for each in backend.services.values() if each.cluster_name == cluster.name]
        cluster.active_services_count = sum(each.status == "ACTIVE" for each in services)
        cluster.running_tasks_count = sum(each.running_count for each in services)
        cluster.pending_tasks_count = sum(each.pending_count for each in services)
