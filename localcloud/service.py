"""The running local cloud: its state, its doors and its run file."""

import os
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from factory import daemons
from localcloud.backends import Backends
from localcloud.clients import Clients
from localcloud.httpdoor import Admin, HttpDoor
from localcloud.isolation import DEFAULT_ACCOUNT
from localcloud.provider.door import ProviderDoor
from localcloud.provider.made import Made
from localcloud.records import RECORDS
from localcloud.runtime.local import LocalRuntime


class Service:
    """The running local cloud of one factory."""

    def __init__(self, claim: daemons.Claim) -> None:
        self._started = time.time()
        self._claim = claim
        self._publishing = threading.Lock()
        self._http: HttpDoor | None = None
        self._provider: ProviderDoor | None = None
        self._run_file: daemons.RunFile | None = None
        self._backends: Backends | None = None
        self._runtime: LocalRuntime | None = None
        self._made = Made()

    def open(self) -> None:
        """Open the doors, then publish the run file."""
        self._backends = Backends()
        clients = Clients(self._backends)
        # Before any door: what is created must already have its address.
        self._runtime = LocalRuntime(self._claim.root, self._backends, clients)
        self._provider = ProviderDoor(clients, self._made)
        self._http = HttpDoor(self._backends, Admin(self._token, self._status, self._reset, self._made.discard))
        self._publish()
        self._runtime.start()
        # The first use of each service loads its model; doing it now takes it off the first update.
        threading.Thread(target=_warm, args=(clients,), daemon=True).start()

    def close(self) -> None:
        """Close the doors and give the place up."""
        self._claim.release()
        if self._provider:
            self._provider.close()
        if self._http:
            self._http.close()
        if self._runtime:
            self._runtime.close()

    def _publish(self) -> daemons.RunFile:
        if self._http is None or self._provider is None or self._runtime is None:
            raise RuntimeError("the doors are not open")
        addresses = {"http": self._http.url, "provider": self._provider.address, "ingress": self._runtime.url}
        with self._publishing:
            self._run_file = self._claim.publish(addresses, generation=uuid.uuid4().hex)
            return self._run_file

    def _token(self) -> str:
        # Before the run file is published nobody can know a token; a random one refuses everybody.
        return self._run_file.token if self._run_file else uuid.uuid4().hex

    def _status(self) -> Mapping[str, Any]:
        run_file = self._run_file
        return {
            "name": self._claim.name,
            "pid": os.getpid(),
            "uptime_seconds": round(time.time() - self._started, 3),
            "generation": run_file.generation if run_file else "",
            "addresses": dict(run_file.addresses) if run_file else {},
            "tasks": self._runtime.running() if self._runtime else [],
        }

    def _reset(self) -> Mapping[str, Any]:
        if self._backends:
            self._backends.reset()
        if self._runtime:
            self._runtime.settle()
        self._made.clear()
        self._publish()
        return self._status()


def _warm(clients: Clients) -> None:
    for service in sorted({record.service for record in RECORDS.values()}):
        clients.client(service, DEFAULT_ACCOUNT, "us-east-1")
