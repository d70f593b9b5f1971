"""HTTPS by uvicorn, where nobody is kept out by connections on which nothing comes."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn

LOG: Final = logging.getLogger("millwright.access")
# Most likely too many files are open.
PAUSE_SECONDS: Final = 0.1


class Doorway:
    """Serves one listening socket. uvicorn by itself gives a TLS handshake a minute, and counts none that is under way.

    A handshake takes `seconds` at most. So many connections may be `waiting` that have made no request yet, in their
    handshake or behind it: with one more, the one that has waited longest is let go.
    """

    def __init__(self, config: uvicorn.Config, listening: socket.socket, *, seconds: float, waiting: int) -> None:
        """Raises OSError: the certificate."""
        config.load()
        listening.setblocking(False)
        self._config, self._listening, self._seconds, self._most = config, listening, seconds, waiting
        self._protocol: Callable[..., asyncio.Protocol] = config.http_protocol_class
        self._server = uvicorn.Server(config)
        self._waiting: dict[Any, socket.socket] = {}
        self._handshakes: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until `stop`."""
        accepting = asyncio.ensure_future(self._accept())
        try:
            await self._server.serve(sockets=[])
        finally:
            for each in (accepting, *self._handshakes):
                each.cancel()
            self._listening.close()

    def stop(self) -> None:
        """Let `serve` end, with all that is under way."""
        self._server.should_exit = True

    async def _accept(self) -> None:
        loop, state = asyncio.get_running_loop(), self._server.server_state
        while True:
            try:
                client, _ = await loop.sock_accept(self._listening)
            except OSError as error:
                LOG.warning("no connection can be accepted: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            client.setblocking(False)
            protocol = self._protocol(config=self._config, server_state=state, app_state={})
            self._waiting[protocol] = client
            self._let_go()
            task = asyncio.ensure_future(self._secured(client, protocol))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    def _let_go(self) -> None:
        if len(self._waiting) <= self._most:
            return
        waiting = {each: its for each, its in self._waiting.items() if each.cycle is None and its.fileno() >= 0}
        for each in list(waiting)[: len(waiting) - self._most]:
            # The loop reads its end, and closes it.
            with contextlib.suppress(OSError):
                waiting.pop(each).shutdown(socket.SHUT_RDWR)
        self._waiting = waiting

    async def _secured(self, client: socket.socket, protocol: asyncio.Protocol) -> None:
        loop = asyncio.get_running_loop()
        # What is no handshake, or not in time, is closed.
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(
                lambda: protocol, client, ssl=self._config.ssl, ssl_handshake_timeout=self._seconds
            )
