"""One copy of a service from its start to its end, as the reconciler keeps it."""

import ipaddress
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from localcloud.runtime import plan, status
from localcloud.runtime.declared import Container, HealthCheck, ServiceId
from localcloud.runtime.health import Seen, Watch
from localcloud.runtime.interface import Running

# AWS keeps the first four addresses of a subnet.
RESERVED = 4


@dataclass
class Leaving:
    """Why a copy ends, and how far it has come: first no new requests, then asked to stop, `grace` seconds to do so."""

    reason: str
    code: str
    since: float
    grace: float
    exit_code: int | None = None
    stopping: Future[None] | None = None

    @property
    def over(self) -> bool:
        """Whether the copy has ended and its files are gone."""
        return self.stopping is not None and self.stopping.done()


@dataclass
class Copy:
    """A started copy."""

    id: str
    service: ServiceId
    deployment: str
    definition: str
    container: Container
    address: str
    check: HealthCheck | None
    started: float
    running: Running
    watch: Watch = field(default_factory=Watch)
    probing: Future[Seen] | None = None
    leaving: Leaving | None = None

    @property
    def planned(self) -> plan.Task:
        """The copy as the planner sees it."""
        return plan.Task(
            self.id,
            self.deployment,
            self.started,
            ready=self.watch.ready,
            sick_since=self.watch.sick_since,
            refusing_since=self.watch.refusing_since,
            leaving=self.leaving is not None,
        )

    @property
    def task(self) -> status.TaskStatus:
        """The copy as DescribeTasks tells it."""
        health = "HEALTHY" if self.planned.healthy else "UNHEALTHY" if self.watch.sick_since else "UNKNOWN"
        leaving = self.leaving
        if leaving is None:
            return self._told(status.RUNNING, health)
        return self._told(status.STOPPED if leaving.over else status.DEACTIVATING, "UNKNOWN", leaving)

    def _told(self, now: str, health: str, leaving: Leaving | None = None) -> status.TaskStatus:
        return status.TaskStatus(
            self.id,
            self.deployment,
            self.definition,
            self.container.name,
            self.address,
            status=now,
            health=health if self.check else "UNKNOWN",
            reason=leaving.reason if leaving else "",
            code=leaving.code if leaving else "",
            exit_code=leaving.exit_code if leaving else None,
        )

    @property
    def target(self) -> status.TargetStatus:
        """The copy as DescribeTargetHealth tells it."""
        # A worker has none, and no target group either.
        port, last = self.container.port or 0, self.watch.last
        if self.leaving:
            reason = "Target.DeregistrationInProgress"
            return status.TargetStatus(self.address, port, "draining", reason, "Target deregistration is in progress")
        if self.planned.healthy:
            return status.TargetStatus(self.address, port, "healthy")
        state = "unhealthy" if self.watch.ready else "initial"
        return status.TargetStatus(self.address, port, state, last.reason, last.description)


def addresses(subnet: str) -> Iterator[str]:
    """The addresses that tasks in a subnet can be told under. Nothing listens there."""
    network = ipaddress.ip_network(subnet, strict=False)
    return (str(network[number]) for number in range(RESERVED, max(network.num_addresses - 1, RESERVED)))
