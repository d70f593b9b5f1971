"""HTTP by uvicorn, with TLS or without, where nobody is kept out by connections on which nothing comes."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

LOG: Final = logging.getLogger("millwright.doorway")
# Most likely too many files are open.
PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long it waits (seconds), and for how many."""

    handshake: float = 10
    """For a whole TLS handshake."""
    head: float = 20
    """For the head of a request, also of the first; and for a client to take something of an answer that it is sent."""
    waiting: int = 128
    """Connections on which nothing is under way: in their handshake, with no request yet, or between two."""


class Doorway:
    """Serves one listening socket. uvicorn by itself gives a TLS handshake a minute, counts none that is under way, and
    waits for ever for a request's head, and for a client to take its answer.

    With one more than may be waiting, the one that has been there longest is let go.
    """

    def __init__(self, config: uvicorn.Config, listening: socket.socket, patience: Patience) -> None:
        """`config` says what is served; its way of reading HTTP is the strict one (h11) whatever it says: what could
        be read in two ways is not read. Raises OSError: the certificate."""
        config.load()
        listening.setblocking(False)
        self._config, self._listening, self._patience = config, listening, patience
        self._server = _Server(config, self._close)
        self._open: dict[Impatient, socket.socket] = {}
        self._begun: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        """Whether it serves, or has."""
        return self._server.started

    async def serve(self) -> None:
        """Until `stop`."""
        self._accepting = asyncio.ensure_future(self._accept())
        self._accepting.add_done_callback(self._accepts_no_more)
        try:
            await self._server.serve(sockets=[])
        finally:
            self._close()

    def stop(self, *, at_once: bool = False) -> None:
        """Let `serve` end, with all that is under way: after the grace that `config` gives it, or at once."""
        self._server.should_exit = True
        self._server.force_exit = at_once

    def _close(self) -> None:
        """Nobody comes in any more."""
        if self._accepting:
            self._accepting.cancel()
        for each in self._begun:
            each.cancel()
        self._listening.close()

    def _accepts_no_more(self, accepting: "asyncio.Task[None]") -> None:
        if not accepting.cancelled() and (error := accepting.exception()):
            LOG.error("nobody comes in any more", exc_info=error)
            self.stop()

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
            protocol = Impatient(self._config, state, self._patience.head)
            self._open[protocol] = client
            self._let_go()
            task = asyncio.ensure_future(self._begin(client, protocol))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)
            # Where another one waits already, accepting it gives nobody else a turn.
            await asyncio.sleep(0)

    def _let_go(self) -> None:
        if len(self._open) <= self._patience.waiting:
            return
        self._open = {each: its for each, its in self._open.items() if its.fileno() >= 0}
        waiting = [each for each in self._open if each.waits]
        for each in waiting[: max(0, len(waiting) - self._patience.waiting)]:
            # The loop reads its end, and closes it.
            with contextlib.suppress(OSError):
                self._open.pop(each).shutdown(socket.SHUT_RDWR)

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


class _Server(uvicorn.Server):
    """`close` is called before what is under way is waited for, as uvicorn closes what it listens at itself."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._close()
        await super().shutdown(sockets)


class Impatient(H11Protocol):
    """A connection that is closed when no request comes in time, or nothing is taken of an answer, however it is kept
    busy otherwise.
    """

    def __init__(self, config: uvicorn.Config, state: ServerState, seconds: float) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._seconds, self._taken = seconds, 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing is under way."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Of the library."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Of the library."""
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """Of the library: most of what was sent is taken."""
        self._taken += 1
        super().resume_writing()

    def _look_later(self) -> None:
        self._timer = self.loop.call_later(self._seconds, self._look, self._now())

    def _look(self, before: tuple[Any, ...]) -> None:
        now = self._now()
        if now == before and (self.waits or self.flow.write_paused or self.transport.is_closing()):
            # Not with TLS's own farewell, for whose answer it would wait again.
            self.transport.abort()
        else:
            self._look_later()

    def _now(self) -> tuple[Any, ...]:
        """What is another when something has moved: a request, or an answer that is taken."""
        left = self.transport.get_write_buffer_size()
        return self.cycle, self.waits, self._taken, left, self.transport.is_closing()
