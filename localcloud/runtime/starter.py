"""Starts one copy of a service: reads its definition, fetches its secrets, has it started."""

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.runtime import status
from localcloud.runtime.api import environment
from localcloud.runtime.caller import Caller
from localcloud.runtime.copies import Copy, addresses
from localcloud.runtime.declared import SecretReference, Service, container, secret_value
from localcloud.runtime.interface import CannotStart, Launch, Runtime
from localcloud.runtime.ways import Ways

# One machine: what is declared beyond it waits for room.
MOST_COPIES: Final = 64
FAILED_START: Final = "TaskFailedToStart"


@dataclass(frozen=True)
class Attempt:
    """One copy that is to be started. `declared` is its task definition; empty when there is none."""

    service: Service
    deployment: str
    definition: str
    declared: Mapping[str, Any]
    task: str

    def refused(self, reason: str) -> status.TaskStatus:
        """The copy as a task that never ran."""
        return status.TaskStatus(
            self.task,
            self.deployment,
            self.definition,
            self.declared["containerDefinitions"][0]["name"],
            address="",
            status=status.STOPPED,
            reason=reason,
            code=FAILED_START,
        )


class Starter:
    """Starts copies. `client` makes clients of the local cloud by service, account and region."""

    def __init__(self, client: Callable[[str, str, str], Any], runtime: Runtime, ways: Ways) -> None:
        self._client, self._runtime, self._ways = client, runtime, ways
        self._numbers = itertools.count()

    def start(self, attempt: Attempt, there: Collection[Copy], now: float) -> Copy:
        """Start a copy beside those that are there. Raises CannotStart."""
        if not attempt.declared:
            raise CannotStart("the service names no task definition")
        if len(there) >= MOST_COPIES:
            raise CannotStart(f"the local runtime has room for {MOST_COPIES} tasks", lasting=False)
        service, wanted = attempt.service, container(attempt.declared)
        if service.groups and wanted.port is None:
            raise CannotStart("behind a load balancer a service needs exactly one container port, and none is declared")
        launch = wanted.launch(attempt.task, self._secret)
        running = self._runtime.start(self._networked(launch, attempt))
        return Copy(
            id=attempt.task,
            service=service.id,
            deployment=attempt.deployment,
            definition=attempt.definition,
            container=wanted,
            address=self._address(service.subnet, {copy.address for copy in there}),
            check=next((group.check for group in service.groups if group.check), None),
            started=now,
            running=running,
        )

    def _networked(self, launch: Launch, attempt: Attempt) -> Launch:
        """The launch with the ways out of the copy, where its deployment has a network."""
        service, role = attempt.service, str(attempt.declared.get("taskRoleArn") or "")
        if attempt.deployment not in service.reach:
            return launch
        return replace(
            launch,
            # What the definition says itself comes first.
            environment={**environment(service.id, role), **launch.environment},
            connect=self._ways.of(Caller(service.id, role, attempt.task), attempt.deployment),
            places=service.reach[attempt.deployment].places,
        )

    def _address(self, subnet: str, taken: set[str]) -> str:
        free = [each for each in itertools.islice(addresses(subnet), 4 * MOST_COPIES) if each not in taken]
        # Not the lowest free one: who still watches an ended task must not take the next one for it.
        return free[next(self._numbers) % len(free)] if free else ""

    def _secret(self, reference: SecretReference) -> str:
        place = {"VersionStage": reference.stage, "VersionId": reference.version}
        client = self._client("secretsmanager", reference.account, reference.region)
        try:
            answer = client.get_secret_value(SecretId=reference.arn, **{k: v for k, v in place.items() if v})
        except (ClientError, BotoCoreError) as error:
            # Its value may be on its way: the engine makes it beside the service.
            raise CannotStart(f"unable to read the secret {reference.arn}: {error}", lasting=False) from None
        return secret_value(reference, answer)
