"""The parts put together: what the local cloud's daemon opens and closes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from factory.paths import FactoryRoot
from localcloud.backends import Backends
from localcloud.postgres.declared import TELL, Declared, Placed, Status
from localcloud.postgres.keeper import Keeper

RESTARTED: Final = "rds.restarted"
SETTLE_SECONDS: Final = 15.0


class LocalPostgres:
    """The servers of one local cloud. What they need of moto is loaded with the first call that needs it."""

    def __init__(self, root: FactoryRoot, backends: Backends) -> None:
        self._backends = backends
        self._taught = False
        self._keeper = Keeper(root.postgres, lambda: self)
        backends.register(TELL, self._tell)
        backends.register(RESTARTED, self._restarted)
        backends.before_first_call("rds", self._teach)

    def recovered(self) -> None:
        """The backends' state was brought back, if there was any: no server of it runs yet."""
        if self._taught:
            self._backends.apply(RESTARTED, None)

    def start(self) -> None:
        """Begin to follow the records."""
        self._keeper.start()

    def settle(self) -> None:
        """Wait until what ran for a cloud that has just been emptied has ended."""
        self._keeper.settle(SETTLE_SECONDS)

    def close(self) -> None:
        """End every server."""
        self._keeper.close()

    # Imported late: half a second for moto's models, which a daemon that has just been started does not need.

    def look(self) -> list[Declared]:
        """What is declared now."""
        from localcloud.postgres import rds_model

        with self._backends.held():
            return rds_model.declared()

    def kept(self) -> set[str]:
        """The instances that are gone and whose data a final snapshot keeps."""
        from localcloud.postgres import rds_model

        with self._backends.held():
            return rds_model.kept()

    def placed(self) -> list[Placed]:
        """The instances that take connections, and where they stand; under the backends' lock."""
        if not self._taught:
            return []
        from localcloud.postgres import rds_model

        return rds_model.placed()

    def socket(self, key: str) -> Path | None:
        """The Unix socket of the server of an instance; None when it does not run."""
        return self._keeper.socket(key)

    def tell(self, statuses: Iterable[Status]) -> None:
        """Write down what became of instances."""
        self._backends.apply(TELL, list(statuses))

    def _teach(self) -> None:
        from localcloud.postgres import rds_model

        rds_model.teach()
        self._taught = True
        self._keeper.wake()

    def _tell(self, statuses: list[Status]) -> None:
        from localcloud.postgres import rds_model

        rds_model.tell(statuses)

    def _restarted(self, _: None) -> None:
        from localcloud.postgres import rds_model

        rds_model.restarted()
