"""The loopback doors in front of all load balancers of the local cloud: one in the clear, one that speaks TLS."""

import socket
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

    def __init__(self, door: socket.socket, secure: socket.socket, switch: Switch, authority: Path) -> None:
        """`authority`: the folder of the certificate authority behind the door `secure`; made when it is not there."""
        self._door, self._secure, self._switch, self._authority = door, secure, switch, authority
        self._servers: tuple[uvicorn.Server, ...] = ()
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

    @property
    def secure_port(self) -> int:
        """The port at which it speaks TLS, with certificates of the factory's own authority."""
        return int(self._secure.getsockname()[1])

    @property
    def secure_url(self) -> str:
        """Where it speaks TLS; a certificate names hosts, never the address."""
        return f"https://{LOOPBACK}:{self.secure_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering; what is under way gets a second."""
        self._closing = True
        for server in self._servers:
            server.should_exit = True
        if self._thread.ident:
            self._thread.join(timeout=4 * CLOSING_SECONDS)
        self._door.close()
        self._secure.close()

    def _serve(self) -> None:
        # Imported here: they take some 0.2 s, which no start of the daemon waits for.
        import asyncio

        import uvicorn

        from localcloud.runtime.authority import Authority
        from localcloud.runtime.proxy import Proxy

        proxy = Proxy(self._switch, self.secure_port)
        context = Authority(self._authority).context(self._switch.names)
        plain = uvicorn.Server(uvicorn.Config(proxy, **_settings()))
        secure = uvicorn.Server(uvicorn.Config(proxy, ssl_context_factory=lambda *_: context, **_settings()))
        self._servers = (plain, secure)

        async def serve() -> None:
            await asyncio.gather(plain.serve(sockets=[self._door]), secure.serve(sockets=[self._secure]))

        if not self._closing:
            asyncio.run(serve())


def _settings() -> dict[str, Any]:
    return {
        "interface": "asgi3",
        "http": "h11",
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        # A client that goes away is nobody's fault.
        "log_level": "critical",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": CLOSING_SECONDS,
        "h11_max_incomplete_event_size": LONGEST_HEAD,
    }
