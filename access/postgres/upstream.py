"""The relay's own connections to a database: log in, and cancel what runs."""

import asyncio
import contextlib
import logging
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from access.postgres import startup, wire
from access.postgres.ends import End, Gone
from access.postgres.limits import Limits
from access.postgres.orders import Upstream
from access.postgres.refusals import Reason, Refused
from access.postgres.scram import NotProved, Proof
from access.postgres.startup import Startup

LOG: Final = logging.getLogger("millwright.postgres")
SSL_REQUEST: Final = wire.INT32.pack(8) + wire.INT32.pack(startup.SSL)


@dataclass(frozen=True)
class Server:
    """A database that the relay is logged in at. `greeting`: what the client is to hear of it; the key stays here."""

    end: End
    upstream: Upstream
    greeting: bytes
    process: int
    key: bytes

    async def cancel(self) -> None:
        """Ask the server to end what runs there now; whether it does, it does not tell."""
        with contextlib.suppress(OSError, Refused):
            end = await _connect(self.upstream)
            end.send(startup.cancel(self.process, self.key))
            end.transport.close()
            await end.closed


async def log_in(upstream: Upstream, started: Startup, grant: str, limits: Limits) -> Server:
    """Raises Refused, with no more in it than the client may know; the rest is in the log."""
    end: End | None = None
    try:
        end = await _connect(upstream)
        end.send(startup.upstream(started, upstream.user, upstream.database, grant))
        await _prove(end, upstream, limits)
        greeting, process, key = await _greeted(end, limits)
    except (OSError, Gone, NotProved, Refused) as error:
        LOG.warning("grant %s: no login at the database: %r", grant, error)
        if end:
            end.transport.abort()
        raise _unreachable() from None
    except BaseException:
        if end:
            end.transport.abort()
        raise
    return Server(end, upstream, greeting, process, key)


def context(upstream: Upstream) -> ssl.SSLContext | None:
    """How the connection is protected; None where it is not to be."""
    if upstream.tls == "disable":
        return None
    found = ssl.create_default_context(cafile=str(upstream.ca) if upstream.ca else None)
    if upstream.tls == "require":
        found.check_hostname = False
        found.verify_mode = ssl.CERT_NONE
    found.set_alpn_protocols(["postgresql"])
    return found


async def _connect(upstream: Upstream) -> End:
    """Raises OSError, Refused."""
    loop = asyncio.get_running_loop()
    tls = context(upstream)
    if tls is None:
        end = End()
        await loop.create_connection(lambda: end, upstream.host, upstream.port)
        return end
    plain = await _socket(upstream)
    try:
        await loop.sock_sendall(plain, SSL_REQUEST)
        # Exactly one byte: what came behind it would have come without TLS.
        _willing(await loop.sock_recv(plain, 1), upstream)
        end = End()
        await loop.create_connection(lambda: end, sock=plain, ssl=tls, server_hostname=upstream.host)
    except BaseException:
        plain.close()
        raise
    return end


def _willing(answer: bytes, upstream: Upstream) -> None:
    if answer != b"S":
        LOG.warning("the database at %s:%s has no TLS", upstream.host, upstream.port)
        raise _unreachable()


async def _socket(upstream: Upstream) -> socket.socket:
    loop = asyncio.get_running_loop()
    places = await loop.getaddrinfo(upstream.host, upstream.port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("the name leads nowhere")
    for family, kind, protocol, _, address in places:
        found = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        try:
            await loop.sock_connect(found, address)
        except OSError as error:
            found.close()
            failure = error
        else:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return found
    raise failure


async def _prove(end: End, upstream: Upstream, limits: Limits) -> None:
    """SCRAM and nothing else: a server that asks for the password itself does not get it. Raises NotProved."""
    tls = end.transport.get_extra_info("ssl_object")
    proof = Proof(await _asked(end, wire.SASL, limits), upstream.user, upstream.password, tls)
    end.send(wire.message(b"p", proof.first()))
    end.send(wire.message(b"p", proof.second(await _asked(end, wire.SASL_CONTINUE, limits))))
    proof.check(await _asked(end, wire.SASL_FINAL, limits))
    await _asked(end, 0, limits)


async def _asked(end: End, kind: int, limits: Limits) -> bytes:
    letter, body = await end.message(limits.login_bytes)
    if letter == b"E":
        raise NotProved(wire.read_fields(body).get("M", ""))
    if letter != b"R" or body[:4] != wire.INT32.pack(kind):
        raise NotProved(f"the database answers {letter!r} {body[:4].hex()}, not {kind}")
    return body[4:]


async def _greeted(end: End, limits: Limits) -> tuple[bytes, int, bytes]:
    told: list[bytes] = []
    process, key = 0, b""
    while True:
        letter, body = await end.message(limits.login_bytes)
        match letter:
            case b"K":
                process, key = int(wire.INT32.unpack_from(body)[0]), body[4:]
            case b"Z":
                return b"".join(told), process, key
            case b"E":
                raise NotProved(wire.read_fields(body).get("M", ""))
            case b"S" | b"N":
                told.append(wire.message(letter, body))
            case _:
                raise NotProved(f"the database says {letter!r} before it is ready")


def _unreachable() -> Refused:
    return Refused(Reason.UPSTREAM, "08006", "the relay cannot log in at the database; its log says why")
