"""The reconciler's side of the cloud's records: read in one look, and told the status, under the backends' lock.

Read from moto's own records, not by API calls: a look is some microseconds instead of a dozen calls, and no call of
somebody else falls into the middle of it. Importing this imports moto's EC2, ECS and ELB, which takes a second.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from moto.core.utils import utcnow
from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends
from moto.ecs.models import Service as Record
from moto.elbv2.models import FakeTargetGroup, elbv2_backends

from localcloud.backends import Backends
from localcloud.postgres.declared import Placed
from localcloud.runtime import ecs_model, elb_routes, networks
from localcloud.runtime.declared import Deployment, HealthCheck, Rollout, Service, ServiceId, TargetGroup
from localcloud.runtime.ecs_model import TaskRecord
from localcloud.runtime.elb_model import host_name
from localcloud.runtime.reach import NOTHING, Interface, Reach, reach
from localcloud.runtime.status import RUNNING, STOPPED, TELL, Look, ServiceStatus, TargetStatus, TaskStatus
from localcloud.seen import Seen

Json = Any
# ECS tells stopped tasks for about an hour; here the last ones of each service.
KEPT_STOPPED = 10
# Where a service without a network configuration would be.
NO_SUBNET = "10.255.0.0/16"


class Cloud:
    """The records of every account and region that exist."""

    def __init__(self, backends: Backends, placed: Callable[[], Iterable[Placed]]) -> None:
        """`placed` tells, under the backends' lock, of the databases that take connections."""
        self._backends = backends
        self._placed = placed
        self._told: dict[ServiceId, ServiceStatus] = {}
        self._seen = Seen(lambda: backends.version, self._look)
        self._told_of: Look | None = None

    def look(self) -> Look:
        """What is declared now."""
        return self._seen()

    def _look(self) -> Look:
        services, definitions = [], {}
        with self._backends.held():
            active = [
                (account, region, backend, [each for each in backend.services.values() if each.status == "ACTIVE"])
                for account, region, backend in _all(ecs_backends)
            ]
            # Nobody reaches a database where nobody runs, and there can be many.
            placed = list(self._placed()) if any(there for *_, there in active) else []
            for account, region, backend, there in active:
                reaches = _reaches(account, region, there, placed)
                for record in there:
                    service = replace(_service(account, region, backend, record), reach=reaches)
                    services.append(service)
                    for deployment in service.deployments:
                        if deployment.definition:
                            definitions[deployment.definition] = _definition(backend, deployment.definition)
            found = [elb_routes.routes(*place) for place in _all(elbv2_backends)]
        plain = {host: route for each in found for host, route in each.plain.items()}
        secure = {host: route for each in found for host, route in each.secure.items()}
        return Look(services, definitions, plain, secure)

    def reach(self, id: ServiceId, deployment: str) -> Reach:
        """What the copies of a service's deployment may reach now; nothing when it is no more."""
        with self._backends.held():
            record = ecs_backends[id.account][id.region].services.get(f"{id.cluster}:{id.name}")
            if record is None or record.status != "ACTIVE":
                return NOTHING
            return _reaches(id.account, id.region, [record], self._placed()).get(deployment, NOTHING)

    def tell(self, statuses: Iterable[ServiceStatus]) -> list[str]:
        """Write statuses into the records. Returns the ids of tasks that are told no longer."""
        statuses = list(statuses)
        news = [status for status in statuses if status.momentary or self._told.get(status.service) != status]
        forgotten: list[str] = []
        seen = self._seen()
        if news:
            # Only what is new is kept: several rounds a second say the same again.
            forgotten += self._backends.apply(TELL, news)
        if news or seen is not self._told_of:
            with self._backends.held():
                forgotten += tell([status for status in statuses if status not in news])
            self._told_of = seen
        self._told = {status.service: status for status in statuses}
        return forgotten


def tell(statuses: Iterable[ServiceStatus]) -> list[str]:
    """Write statuses into the records, under the backends' lock. Returns the ids of tasks that are told no longer."""
    forgotten: list[str] = []
    for status in statuses:
        backend = ecs_backends[status.service.account][status.service.region]
        _tell_targets(status)
        record = backend.services.get(f"{status.service.cluster}:{status.service.name}")
        if record is not None:
            forgotten += _tell_service(backend, record, status)
    return forgotten


def restarted(port: int) -> None:
    """The daemon was started again, under the backends' lock: what ran ended with it, and the ingress is at `port`."""
    for _, _, backend in _all(ecs_backends):
        for record in backend.services.values():
            for task in ecs_model.tasks_of(backend, record):
                ecs_model.end(task, "The host was restarted.", ecs_model.HOST_ENDED)
            for deployment in record.deployments:
                # Counted from now: the copies start again, and the clock may be another one.
                deployment["since"] = time.monotonic()
            ecs_model.recount(backend, record)
    for account, region, balancers in _all(elbv2_backends):
        for balancer in balancers.load_balancers.values():
            balancer.dns_name = f"{host_name(account, region, balancer.name)}:{port}"
        for group in balancers.target_groups.values():
            for address in [id for id, each in group.targets.items() if "Owner" in each]:
                group.deregistered_targets[address] = group.targets.pop(address)


def _all(backends: Json) -> Iterable[tuple[str, str, Json]]:
    return [(account, region, backend) for account in list(backends) for region, backend in backends[account].items()]


def _service(account: str, region: str, backend: EC2ContainerServiceBackend, record: Record) -> Service:
    configuration = getattr(record, "deployment_configuration", None) or {}
    deployments: list[dict[str, Json]] = record.deployments
    # moto's StopTask marks the record; what has begun to stop since then is no wish any more.
    asked = [
        task
        for task in ecs_model.every_task_of(backend, record)
        if task.desired_status == STOPPED and task.stopping_at is None
    ]
    return Service(
        id=ServiceId(account, region, record.cluster_name, record.name),
        desired=int(record.desired_count or 0),
        deployments=tuple(
            Deployment(each["id"], each["taskDefinition"] or "", Rollout(each["rolloutState"]), each["since"])
            for each in deployments
        ),
        breaker=bool((configuration.get("deploymentCircuitBreaker") or {}).get("enable")),
        groups=tuple(_groups(account, region, record)),
        stop_asked={_id(task.task_arn): task.stopped_reason or "" for task in asked},
        subnet=_subnet(account, region, record),
    )


def _reaches(account: str, region: str, records: Iterable[Record], placed: Iterable[Placed]) -> dict[str, Reach]:
    """What the copies of services may reach, by deployment: while one replaces another, each has its own network."""
    places: dict[str, Interface] = {}
    deployments: list[dict[str, Json]] = [each for record in records for each in record.deployments]
    for deployment in deployments:
        if at := networks.interface(account, region, deployment["networkConfiguration"]):
            places[deployment["id"]] = at
    if not places:
        return {}
    world = networks.world(account, region, placed, places.values())
    return {id: reach(at, world) for id, at in places.items()}


def _groups(account: str, region: str, record: Record) -> Iterable[TargetGroup]:
    there = elbv2_backends[account][region].target_groups
    for balancer in record.load_balancers or []:
        arn = balancer.get("targetGroupArn")
        if arn and (group := there.get(arn)):
            yield TargetGroup(arn, _check(group))


def _check(group: FakeTargetGroup) -> HealthCheck | None:
    if not group.health_check_enabled or (group.health_check_protocol or "HTTP") not in {"HTTP", "HTTPS"}:
        return None
    matcher = getattr(group, "matcher", None) or {}
    return HealthCheck(group.health_check_path or "/", str(matcher.get("HttpCode") or "200"))


def _subnet(account: str, region: str, record: Record) -> str:
    at = networks.interface(account, region, getattr(record, "network_configuration", None))
    return at.ranges[0] if at else NO_SUBNET


def _definition(backend: EC2ContainerServiceBackend, arn: str) -> Mapping[str, Json]:
    task = backend.describe_task_definition(arn)
    return {
        "containerDefinitions": task.container_definitions,
        "memory": task.memory,
        "cpu": task.cpu,
        "taskRoleArn": getattr(task, "task_role_arn", None),
    }


def _tell_service(backend: EC2ContainerServiceBackend, record: Record, status: ServiceStatus) -> list[str]:
    deployments = {each["id"]: each for each in record.deployments}
    tasks = backend.tasks.setdefault(record.cluster_name, {})
    for task in status.tasks:
        _tell_task(backend, tasks, record, task)
    for turn in status.turns:
        # The record may have changed since the look: what is no longer the primary has no rollout.
        if (deployment := deployments.get(turn.deployment)) and deployment["status"] == "PRIMARY":
            ecs_model.turn(deployment, turn.rollout.value, turn.reason)
    for id, count in status.failed.items():
        if id in deployments:
            deployments[id]["failedTasks"] = count
    gone = {each.deployment for each in status.retired}
    record.deployments = [each for each in record.deployments if each["status"] == "PRIMARY" or each["id"] not in gone]
    for message in status.events:
        ecs_model.tell(record, message)
    ecs_model.recount(backend, record)
    return _forget(backend, record)


def _tell_task(backend: EC2ContainerServiceBackend, tasks: dict[str, Json], record: Record, task: TaskStatus) -> None:
    arn = f"{record.cluster_arn.replace(':cluster/', ':task/')}/{task.id}"
    told = tasks.get(arn)
    if told is None:
        definition = backend.describe_task_definition(task.definition)
        told = tasks[arn] = TaskRecord(
            task_arn=arn,
            cluster_arn=record.cluster_arn,
            task_definition_arn=task.definition,
            group=f"service:{record.name}",
            started_by=task.deployment,
            container_name=task.container,
            launch_type=record.launch_type or "EC2",
            cpu=definition.cpu,
            memory=definition.memory,
            address=task.address,
        )
    now = utcnow()
    told.last_status, told.health_status = task.status, task.health
    if task.status == RUNNING:
        told.started_at = told.started_at or now
    else:
        told.desired_status, told.stopping_at = STOPPED, told.stopping_at or now
        told.stopped_reason, told.stop_code, told.exit_code = task.reason, task.code, task.exit_code
    if task.status == STOPPED:
        told.stopped_at = told.stopped_at or now


def _forget(backend: EC2ContainerServiceBackend, record: Record) -> list[str]:
    """Drop the oldest stopped tasks of a service."""
    stopped = [task.task_arn for task in ecs_model.every_task_of(backend, record) if task.stopped_at]
    too_many = stopped[: max(len(stopped) - KEPT_STOPPED, 0)]
    for arn in too_many:
        del backend.tasks[record.cluster_name][arn]
    return [_id(arn) for arn in too_many]


def _tell_targets(status: ServiceStatus) -> None:
    groups = elbv2_backends[status.service.account][status.service.region].target_groups
    for arn, targets in status.targets.items():
        if group := groups.get(arn):
            ours = {target.address for target in targets}
            owner = str(status.service)
            for address in [id for id, each in group.targets.items() if each.get("Owner") == owner and id not in ours]:
                group.deregistered_targets[address] = group.targets.pop(address)
            for target in targets:
                group.targets[target.address] = _target(target, owner)


def _target(target: TargetStatus, owner: str) -> dict[str, Json]:
    told = {"Id": target.address, "Port": target.port, "State": target.state, "Owner": owner}
    if target.reason:
        told |= {"Reason": target.reason, "Description": target.description}
    return told


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]
