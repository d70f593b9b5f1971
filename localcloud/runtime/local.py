"""The parts put together: what the local cloud's daemon opens, publishes and closes."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from factory.paths import FactoryRoot
from localcloud.backends import Backends
from localcloud.clients import Clients
from localcloud.postgres.local import LocalPostgres
from localcloud.runtime.api import Api
from localcloud.runtime.declared import ServiceId
from localcloud.runtime.ingress import Ingress, listen
from localcloud.runtime.reach import NOTHING, Reach
from localcloud.runtime.reconciler import Reconciler
from localcloud.runtime.routes import Switch
from localcloud.runtime.sandboxed import SandboxedProcesses
from localcloud.runtime.status import RESTARTED, TELL, Records, ServiceStatus
from localcloud.runtime.ways import Ways

if TYPE_CHECKING:
    from localcloud.runtime.cloud import Cloud

PORT_FILE: Final = "ingress-port"
SECURE_PORT_FILE: Final = "ingress-tls-port"
# Its `ca.pem` is what a client of the TLS door is told to trust.
AUTHORITY_FOLDER: Final = "local-ca"
SETTLE_SECONDS: Final = 15.0


class LocalRuntime:
    """Reconciler and ingress of one local cloud. What they need of moto is loaded with the first call that needs it."""

    def __init__(self, root: FactoryRoot, backends: Backends, clients: Clients, postgres: LocalPostgres) -> None:
        """`postgres` has the databases that copies may reach."""

        def tree(digest: str) -> Path:
            # Imported late: the store's database takes a quarter of a second to import.
            from factory.artefacts import folder

            return folder(root, digest)

        switch = Switch()
        self._backends, self._postgres = backends, postgres
        self._cloud: Cloud | None = None
        self._taught = False
        doors = listen(root.state / PORT_FILE), listen(root.state / SECURE_PORT_FILE)
        self._ingress = Ingress(*doors, switch, root.state / AUTHORITY_FOLDER)
        ways = Ways(self._reach, postgres.socket, Api(backends).open)
        self._reconciler = Reconciler(self._records, clients.client, SandboxedProcesses(root, tree), ways, switch)
        backends.register(TELL, self._tell)
        backends.register(RESTARTED, self._restarted)
        backends.before_first_call("ecs", self._teach_ecs)
        # Both generations of ELB share a host name, and moto finds either under one of these.
        for service in ("elb", "elbv2"):
            backends.before_first_call(service, self._teach_elb)

    @property
    def url(self) -> str:
        """Where the ingress listens."""
        return self._ingress.url

    @property
    def secure_url(self) -> str:
        """Where the ingress speaks TLS."""
        return self._ingress.secure_url

    def start(self) -> None:
        """Begin to follow the records and to answer requests."""
        self._ingress.start()
        self._reconciler.start()

    def recovered(self) -> None:
        """The backends' state was brought back, if there was any: nothing of it runs yet."""
        if self._taught:
            self._backends.apply(RESTARTED, self._ingress.port)

    def running(self) -> list[dict[str, str]]:
        """What runs, for people."""
        return self._reconciler.running()

    def settle(self) -> None:
        """Wait until what ran for a cloud that has just been emptied has ended."""
        self._reconciler.settle(SETTLE_SECONDS)

    def close(self) -> None:
        """End everything that was started."""
        self._ingress.close()
        self._reconciler.close()

    # Imported late: a second for moto's models, which a daemon that has just been started does not need.

    def _teach_ecs(self) -> None:
        from localcloud.runtime import ecs_model

        ecs_model.teach()
        self._taught = True
        self._reconciler.wake()

    def _teach_elb(self) -> None:
        from localcloud.runtime import elb_model

        elb_model.teach(self._ingress.port)
        self._taught = True
        self._reconciler.wake()

    def _tell(self, statuses: list[ServiceStatus]) -> list[str]:
        from localcloud.runtime import cloud

        return cloud.tell(statuses)

    def _restarted(self, port: int) -> None:
        from localcloud.runtime import cloud

        cloud.restarted(port)

    def _records(self) -> Records:
        from localcloud.runtime.cloud import Cloud

        self._cloud = self._cloud or Cloud(self._backends, self._postgres.placed)
        return self._cloud

    def _reach(self, service: ServiceId, deployment: str) -> Reach:
        # Whoever asks has been started by the reconciler, which has the records open.
        return self._cloud.reach(service, deployment) if self._cloud else NOTHING
