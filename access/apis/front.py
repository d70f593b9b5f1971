"""Lets clients in: at a port of loopback by a grant's token, and at each grant's own socket, where nobody shows any.

Who reaches such a socket is decided by who can enter its folder: the factory's own user, and the gate of a task, which
brings there what comes out of that task's sandbox.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import socket
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from access.apis.exchange import Exchange
from access.apis.orders import Begin, Happened, Open
from access.apis.refusals import Reason, Refused, unknown
from access.apis.session import Around, Session
from access.deadline import TIME_OVER, Deadline
from access.few import Refusals
from factory.paths import private_folder

LOG: Final = logging.getLogger("millwright.apis")
TOKEN: Final = re.compile(rb"mwg_[A-Za-z0-9_-]{20,100}")
ENDED_KEPT: Final = 10_000
OWN_SOCKET: Final = "its own socket"
Headers = list[tuple[bytes, bytes]]


class Front:
    """The listening relay. `open` and `close` are what the broker orders."""

    def __init__(self, begin: Begin, around: Around) -> None:
        """Raises OSError: the port, or the folder of the sockets."""
        self._around = around
        self._folder = os.open(private_folder(begin.sockets), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for left in begin.sockets.iterdir():
            # A relay that is about to end takes its own away at this very moment.
            left.unlink(missing_ok=True)
        self._listening = socket.create_server((begin.host, begin.port), backlog=around.limits.waiting)
        self._server: asyncio.Server | None = None
        self._doors: dict[str, _OwnSocket] = {}
        self._grants: dict[str, Session] = {}
        self._by_token: dict[str, Session] = {}
        # Tokens of grants that were there once: whose it was is told in the record, and to nobody else.
        self._ended: OrderedDict[str, str] = OrderedDict()
        # Connections that have not asked yet: of nobody knows whom, and, apart from those, at grants' own sockets, so
        # that strangers at the port keep no task from what it holds. And grants whose time is over.
        self._waiting: set[asyncio.Task[None]] = set()
        self._at_doors: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        told = (around.limits.logins_told, around.limits.summed_up_seconds, Happened, around.told)
        self._logins = Refusals(*told)
        # Of those that are no requests: nobody has asked who they are of, or they came by the grant's own socket.
        self._requests = Refusals(*told, happened="request_refused", things="requests")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    async def begin(self) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._by_port, sock=self._listening)

    async def open(self, order: Open) -> None:
        """Raises ValueError, OSError."""
        if order.grant in self._grants or order.token_digest in self._by_token:
            raise ValueError("there is such a grant already, or one with this token")
        session = Session(order, self._around)
        self._doors[order.grant] = await self._door(order.grant, session)
        self._grants[order.grant] = self._by_token[order.token_digest] = session
        session.deadline = Deadline(order.seconds, partial(self._time_over, order.grant))

    async def close(self, name: str, why: str) -> None:
        """End a grant; there is none of that name: nothing. Returns when its connections are closed."""
        session = self._grants.pop(name, None)
        if session is None:
            return
        self._leave(name)
        del self._by_token[session.order.token_digest]
        self._ended[session.order.token_digest] = name
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        await session.close(why)

    async def stop(self) -> None:
        """End it, and every grant with it."""
        if self._server is not None:
            self._server.close()
        for task in [*self._waiting, *self._at_doors]:
            task.cancel()
        await asyncio.gather(*(self.close(name, "the relay has ended") for name in list(self._grants)))
        self._logins.close()
        self._requests.close()

    def _time_over(self, name: str) -> None:
        task = asyncio.ensure_future(self.close(name, TIME_OVER))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _door(self, name: str, session: Session) -> "_OwnSocket":
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._guarded(reader, writer, OWN_SOCKET, session)

        # By descriptor: a socket's path has 107 bytes, and a factory may lie deep.
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self._path(name)))
        self._path(name).chmod(0o600)
        inode = self._path(name).stat().st_ino
        return _OwnSocket(await asyncio.start_unix_server(serve, sock=listening), inode)

    def _leave(self, name: str) -> None:
        """Let nobody in by a grant's own socket. Whoever killed the broker has another relay begin while this one is
        still ending: the socket of that name may be the other one's by then."""
        own = self._doors.pop(name)
        # While it is open nobody else's socket has its number.
        with contextlib.suppress(FileNotFoundError):
            if self._path(name).stat().st_ino == own.inode:
                self._path(name).unlink()
        own.server.close()

    def _path(self, name: str) -> Path:
        return Path(f"/proc/self/fd/{self._folder}/{name}")

    async def _by_port(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = writer.get_extra_info("peername")
        await self._guarded(reader, writer, f"{address[0]}:{address[1]}" if address else "", None)

    async def _guarded(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: str, session: Session | None
    ) -> None:
        task, waiting = asyncio.current_task(), self._waiting if session is None else self._at_doors
        if task is None or len(waiting) >= self._around.limits.waiting:
            writer.transport.abort()
            return
        waiting.add(task)
        try:
            # When it is ended from here, asyncio's streams (3.11) would print a cancelled task as a fault.
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self._serve(Exchange(reader, writer, self._around.limits), client, session)
        except Exception:  # the seam: a fault of ours ends this connection
            LOG.exception("a connection failed")
        finally:
            waiting.discard(task)
            writer.close()

    async def _serve(self, exchange: Exchange, client: str, session: Session | None) -> None:
        try:
            request = await exchange.request()
            headers: Headers = list(request.headers)
            if session is None:
                session, headers = self._identified(headers)
        except Refused as refused:
            self._stranger(refused, client, session)
            await exchange.refuse(refused)
            return
        if task := asyncio.current_task():
            self._waiting.discard(task)
            self._at_doors.discard(task)
        await session.carry(exchange, request, headers, client)

    def _identified(self, headers: Headers) -> tuple[Session, Headers]:
        """Whose token the request shows, and its headers without it. Raises Refused."""
        shows = [(n, found) for n, (_, value) in enumerate(headers) for found in TOKEN.findall(value)]
        if len(shows) != 1:
            raise unknown()
        at, token = shows[0]
        digest = hashlib.sha256(token).hexdigest()
        session = self._by_token.get(digest)
        if session is None:
            raise _OfGrant(self._ended.get(digest, ""))
        name, value = headers[at]
        form = session.order.credential.form.replace("{secret}", token.decode())
        # Where every client can say it, or where this API's own clients say their credential.
        if not (name == b"authorization" and value == b"Bearer " + token) and not (
            name == session.header and value == form.encode()
        ):
            raise _OfGrant(session.order.grant)
        return session, headers[:at] + headers[at + 1 :]

    def _stranger(self, refused: Refused, client: str, session: Session | None) -> None:
        grant = refused.grant if isinstance(refused, _OfGrant) else session.order.grant if session else ""
        of = self._logins if refused.reason is Reason.CREDENTIALS else self._requests
        of.refuse(grant, client, refused.reason.value, refused.detail)


class _OwnSocket(NamedTuple):
    server: asyncio.Server
    inode: int


class _OfGrant(Refused):
    """The one answer to everybody, and in the record whose token it was."""

    def __init__(self, grant: str) -> None:
        same = unknown()
        super().__init__(same.status, same.reason, same.detail)
        self.grant = grant
