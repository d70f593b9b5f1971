"""What is said about a service's tasks and targets, as plain data on its way into the cloud's records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from localcloud.runtime.declared import ServiceId
from localcloud.runtime.plan import Retire, Turn

PENDING: Final = "PENDING"
RUNNING: Final = "RUNNING"
DEACTIVATING: Final = "DEACTIVATING"
STOPPED: Final = "STOPPED"


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
