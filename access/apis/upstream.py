"""The API's end: one connection for one request, to an address that was looked at, with TLS that is verified."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import h11

from access.apis.limits import MIB, Limits
from access.apis.refusals import Reason, Refused
from access.apis.requests import Base
from access.egress.addresses import Public, Resolve

CHUNK: Final = 64 * 1024
# Not one after the other until time is over, when none of them answers.
MOST_ADDRESSES: Final = 4
HEAD_BYTES: Final = 128 * 1024
SWITCHING: Final = 101


@dataclass(frozen=True)
class Reach:
    """How names become addresses, which of these may be connected to, and whose certificates count."""

    resolve: Resolve
    public: Public
    tls: ssl.SSLContext


def verifying() -> ssl.SSLContext:
    """The machine's authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Answer:
    """An answer that has begun. `close` ends it wherever it is."""

    def __init__(self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._http, self._reader, self._writer = http, reader, writer
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def begin(self) -> None:
        """Wait for its head. Raises Refused."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                self.status, self.headers = event.status_code, list(event.headers)
                return
            if not isinstance(event, h11.InformationalResponse) or event.status_code == SWITCHING:
                raise Refused(502, Reason.UPSTREAM, "the API answers with something else than HTTP")

    async def parts(self, limits: Limits) -> AsyncIterator[bytes]:
        """Its body. Raises Refused when it is broken off, too slow, or too long."""
        length = 0
        while True:
            async with _soon(limits.idle_seconds, "the API went silent in the middle of its answer"):
                event = await self._next()
            if isinstance(event, h11.EndOfMessage):
                return
            if not isinstance(event, h11.Data):
                raise Refused(502, Reason.UPSTREAM, "the API broke its answer off")
            length += len(event.data)
            if length > limits.answer_bytes:
                raise Refused(502, Reason.LIMIT, f"an answer has at most {limits.answer_bytes / MIB:g} MiB")
            yield bytes(event.data)

    def close(self) -> None:
        """No more of it."""
        self._writer.transport.abort()

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK))
        except (h11.RemoteProtocolError, h11.LocalProtocolError, OSError):
            raise Refused(502, Reason.UPSTREAM, "the API broke its answer off, or it was no HTTP") from None
        return event


async def asked(base: Base, reach: Reach, limits: Limits, request: h11.Request, body: bytes) -> Answer:
    """The API's answer to a request. Raises Refused."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
    # First of all: what cannot be said reaches nobody.
    said = b"".join(http.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage()))
    reader, writer = await _connected(base, reach, limits)
    answer = Answer(http, reader, writer)
    try:
        async with _soon(limits.answer_seconds, "the API did not answer in time"):
            # One that answers before it has read everything may have closed by then.
            with contextlib.suppress(OSError):
                writer.write(said)
                await writer.drain()
            await answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


async def _connected(base: Base, reach: Reach, limits: Limits) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with _soon(limits.open_seconds, f"{base.host} did not answer in time"):
        for address in (await _addresses(base, reach))[:MOST_ADDRESSES]:
            try:
                return await asyncio.open_connection(address, base.port, ssl=reach.tls, server_hostname=base.host)
            except ssl.SSLError as error:
                why = getattr(error, "verify_message", "") or error.reason or "TLS"
                raise Refused(502, Reason.UPSTREAM, f"{base.host} does not prove that it is that host: {why}") from None
            except OSError:
                continue
    raise Refused(502, Reason.UPSTREAM, f"{base.host} does not answer")


async def _addresses(base: Base, reach: Reach) -> Sequence[str]:
    try:
        addresses = await reach.resolve(base.host, base.port)
    except TimeoutError:
        raise
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        raise Refused(502, Reason.UPSTREAM, f"{base.host} has no address")
    # All of them: a name that leads to both kinds is no mistake of an honest owner.
    if not all(reach.public(address) for address in addresses):
        raise Refused(502, Reason.UPSTREAM, f"{base.host} leads to an address that is not on the Internet")
    return addresses


@contextlib.asynccontextmanager
async def _soon(seconds: float, why: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Refused(504, Reason.UPSTREAM, why) from None
