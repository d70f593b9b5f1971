"""Opens, on the host, what a copy may reach: decided anew for each connection, from the records as they are then."""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from localcloud.runtime.declared import ServiceId
from localcloud.runtime.interface import Connect
from localcloud.runtime.reach import Reach


class Ways:
    """The ways from copies to what stands in the local cloud.

    `decide` says what the copies of a service's deployment may reach now; `database` names the Unix socket of a
    server by its key, or None when it does not run.
    """

    def __init__(self, decide: Callable[[ServiceId, str], Reach], database: Callable[[str], Path | None]) -> None:
        self._decide, self._database = decide, database

    def of(self, service: ServiceId, deployment: str) -> Connect:
        """What opens connections for the copies of one deployment."""
        return partial(self._connect, service, deployment)

    def _connect(self, service: ServiceId, deployment: str, address: str, port: int) -> socket.socket | None:
        key = self._decide(service, deployment).databases.get((address, port))
        path = self._database(key) if key else None
        return _opened(path) if path else None


def _opened(path: Path) -> socket.socket | None:
    door = socket.socket(socket.AF_UNIX)
    with suppress(OSError):
        door.connect(str(path))
        return door
    # The server has just ended.
    door.close()
    return None
