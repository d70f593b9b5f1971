"""Lets clients in: TLS, start-up, the grant's token; then the relay's own login at the database, and a session."""

import asyncio
import hmac
import logging
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

from access.deadline import TIME_OVER, Deadline
from access.postgres import startup, upstream, wire
from access.postgres.budget import Budget
from access.postgres.door import Cancel, secured, server_context
from access.postgres.ends import End, Gone
from access.postgres.judgements import Judgements
from access.postgres.logins import Attempt, RefusedLogins
from access.postgres.orders import Begin, Happened, Open
from access.postgres.recording import Recording
from access.postgres.refusals import Reason, Refused, malformed, unknown
from access.postgres.scram import Login, NotProved, Verifier
from access.postgres.session import Around, Grant, Session
from access.postgres.startup import Startup
from access.postgres.upstream import Server
from access.postgres.waiting import Memory
from access.recorder import recorded_before

LOG: Final = logging.getLogger("millwright.postgres")
ENDED_KEPT: Final = 10_000


class Front:
    """The listening relay. `open` and `close` are what the broker orders."""

    def __init__(self, begin: Begin, around: Around, recordings: Path) -> None:
        """Raises OSError: certificate, or port."""
        self._around, self._recordings = around, recordings
        self._context = server_context(begin)
        self._certificate = begin.certificate.read_text()
        self._mock = secrets.token_bytes(32)
        self._listening = socket.create_server((begin.host, begin.port), backlog=around.limits.logins)
        self._listening.setblocking(False)
        self._grants: dict[str, Grant] = {}
        self._by_login: dict[str, Grant] = {}
        # Logins of grants that were there once: whose it was is told in the record, and to nobody else.
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._keys: dict[int, tuple[bytes, Session]] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._refusals = RefusedLogins(around)
        self._memory = Memory(around.limits.waiting_bytes)
        self._accepting = asyncio.ensure_future(self._accept())

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def open(self, order: Open) -> None:
        """Raises ValueError."""
        if order.grant in self._grants or order.login in self._by_login:
            raise ValueError("there is such a grant already, or one with this login")
        upstream.context(order.server)
        budget = Budget(self._around.limits, *recorded_before(self._folder(order)))
        spent = partial(self._spent, order.grant)
        memory = Memory(self._around.limits.grant_waiting_bytes, self._memory)
        grant = Grant(order, Verifier(order.verifier), Judgements(order.hidden), budget, memory, spent)
        self._grants[order.grant] = self._by_login[order.login] = grant
        grant.deadline = Deadline(order.seconds, partial(self._time_over, order.grant))

    async def close(self, name: str, why: str) -> None:
        """End a grant; there is none of that name: nothing. Returns when its connections are closed."""
        grant = self._grants.pop(name, None)
        if grant is None:
            return
        grant.open = False
        if grant.deadline:
            grant.deadline.cancel()
        del self._by_login[grant.order.login]
        self._ended[grant.order.login] = name
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        for task in grant.busy:
            task.cancel()
        sessions = list(grant.sessions)
        for session in sessions:
            session.end(Refused(Reason.ENDED, "57P01", f"the grant has ended: {why}"))
        waiting = [*(session.ended for session in sessions), *grant.busy]
        await asyncio.gather(*waiting, return_exceptions=True)

    def _time_over(self, name: str) -> None:
        self._soon(self.close(name, TIME_OVER))

    def _spent(self, name: str, why: Refused) -> None:
        if name in self._grants:
            self._around.watch(Happened(happened="grant_spent", grant=name, reason=why.reason.value, detail=why.detail))
            self._soon(self.close(name, why.detail))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    def _folder(self, order: Open) -> Path:
        return self._recordings / order.app / order.grant

    def sessions(self) -> list[Session]:
        """Who is in."""
        return [session for grant in self._grants.values() for session in grant.sessions]

    async def stop(self) -> None:
        """End everything."""
        self._accepting.cancel()
        self._listening.close()
        await asyncio.gather(*(self.close(name, "the relay stops") for name in list(self._grants)))
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
        self._refusals.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listening)
            except OSError as error:
                # Most likely too many files are open.
                LOG.warning("no connection can be accepted: %s", error)
                await asyncio.sleep(0.1)
                continue
            if len(self._busy) >= self._around.limits.logins:
                client.close()
                continue
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._soon(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        login = Attempt()
        try:
            login.address = ":".join(map(str, client.getpeername()[:2]))
            async with asyncio.timeout(self._around.limits.login_seconds):
                await self._welcome(client, login)
        except Refused as why:
            self._refusals.refuse(login, why)
            if why.reason is Reason.BUDGET:
                self._spent(login.grant, why)
        except TimeoutError:
            self._refusals.refuse(login, Refused(Reason.LIMIT, "57P05", "the login took too long"))
        except asyncio.CancelledError:
            self._refusals.refuse(login, unknown(login.name))
            raise
        except (Gone, OSError):
            login.drop()
        except Exception:
            LOG.exception("a login failed in the relay itself")
            login.drop()
        finally:
            if login.end is None:
                client.close()

    async def _welcome(self, client: socket.socket, login: Attempt) -> None:
        end = await secured(client, self._context)
        if isinstance(end, Cancel):
            await self._cancel(end.packet)
            return
        login.end = end
        packet = await end.packet(startup.MOST_BYTES)
        if startup.code(packet) == startup.CANCEL:
            await self._cancel(packet)
            login.drop()
            return
        started = startup.read(packet)
        login.name = started.login
        grant = self._by_login.get(started.login)
        login.grant = grant.order.grant if grant else self._ended.get(started.login, "")
        if started.refused:
            raise started.refused
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine runs in one
        if grant:
            grant.busy.add(task)
        try:
            await self._prove(end, started, grant)
            if grant is None:
                raise unknown(started.login)
            await self._in(end, started, grant)
        finally:
            if grant:
                grant.busy.discard(task)

    async def _prove(self, end: End, started: Startup, grant: Grant | None) -> None:
        """Whether the client knows the token. Raises Refused, Gone."""
        verifier = grant.verifier if grant else Verifier.mock(started.login, self._mock)
        login, most = Login(verifier, self._certificate), self._around.limits.login_bytes
        end.send(started.negotiated + wire.authentication(wire.SASL, login.offer()))
        try:
            end.send(wire.authentication(wire.SASL_CONTINUE, login.first(await _password(end, most))))
            proved = login.final(await _password(end, most))
        except NotProved:
            raise unknown(started.login) from None
        if grant is None or not grant.open:
            raise unknown(started.login)
        end.send(wire.authentication(wire.SASL_FINAL, proved))

    async def _in(self, end: End, started: Startup, grant: Grant) -> None:
        """Somebody who may: log in at the database for them. Raises Refused, Gone."""
        order, limits = grant.order, self._around.limits
        if started.database not in ("", order.server.database):
            raise Refused(Reason.DATABASE, "3D000", f'the grant is not for the database "{started.database}"')
        if len(grant.sessions) + len(grant.busy) > limits.sessions:
            raise Refused(Reason.LIMIT, "53300", f"the grant has its {limits.sessions} sessions already")
        grant.budget.begin()
        server = await upstream.log_in(order.server, started, order.grant, limits)
        try:
            self._begin(end, started, grant, server)
        except BaseException:
            server.end.transport.abort()
            raise

    def _begin(self, end: End, started: Startup, grant: Grant, server: Server) -> None:
        if not grant.open:
            raise unknown(started.login)
        name = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(4)}"
        path = self._folder(grant.order) / f"{name}.jsonl"
        recording = Recording(path, self._around.limits.recording_bytes, grant.budget)
        session = Session(name, grant, (end, server), recording, self._around)
        try:
            recording.write([_began(session, started)])
        except Refused:
            recording.close()
            raise
        process, key = self._new_key(started.key_bytes)
        self._keys[process] = key, session
        session.ended.add_done_callback(lambda _: self._keys.pop(process))
        grant.sessions.add(session)
        greeting = wire.authentication(0) + server.greeting
        end.send(greeting + wire.message(b"K", wire.INT32.pack(process) + key) + wire.message(b"Z", b"I"))
        self._around.watch(
            Happened(happened="session_began", grant=grant.order.grant, session=name, client=session.address)
        )
        session.begin()

    def _new_key(self, count: int) -> tuple[int, bytes]:
        while (process := secrets.randbelow((1 << 31) - 1) + 1) in self._keys:
            pass
        return process, secrets.token_bytes(count)

    async def _cancel(self, packet: bytes) -> None:
        """Raises Refused: the key is of no session that is there."""
        process, key = startup.read_cancel(packet)
        known, session = self._keys.get(process, (b"", None))
        if session is None or not hmac.compare_digest(known, key):
            raise Refused(Reason.CANCEL_KEY, "42501", "the key is of no session")
        await session.cancel()


def _began(session: Session, started: Startup) -> dict[str, Any]:
    order = session.grant.order
    return {
        "at": session.since,
        "kind": "session_start",
        "session": session.name,
        "app": order.app,
        "grant": order.grant,
        "principal": order.principal,
        "login": order.login,
        "client": session.address,
        "application_name": started.application,
        "settings": dict(started.settings),
        "server": f"{order.server.host}:{order.server.port}/{order.server.database}",
        "allowed": sorted(order.allowed),
    }


async def _password(end: End, most: int) -> bytes:
    kind, body = await end.message(most)
    if kind != b"p":
        raise malformed("a message that may not come before the login is over")
    return body
