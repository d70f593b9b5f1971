"""The access plane as the rooms above see it: ways out for agents' tasks, opened and closed."""

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from access.egress.orders import INSIDE, SOCKET, Begin, Order
from access.egress.record import Asker
from access.orders import Answer
from access.told import ToldProcess
from factory.errors import MillwrightError
from factory.paths import FactoryRoot, private_folder

__all__ = ["Asker", "Proxies", "Way"]

COMMAND: Final = (sys.executable, "-P", "-m", "access.egress")


@dataclass(frozen=True)
class Way:
    """A task's way out: the gate's socket on the host, and the proxy's URL as it is inside of a sandbox."""

    socket: Path
    proxy: str


class Proxies:
    """The egress proxies of one worker: a process per app, from its first task that may reach anything."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._running: dict[str, ToldProcess[Answer]] = {}

    @contextlib.contextmanager
    def opened(
        self, root: FactoryRoot, database: Engine, asker: Asker, hosts: Sequence[str], folder: Path
    ) -> Iterator[Way | None]:
        """The task's way to these hosts while the block runs, its socket in `folder`; None without hosts.

        Raises MillwrightError when there is no proxy to decide: then there is no way either.
        """
        if not hosts:
            yield None
            return
        private_folder(folder)
        self._order(root, database, Order(asker=asker, hosts=list(hosts), folder=folder))
        try:
            yield Way(folder / SOCKET, f"http://{INSIDE[0]}:{INSIDE[1]}")
        finally:
            # One that has ended has closed it.
            with contextlib.suppress(MillwrightError):
                self._known(asker.app).tell(Order(asker=asker))

    def close(self) -> None:
        """End all of them, and every way with them."""
        with self._lock:
            for proxy in self._running.values():
                proxy.stop()
            self._running.clear()

    def _known(self, app: str) -> ToldProcess[Answer]:
        with self._lock:
            if app in self._running:
                return self._running[app]
        raise MillwrightError(f"no egress proxy of {app} runs")

    def _order(self, root: FactoryRoot, database: Engine, order: Order) -> None:
        app = order.asker.app
        with self._lock:
            proxy = self._running.get(app)
            if proxy is None or not proxy.alive():
                if proxy:
                    proxy.stop()
                log = private_folder(root.logs) / f"egress-{app}.log"
                proxy = self._running[app] = ToldProcess("the egress proxy", self._command, log, Answer)
                # The database's URL by its first line: nothing of the worker's is inherited.
                proxy.start(Begin(root=root.path, database=database.url.render_as_string(hide_password=False)))
        proxy.tell(order)
