"""The running local cloud: its state, its doors and its run file."""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final

from factory import daemons
from localcloud.backends import Backends
from localcloud.clients import Clients
from localcloud.durable.state import Recovered
from localcloud.httpdoor import Admin, HttpDoor
from localcloud.isolation import DEFAULT_ACCOUNT
from localcloud.postgres.local import LocalPostgres
from localcloud.provider.door import ProviderDoor
from localcloud.records import RECORDS
from localcloud.runtime.local import LocalRuntime

SNAPSHOT_SECONDS: Final = 20.0


class Service:
    """The running local cloud of one factory."""

    def __init__(self, claim: daemons.Claim, stop: Callable[[], None]) -> None:
        """`stop` is to end the daemon: it is called when the state cannot be kept any more."""
        self._stop = stop
        self._started = time.time()
        self._claim = claim
        self._publishing = threading.Lock()
        self._http: HttpDoor | None = None
        self._provider: ProviderDoor | None = None
        self._backends: Backends | None = None
        self._runtime: LocalRuntime | None = None
        self._postgres: LocalPostgres | None = None

    def open(self) -> None:
        """Bring the state back, open the doors, then publish the run file. Raises StateBroken."""
        self._backends = Backends(self._claim.root.local_cloud, self._stop, self._claim.lock.fileno())
        clients = Clients(self._backends)
        # Before any door: what is created must already have its address.
        self._postgres = LocalPostgres(self._claim.root, self._backends)
        self._runtime = LocalRuntime(self._claim.root, self._backends, clients, self._postgres)
        for service, module in TAUGHT.items():
            self._backends.before_first_call(service, partial(_teach, module))
        self._provider = ProviderDoor(clients, self._backends)
        _report(self._backends.recover())
        self._runtime.recovered()
        self._postgres.recovered()
        self._provider.start()
        provider = self._provider.servicer
        calls = Admin(
            token=self._claim.token,
            status=self._status,
            reset=self._reset,
            snapshot=self._snapshot,
            discard=provider.discard,
            settled=provider.settled,
        )
        self._http = HttpDoor(self._backends, calls)
        self._publish()
        self._runtime.start()
        self._postgres.start()
        # The first use of each service loads its model; doing it now takes it off the first update.
        threading.Thread(target=_warm, args=(clients,), daemon=True).start()

    def close(self) -> None:
        """Close the doors. The place is held until the process ends: until then it may still write."""
        self._claim.withdraw()
        if self._provider:
            self._provider.close()
        if self._http:
            self._http.close()
        if self._runtime:
            self._runtime.close()
        if self._postgres:
            self._postgres.close()
        if self._backends:
            self._backends.close()

    def _publish(self) -> None:
        with self._publishing:
            self._claim.publish(self._addresses(), generation=self._generation())

    def _addresses(self) -> dict[str, str]:
        if not (self._http and self._provider and self._runtime):
            raise RuntimeError("the doors are not open")
        return {
            "http": self._http.url,
            "provider": self._provider.address,
            "ingress": self._runtime.url,
            "ingress-tls": self._runtime.secure_url,
        }

    def _generation(self) -> str:
        return self._backends.generation if self._backends else ""

    def _status(self) -> Mapping[str, Any]:
        return {
            "name": self._claim.name,
            "pid": os.getpid(),
            "uptime_seconds": round(time.time() - self._started, 3),
            "generation": self._generation(),
            "addresses": self._addresses(),
            "tasks": self._runtime.running() if self._runtime else [],
            "state": dict(self._backends.kept()) if self._backends else {},
        }

    def _snapshot(self) -> Mapping[str, Any]:
        return self._backends.snapshot(SNAPSHOT_SECONDS) if self._backends else {}

    def _reset(self) -> Mapping[str, Any]:
        if self._backends:
            self._backends.reset()
        if self._runtime:
            self._runtime.settle()
        if self._postgres:
            self._postgres.settle()
        if self._provider:
            self._provider.servicer.clear()
        self._publish()
        return self._status()


# By moto's names of the services. Imported late: with them come moto's models, which a daemon that has just been
# started does not need.
TAUGHT: Final[Mapping[str, str]] = {
    "iam": "iam_model",
    "ec2": "ec2_model",
    "lambda": "lambda_model",
    "awslambda": "lambda_model",
    "batch": "batch_model",
    "secretsmanager": "secretsmanager_model",
    "servicediscovery": "servicediscovery_model",
    "codebuild": "codebuild_model",
    "codepipeline": "codepipeline_model",
    "budgets": "budgets_model",
    "s3": "s3_model",
    "sqs": "sqs_model",
    "acm": "acm_model",
}


def _teach(module: str) -> None:
    import_module(f"localcloud.taught.{module}").teach()


def _report(recovered: Recovered) -> None:
    """Say in the log how the state came back, when there was any."""
    if recovered.replayed or recovered.dropped:
        print(
            f"state recovered in {recovered.seconds} s: {recovered.replayed} calls replayed, {recovered.dropped} of "
            "unfinished operations dropped",
            file=sys.stderr,
        )
    if recovered.differing:
        print(f"calls that answered differently: {', '.join(recovered.differing[:20])}", file=sys.stderr)


def _warm(clients: Clients) -> None:
    for service in sorted({record.service for record in RECORDS.values()}):
        clients.client(service, DEFAULT_ACCOUNT, "us-east-1")
