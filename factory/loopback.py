"""A small web application served on loopback by a thread of this process: a door of the worker, the twin, a relay."""

import asyncio
import socket
import threading
import time
from typing import Any, Final

import uvicorn

from factory.doorway import Doorway, Patience
from factory.errors import MillwrightError

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
BACKLOG: Final = 1024
# Of each door, far below what a process may open: whatever else it does goes on. One more is answered with 503.
CONNECTIONS: Final = 512


class Serving:
    """An ASGI application at a socket that is bound. Calls under way are ended at `stop`, after a second."""

    def __init__(self, app: Any, bound: socket.socket, patience: Patience | None = None) -> None:
        self._socket = bound
        self._config = uvicorn.Config(
            app,
            log_config=None,
            # Broken streams are what it is there for, and headers hold tokens: it logs nothing.
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._doorway = Doorway(self._config, bound, patience or Patience())
        self._thread = threading.Thread(target=self._run, daemon=True, name="loopback")

    def start(self) -> None:
        """Serve from now on. Raises MillwrightError when it does not begin."""
        self._socket.listen(BACKLOG)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._doorway.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise MillwrightError("a server on loopback did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Serve no more."""
        self._doorway.stop()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._doorway.stop(at_once=True)
            self._thread.join(STOP_SECONDS)
        self._socket.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
            runner.run(self._doorway.serve())


class Loopback(Serving):
    """At a port of this machine's own address; 0: one that is free."""

    def __init__(self, app: Any, port: int = 0, patience: Patience | None = None) -> None:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        self.url: Final = f"http://{HOST}:{bound.getsockname()[1]}"
        """Where it is served, without a slash at the end."""
        super().__init__(app, bound, patience)
