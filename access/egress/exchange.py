"""The client's end of one connection: its request, our answer, its first word in the tunnel."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import h11

from access.egress.bounds import Bounds
from access.egress.decision import Target, shown, target_of
from access.egress.hello import server_name
from access.egress.refusals import Refused

# Small, so that a head that is too long is noticed before it is whole.
CHUNK: Final = 1024
# A fatal alert, access_denied: all that a client understands once it speaks TLS (RFC 8446, 6.2).
ALERT: Final = bytes.fromhex("15 0303 0002 0231")
# A connection that is closed while something unread lies in it may lose its answer.
LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 256 * 1024


class Exchange:
    """Reads and answers one request. Raises Refused for what is wrong with it, OSError when the client is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bounds: Bounds) -> None:
        self.reader, self.writer = reader, writer
        self._bounds = bounds
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=bounds.head_bytes)
        self._accepted = False
        # What was asked, in the words of the request; "" while there is none.
        self.asked = ""

    async def target(self) -> Target:
        """Where the request asks to go."""
        async with _within(self._bounds.head_seconds, "no whole request came in time"):
            try:
                while (event := self._http.next_event()) is h11.NEED_DATA:
                    self._http.receive_data(await self.reader.read(CHUNK))
            except h11.RemoteProtocolError as error:
                raise Refused(error.error_status_hint, f"not a request: {error}") from None
        if not isinstance(event, h11.Request):
            raise Refused(400, "the connection was closed without a request")
        self.asked = shown(event.method, event.target)
        return target_of(event.method, event.target, event.headers)

    async def accept(self) -> None:
        """Tell the client that the tunnel is open."""
        self.writer.write(self._http.send(h11.Response(status_code=200, headers=[], reason=b"OK")) or b"")
        self._accepted = True
        await self.writer.drain()

    async def hello(self) -> tuple[str, bytes]:
        """The host that the client's TLS hello names, and everything that it has sent in the tunnel by then."""
        said, _ = self._http.trailing_data
        async with _within(self._bounds.hello_seconds, "no whole TLS hello came in time"):
            while (name := server_name(said)) is None:
                more = await self.reader.read(CHUNK)
                if not more:
                    raise Refused(400, "the tunnel was closed without a TLS hello")
                said += more
        return name, said

    async def refuse(self, refused: Refused) -> None:
        """Tell the client that this goes no further."""
        self.writer.write(ALERT if self._accepted else self._answer(refused))
        with contextlib.suppress(OSError):
            self.writer.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                await self.reader.read(LINGER_BYTES)

    def _answer(self, refused: Refused) -> bytes:
        body = f"egress: {refused.why}\n".encode("ascii", "replace")
        headers = [("content-type", "text/plain"), ("content-length", str(len(body))), ("connection", "close")]
        # Clients show the reason phrase, and few show the text.
        reason = refused.why.encode("ascii", "replace")
        answer = h11.Response(status_code=refused.status, headers=headers, reason=reason)
        parts = (self._http.send(event) for event in (answer, h11.Data(data=body), h11.EndOfMessage()))
        return b"".join(part or b"" for part in parts)


@contextlib.asynccontextmanager
async def _within(seconds: float, why: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Refused(408, why) from None
