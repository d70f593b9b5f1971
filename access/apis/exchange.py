"""The client's end of one connection: its one request, and our answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import h11

from access.apis.limits import MIB, Limits
from access.apis.refusals import Reason, Refused

VERSIONS: Final = frozenset({b"1.0", b"1.1"})
CHUNK: Final = 16 * 1024
# A connection that is closed while something unread lies in it may lose its answer.
LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 256 * 1024


class Exchange:
    """Reads and answers one request. Raises Refused for what is wrong with it, OSError when the client is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits) -> None:
        self._reader, self._writer, self._limits = reader, writer, limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._begun = False

    async def request(self) -> h11.Request:
        """The request's head."""
        async with within(self._limits.request_seconds, "no whole request came in time"):
            event = await self._next()
        if not isinstance(event, h11.Request):
            raise Refused(400, Reason.PROTOCOL, "the connection was closed without a request")
        if event.http_version not in VERSIONS:
            raise Refused(505, Reason.PROTOCOL, "this relay speaks HTTP/1.1")
        return event

    async def body(self) -> bytes:
        """All of the request's body."""
        found = bytearray()
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        async with within(self._limits.request_seconds, "no whole request came in time"):
            while not isinstance(event := await self._next(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    raise Refused(400, Reason.PROTOCOL, "the request was broken off")
                found += event.data
                if len(found) > self._limits.request_bytes:
                    most = self._limits.request_bytes / MIB
                    raise Refused(413, Reason.LIMIT, f"a request has at most {most:g} MiB")
        return bytes(found)

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The head of the answer."""
        self._begun = True
        own = [*headers, (b"connection", b"close")]
        await self._send(h11.Response(status_code=status, headers=own))

    async def data(self, part: bytes) -> None:
        """A part of the answer's body."""
        if part:
            await self._send(h11.Data(data=part))

    async def end(self) -> None:
        """The answer is whole."""
        await self._send(h11.EndOfMessage())

    async def refuse(self, refused: Refused) -> None:
        """Tell the client that this goes no further; when an answer has begun, by breaking it off."""
        if self._begun or self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.abort()
            return
        self._begun = True
        body = f"millwright: {refused.detail}\n".encode("ascii", "replace")
        headers = [
            (b"content-type", b"text/plain"),
            (b"content-length", str(len(body)).encode()),
            (b"x-millwright-refused", refused.reason.encode()),
            (b"connection", b"close"),
            *([(b"www-authenticate", b"Bearer")] if refused.reason is Reason.CREDENTIALS else []),
        ]
        answer = h11.Response(status_code=refused.status, headers=headers)
        with contextlib.suppress(OSError, h11.LocalProtocolError, TimeoutError):
            await self._send(answer)
            await self.data(body)
            await self.end()
            self._writer.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                await self._reader.read(LINGER_BYTES)

    def abort(self) -> None:
        """Break it off: what has come is no whole answer."""
        self._writer.transport.abort()

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK))
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, Reason.PROTOCOL, f"not a request: {error}") from None
        return event

    async def _send(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        async with within(self._limits.idle_seconds, "the client takes no more of the answer"):
            await self._writer.drain()


@contextlib.asynccontextmanager
async def within(seconds: float, why: str) -> AsyncIterator[None]:
    """Raises Refused when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Refused(408, Reason.LIMIT, why) from None
