"""HTTP by uvicorn, with TLS or without, where nobody is kept out by connections on which nothing comes."""

import asyncio
import contextlib
import logging
import socket
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

LOG: Final = logging.getLogger("millwright.doorway")
# Most likely too many files are open.
PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long it waits (seconds), and for how many."""

    handshake: float = 10
    """For a whole TLS handshake."""
    head: float = 20
    """For the head of a request, also of the first."""
    waiting: int = 128
    """Connections that may have asked for nothing yet, in their handshake or behind it."""


class Doorway:
    """Serves one listening socket. uvicorn by itself gives a TLS handshake a minute, counts none that is under way, and
    waits for a request's head for ever.

    With one more than may be waiting, the one that has waited longest is let go.
    """

    def __init__(self, config: uvicorn.Config, listening: socket.socket, patience: Patience) -> None:
        """`config` says what is served; its way of reading HTTP is the strict one (h11) whatever it says: what could
        be read in two ways is not read. Raises OSError: the certificate."""
        config.load()
        listening.setblocking(False)
        self._config, self._listening, self._patience = config, listening, patience
        self._protocol = _impatient(patience.head)
        self._server = uvicorn.Server(config)
        self._waiting: dict[Any, socket.socket] = {}
        self._begun: set[asyncio.Task[None]] = set()

    @property
    def started(self) -> bool:
        """Whether it serves, or has."""
        return self._server.started

    async def serve(self) -> None:
        """Until `stop`."""
        accepting = asyncio.ensure_future(self._accept())
        try:
            await self._server.serve(sockets=[])
        finally:
            for each in (accepting, *self._begun):
                each.cancel()
            self._listening.close()

    def stop(self, *, at_once: bool = False) -> None:
        """Let `serve` end, with all that is under way: after the grace that `config` gives it, or at once."""
        self._server.should_exit = True
        self._server.force_exit = at_once

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
            task = asyncio.ensure_future(self._begin(client, protocol))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    def _let_go(self) -> None:
        if len(self._waiting) <= self._patience.waiting:
            return
        waiting = {each: its for each, its in self._waiting.items() if each.cycle is None and its.fileno() >= 0}
        for each in list(waiting)[: max(0, len(waiting) - self._patience.waiting)]:
            # The loop reads its end, and closes it.
            with contextlib.suppress(OSError):
                waiting.pop(each).shutdown(socket.SHUT_RDWR)
        self._waiting = waiting

    async def _begin(self, client: socket.socket, protocol: asyncio.Protocol) -> None:
        secured = self._config.ssl
        # What is no handshake, or not in time, is closed.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                client,
                ssl=secured,
                ssl_handshake_timeout=self._patience.handshake if secured else None,
            )


def _impatient(seconds: float) -> type[H11Protocol]:
    """Connections of which each is closed on which no request comes in time, however it is kept busy."""

    class Impatient(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._look_later()

        def _look_later(self) -> None:
            self.loop.call_later(seconds, self._look, self.cycle, self._waits())

        def _waits(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def _look(self, before: Any, waited: bool) -> None:
            if self.transport.is_closing():
                return
            if waited and self.cycle is before:
                # Not with TLS's own farewell, for whose answer it would wait again.
                self.transport.abort()
            else:
                self._look_later()

    return Impatient
