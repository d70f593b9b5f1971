"""The one loopback door in front of all load balancers of the local cloud."""

import socket
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from factory.paths import private_folder
from localcloud.runtime.routes import Switch

if TYPE_CHECKING:
    import uvicorn

LOOPBACK: Final = "127.0.0.1"
# Below the ports that the kernel hands out to outgoing connections.
FIRST_PORT, PORTS = 20_000, 10_000
TRIES: Final = 20
UNPRIVILEGED = range(1024, 65_536)
CONNECTIONS: Final = 256
LONGEST_HEAD: Final = 64 * 1024
KEEP_ALIVE_SECONDS: Final = 30
CLOSING_SECONDS: Final = 1


def listen(memory: Path) -> socket.socket:
    """A listening socket on this factory's port: the one that `memory` names, else one made from its path.

    When those are taken by others, any free one. The port is part of the balancers' DNS names, so it is remembered.
    """
    own = FIRST_PORT + zlib.crc32(str(memory).encode()) % (PORTS - TRIES)
    for port in (*_remembered(memory), *range(own, own + TRIES), 0):
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((LOOPBACK, port))
            door.listen(CONNECTIONS)
        except OSError:
            door.close()
            continue
        private_folder(memory.parent)
        memory.write_text(f"{door.getsockname()[1]}\n")
        return door
    raise OSError("no loopback port is free")


def _remembered(memory: Path) -> tuple[int, ...]:
    try:
        port = int(memory.read_text())
    except (OSError, ValueError):
        return ()
    return (port,) if port in UNPRIVILEGED else ()


class Ingress:
    """The running ingress. It listens from the beginning; answers begin when its thread has loaded what it needs."""

    def __init__(self, door: socket.socket, switch: Switch) -> None:
        self._door, self._switch = door, switch
        self._server: uvicorn.Server | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="ingress", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens. A balancer is chosen by the request's host."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._door.getsockname()[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering; what is under way gets a second."""
        self._closing = True
        if self._server:
            self._server.should_exit = True
        if self._thread.ident:
            self._thread.join(timeout=4 * CLOSING_SECONDS)
        self._door.close()

    def _serve(self) -> None:
        # Imported here: they take some 0.2 s, which no start of the daemon waits for.
        import uvicorn

        from localcloud.runtime.proxy import Proxy

        config = uvicorn.Config(
            Proxy(self._switch),
            interface="asgi3",
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            # A client that goes away is nobody's fault.
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=CLOSING_SECONDS,
            h11_max_incomplete_event_size=LONGEST_HEAD,
        )
        server = uvicorn.Server(config)
        self._server = server
        if not self._closing:
            server.run(sockets=[self._door])
