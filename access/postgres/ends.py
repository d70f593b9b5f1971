"""One end of a session on the event loop: it is read message by message while somebody logs in, then all passes on."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from access.postgres import wire
from access.postgres.refusals import Reason, Refused, malformed

# What may wait to be read while somebody logs in.
WAITING_BYTES: Final = 64 * 1024


class Gone(Exception):
    """The connection is lost, and there is nobody to tell anything."""


class End(asyncio.Protocol):
    """A connection. First `read` is awaited, then `pass_on` is told of everything that comes."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], None] | None = None
        self._lost: Callable[[], None] | None = None
        self._full: Callable[[bool], None] | None = None
        self._reading = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- of asyncio.Protocol
        """Of asyncio.Protocol."""
        if not self.closed.done():
            self.closed.set_result(None)
        self._wake()
        if self._lost:
            self._lost()

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        if self._take:
            self._take(data)
            return
        self._buffer += data
        if len(self._buffer) > WAITING_BYTES:
            self.listen(on=False)
        self._wake()

    def pause_writing(self) -> None:
        """Of asyncio.Protocol: the other side is slow."""
        if self._full:
            self._full(True)

    def resume_writing(self) -> None:
        """Of asyncio.Protocol."""
        if self._full:
            self._full(False)

    def listen(self, *, on: bool) -> None:
        """Whether anything more is read."""
        if on != self._reading and not self.transport.is_closing():
            self._reading = on
            (self.transport.resume_reading if on else self.transport.pause_reading)()

    def send(self, data: bytes) -> None:
        """Pass it on."""
        if not self.transport.is_closing():
            self.transport.write(data)

    async def read(self, count: int) -> bytes:
        """So many bytes. Raises Gone."""
        while len(self._buffer) < count:
            if self.closed.done():
                raise Gone
            self._waiter = asyncio.get_running_loop().create_future()
            self.listen(on=True)
            await self._waiter
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found

    async def message(self, most: int) -> tuple[bytes, bytes]:
        """A message's type and body. Raises Gone, Refused."""
        kind, length = wire.HEAD.unpack(await self.read(wire.HEAD.size))
        if not 4 <= length <= most:  # noqa: PLR2004 -- a length counts itself
            raise malformed(f"a message of {length} bytes before anybody is logged in")
        return kind, await self.read(length - 4)

    async def packet(self, most: int) -> bytes:
        """A start-up packet, without its length. Raises Gone, Refused."""
        length = wire.INT32.unpack(await self.read(wire.INT32.size))[0]
        if not 8 <= length <= most:  # noqa: PLR2004 -- its length and its version
            raise Refused(Reason.FRAMING, "08P01", "a start-up packet of a length that none has")
        return await self.read(length - 4)

    def pass_on(self, take: Callable[[bytes], None], lost: Callable[[], None], full: Callable[[bool], None]) -> None:
        """From now on: what has come and what comes goes to `take`; `full` tells whether this end can take more."""
        self._take, self._lost, self._full = take, lost, full
        if self.closed.done():
            lost()
            return
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            take(data)
        self.listen(on=True)

    def end(self, last: bytes = b"") -> None:
        """Say `last` and close."""
        if last:
            self.send(last)
        self.transport.close()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
