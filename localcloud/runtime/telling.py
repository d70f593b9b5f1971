"""What there is to say about services: collected over a round of the reconciler, then told as a whole."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.runtime import status
from localcloud.runtime.copies import Copy
from localcloud.runtime.declared import Rollout, Service, ServiceId
from localcloud.runtime.plan import Failures, Retire, Turn


@dataclass
class _Told:
    ended: list[status.TaskStatus] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    retired: list[Retire] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


class Telling:
    """One round's news, and the target groups that are told about each service."""

    def __init__(self) -> None:
        self._told: dict[ServiceId, _Told] = {}
        self._groups: dict[ServiceId, set[str]] = {}

    def begin(self, services: Iterable[Service]) -> None:
        """A round begins: nothing has been said yet."""
        self._told = {service.id: _Told() for service in services}

    def say(self, service: ServiceId, message: str) -> None:
        """An event."""
        self._of(service).events.append(message)

    def ended(self, service: ServiceId, task: status.TaskStatus) -> None:
        """A task has stopped."""
        self._of(service).ended.append(task)

    def turned(self, service: ServiceId, turn: Turn) -> None:
        """A rollout has come to an end."""
        told = self._of(service)
        told.turns.append(turn)
        told.events.append(turn.reason)
        if turn.rollout is Rollout.COMPLETED:
            told.events.append("has reached a steady state.")

    def retired(self, service: ServiceId, deployment: Retire) -> None:
        """A replaced deployment has no copy left."""
        self._of(service).retired.append(deployment)

    def tell(
        self,
        services: Iterable[Service],
        copies: Collection[Copy],
        failures: Mapping[str, Failures],
        records: status.Records,
    ) -> list[str]:
        """Write everything there is to say into the records. Returns the ids of tasks that are told no longer."""
        current = {service.id: {group.arn for group in service.groups} for service in services}
        for id, groups in current.items():
            self._groups.setdefault(id, set()).update(groups)
        ids = {*self._told, *self._groups}
        forgotten = records.tell([self._status(id, current.get(id), copies, failures) for id in ids])
        ending = {copy.service: self._groups.get(copy.service, set()) for copy in copies}
        self._groups = ending | current
        return forgotten

    def _of(self, service: ServiceId) -> _Told:
        return self._told.setdefault(service, _Told())

    def _status(
        self, id: ServiceId, groups: set[str] | None, copies: Collection[Copy], failures: Mapping[str, Failures]
    ) -> status.ServiceStatus:
        """What is to be said about a service; one that is gone has no `groups`, and leaves those it had."""
        told = self._told.get(id, _Told())
        mine = [copy for copy in copies if copy.service == id]
        return status.ServiceStatus(
            service=id,
            tasks=[*(copy.task for copy in mine), *told.ended],
            targets={
                arn: [copy.target for copy in mine] if groups is None or arn in groups else []
                for arn in self._groups.get(id, ())
            },
            turns=told.turns,
            retired=told.retired,
            failed={deployment: seen.count for deployment, seen in failures.items()},
            events=told.events,
        )
