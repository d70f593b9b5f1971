"""Opens, on the host, what a copy may reach: decided anew for each connection, from the records as they are then."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from localcloud.runtime.caller import Caller
from localcloud.runtime.declared import ServiceId
from localcloud.runtime.interface import Connect
from localcloud.runtime.reach import API, Reach
from localcloud.sockets import by_descriptor, pinned


class Ways:
    """The ways from copies to what stands in the local cloud.

    `decide` says what the copies of a service's deployment may reach now; `database` names the Unix socket of a
    server by its key, or None when it does not run; `api` opens a connection to the cloud's API for a copy, where
    what it is to let pass is asked for at each call.
    """

    def __init__(
        self,
        decide: Callable[[ServiceId, str], Reach],
        database: Callable[[str], Path | None],
        api: Callable[[Caller, Callable[[], frozenset[str]]], socket.socket],
    ) -> None:
        self._decide, self._database, self._api = decide, database, api

    def of(self, caller: Caller, deployment: str) -> Connect:
        """What opens connections for a copy of a deployment."""
        return partial(self._connect, caller, deployment)

    def _connect(self, caller: Caller, deployment: str, address: str, port: int) -> socket.socket | None:
        found = self._decide(caller.service, deployment)
        if (address, port) == API and found.services:
            return self._api(caller, lambda: self._decide(caller.service, deployment).services)
        key = found.databases.get((address, port))
        path = self._database(key) if key else None
        return _opened(path) if path else None


def _opened(path: Path) -> socket.socket | None:
    door = socket.socket(socket.AF_UNIX)
    # The server may have just ended, or have put something else in its socket's place.
    with suppress(OSError):
        there = pinned(path)
        try:
            door.connect(str(by_descriptor(there)))
        finally:
            os.close(there)
        return door
    door.close()
    return None
