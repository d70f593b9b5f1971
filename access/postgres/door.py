"""The first words of a connection, before TLS: what is no TLS goes no further, but for a request to cancel. Then TLS.

The bytes in front of the TLS handshake are taken from the socket one by one, so that nothing which came without TLS can
be taken for something that came in it.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from access.postgres import startup, wire
from access.postgres.ends import End, Gone
from access.postgres.orders import Begin
from access.postgres.refusals import Reason, Refused, malformed

HANDSHAKE: Final = b"\x16"
ALPN: Final = "postgresql"
REQUEST_BYTES: Final = 8
LONGEST_CANCEL: Final = 16 + 256


@dataclass(frozen=True)
class Cancel:
    """Somebody wants to cancel what a session runs, without TLS, as most clients do."""

    packet: bytes


def server_context(begin: Begin) -> ssl.SSLContext:
    """Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(begin.certificate, begin.key)
    context.set_alpn_protocols([ALPN])
    return context


async def secured(client: socket.socket, context: ssl.SSLContext) -> End | Cancel:
    """TLS, begun as PostgreSQL's clients do: asked for, or (from version 17) at once. Raises Gone, OSError, Refused."""
    direct = await _first(client) == HANDSHAKE
    if not direct:
        cancel = await _asked(client)
        if cancel:
            return cancel
    try:
        end = End()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: end, client, ssl=context)
    except (ssl.SSLError, ConnectionError):
        raise Refused(Reason.TLS, "28000", "the TLS handshake failed") from None
    spoken = end.transport.get_extra_info("ssl_object").selected_alpn_protocol()
    if direct and spoken != ALPN:
        end.transport.abort()
        raise Refused(Reason.TLS, "28000", "TLS that is begun at once has to name its protocol (ALPN)")
    return end


async def _asked(client: socket.socket) -> Cancel | None:
    """Until TLS may begin; or the request to cancel. Raises Gone, OSError, Refused."""
    loop = asyncio.get_running_loop()
    for _ in range(2):
        length, code = wire.INT32.unpack(await _exactly(client, 4))[0], await _exactly(client, 4)
        match int(wire.INT32.unpack(code)[0]):
            case startup.SSL if length == REQUEST_BYTES:
                await loop.sock_sendall(client, b"S")
                return None
            case startup.GSSENC if length == REQUEST_BYTES:
                await loop.sock_sendall(client, b"N")
            case startup.CANCEL if REQUEST_BYTES < length <= LONGEST_CANCEL:
                return Cancel(code + await _exactly(client, length - REQUEST_BYTES))
            case version if version >> 16 == startup.MAJOR:
                await _refuse(client, length)
            case _:
                raise malformed("this is not PostgreSQL's protocol")
    raise malformed("one request for encryption after the other")


async def _refuse(client: socket.socket, length: int) -> None:
    refused = Refused(Reason.TLS, "28000", "the relay takes connections with TLS only (sslmode=require)")
    loop = asyncio.get_running_loop()
    # What is not read when the connection closes would take the answer with it.
    with contextlib.suppress(TimeoutError, Gone):
        await asyncio.wait_for(_exactly(client, min(length - REQUEST_BYTES, startup.MOST_BYTES)), 1)
    await loop.sock_sendall(client, wire.fatal(refused))
    raise refused


async def _first(client: socket.socket) -> bytes:
    """The first byte, left where it is. Raises Gone."""
    loop = asyncio.get_running_loop()
    there: asyncio.Future[None] = loop.create_future()
    loop.add_reader(client, _set, there)
    try:
        await there
    finally:
        loop.remove_reader(client)
    if not (found := client.recv(1, socket.MSG_PEEK)):
        raise Gone
    return found


def _set(there: asyncio.Future[None]) -> None:
    if not there.done():
        there.set_result(None)


async def _exactly(client: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = await asyncio.get_running_loop().sock_recv(client, count - len(found))
        if not part:
            raise Gone
        found += part
    return found
