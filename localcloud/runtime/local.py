"""The parts put together: what the local cloud's daemon opens, publishes and closes."""

from pathlib import Path
from typing import Final

from factory.paths import FactoryRoot
from localcloud.backends import Backends
from localcloud.clients import Clients
from localcloud.runtime import ecs_model, elb_model
from localcloud.runtime.cloud import Cloud
from localcloud.runtime.ingress import Ingress, listen
from localcloud.runtime.reconciler import Reconciler
from localcloud.runtime.routes import Switch
from localcloud.runtime.sandboxed import SandboxedProcesses

PORT_FILE: Final = "ingress-port"
SETTLE_SECONDS: Final = 15.0


class LocalRuntime:
    """Reconciler and ingress of one local cloud."""

    def __init__(self, root: FactoryRoot, backends: Backends, clients: Clients) -> None:
        def tree(digest: str) -> Path:
            # Imported late: the store's database takes a quarter of a second to import.
            from factory.artefacts import folder

            return folder(root, digest)

        switch = Switch()
        self._ingress = Ingress(listen(root.state / PORT_FILE), switch)
        ecs_model.teach()
        elb_model.teach(self._ingress.port)
        self._reconciler = Reconciler(Cloud(backends), clients.client, SandboxedProcesses(root, tree), switch)

    @property
    def url(self) -> str:
        """Where the ingress listens."""
        return self._ingress.url

    def start(self) -> None:
        """Begin to follow the records and to answer requests."""
        self._ingress.start()
        self._reconciler.start()

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
