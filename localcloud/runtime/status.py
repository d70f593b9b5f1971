"""What the reconciler and the cloud's records tell each other, as plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from localcloud.runtime.declared import Service, ServiceId
from localcloud.runtime.plan import Retire, Turn
from localcloud.runtime.routes import Route, Secure

Json = Any

PENDING: Final = "PENDING"
RUNNING: Final = "RUNNING"
DEACTIVATING: Final = "DEACTIVATING"
STOPPED: Final = "STOPPED"
# The changes that are kept with the calls: what the reconciler tells, and that the daemon was started again.
TELL: Final = "ecs.tell"
RESTARTED: Final = "ecs.restarted"


@dataclass(frozen=True)
class TaskStatus:
    """One task as the cloud is to tell it; `reason`, `code` and `exit_code` once it stops."""

    id: str
    deployment: str
    definition: str
    container: str
    address: str
    status: str
    health: str = "UNKNOWN"
    reason: str = ""
    code: str = ""
    exit_code: int | None = None


@dataclass(frozen=True)
class TargetStatus:
    """One target of a target group as DescribeTargetHealth is to tell it."""

    address: str
    port: int
    state: str
    reason: str = ""
    description: str = ""


@dataclass(frozen=True)
class ServiceStatus:
    """Everything there is to say about one service now.

    `tasks`: all that are there, and those that have just stopped. `targets`: by target group's ARN. `failed`: copies
    that failed in a row, by deployment.
    """

    service: ServiceId
    tasks: Sequence[TaskStatus]
    targets: Mapping[str, Sequence[TargetStatus]]
    turns: Sequence[Turn]
    retired: Sequence[Retire]
    failed: Mapping[str, int]
    events: Sequence[str]

    @property
    def momentary(self) -> bool:
        """Whether it says something that happened, and not only how things are."""
        return bool(self.turns or self.retired or self.events)


@dataclass(frozen=True)
class Look:
    """One look at the records: services, the task definitions they name, and where balancers lead, by host."""

    services: Sequence[Service]
    definitions: Mapping[str, Mapping[str, Json]]
    routes: Mapping[str, Route]
    secure: Mapping[str, Secure]


class Records(Protocol):
    """The cloud's records."""

    def look(self) -> Look:
        """What is declared now."""

    def tell(self, statuses: Iterable[ServiceStatus]) -> list[str]:
        """Write statuses into the records. Returns the ids of tasks that are told no longer."""
