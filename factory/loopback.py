"""A small web application served on loopback by a thread of this process: a door of the worker, the twin, a relay."""

import socket
import threading
import time
from typing import Any

import uvicorn

from factory.errors import MillwrightError

HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


class Loopback:
    """Serves one ASGI application. Calls under way are ended at `stop`, after a second."""

    def __init__(self, app: Any, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))
        config = uvicorn.Config(
            app,
            log_config=None,
            # Broken streams are what it is there for, and headers hold tokens: it logs nothing.
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True, name="loopback"
        )

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end."""
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    def start(self) -> str:
        """Serve from now on. Returns the address."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise MillwrightError("a server on loopback did not start")
            time.sleep(0.005)
        return self.url

    def stop(self) -> None:
        """Serve no more."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(STOP_SECONDS)
        self._socket.close()
