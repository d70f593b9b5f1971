"""Lets clients in: a certificate for an open grant's name; then sessions, each with its own connection to the host."""

import asyncio
import logging
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

import asyncssh
from asyncssh.connection import SSHServerConnectionOptions

from access.deadline import TIME_OVER, Deadline
from access.few import Refusals
from access.recorder import Unrecorded, recorded_before
from access.ssh import running, target, transferring
from access.ssh.connection import Channel, Connection, channel_of
from access.ssh.guard import Guard
from access.ssh.limits import Limits
from access.ssh.model import Around, Asked, Grant, Watch, Work
from access.ssh.orders import Begin, Happened, Open, Reap
from access.ssh.refusals import Reason, Refused
from access.ssh.session import Session

LOG: Final = logging.getLogger("millwright.ssh")
ENDED_KEPT: Final = 10_000
TOLD_CHARACTERS: Final = 500
VERSION: Final = "Millwright"


class Front:
    """The listening bastion. `open`, `close` and `reap` are what the broker orders."""

    def __init__(self, begin: Begin, limits: Limits, watch: Watch) -> None:
        """Raises OSError: key, or port."""
        self.authority = begin.authority
        self._authority = asyncssh.import_public_key(begin.authority)
        self._host_key = asyncssh.read_private_key(begin.host_key)
        self._limits, self._watch, self._recordings = limits, watch, begin.recordings
        self._around = Around(limits, watch, self._begin, self.refused_in, self._grows)
        self._listening = socket.create_server((begin.host, begin.port), backlog=limits.logins)
        self._grants: dict[str, Grant] = {}
        self._by_login: dict[str, Grant] = {}
        # Logins of grants that were there once: whose it was is told in the log, and to nobody else.
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._logins = Refusals(limits.logins_told, limits.summed_up_seconds, Happened, watch)
        self._waiting: set[Connection] = set()
        self._left: dict[str, asyncio.Task[None] | None] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> int:
        """Begin to let in; the port. Raises OSError."""
        options = await SSHServerConnectionOptions.construct(
            server_factory=lambda: Guard(self),
            server_host_keys=[self._host_key],
            server_version=VERSION,
            config=None,
            public_key_auth=True,
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            agent_forwarding=False,
            compression_algs=None,
            login_timeout=self._limits.login_seconds,
            keepalive_interval=30,
            encoding=None,
            line_editor=False,
        )
        loop = asyncio.get_running_loop()

        def made() -> Connection:
            connection = Connection(loop, options)
            connection.admits = self
            return connection

        self._server = await loop.create_server(made, sock=self._listening)
        return int(self._listening.getsockname()[1])

    def open(self, order: Open) -> None:
        """Raises ValueError."""
        if order.grant in self._grants or order.login in self._by_login:
            raise ValueError("there is such a grant already, or one with this login")
        for key in order.target.host_keys:
            asyncssh.import_public_key(key)
        recorded, had = recorded_before(self._recordings / order.app / order.grant)
        grant = Grant(order, recorded=recorded, had=had)
        self._grants[order.grant] = self._by_login[order.login] = grant
        grant.deadline = Deadline(order.seconds, partial(self._time_over, order.grant))

    async def close(self, name: str, why: str) -> bool:
        """End a grant. Returns when its connections are closed: whether something may be left at its host."""
        grant = self._grants.pop(name, None)
        if grant is None:
            return name in self._left
        grant.open = False
        if grant.deadline:
            grant.deadline.cancel()
        del self._by_login[grant.order.login]
        self._ended[grant.order.login] = name
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        ended = Refused(Reason.ENDED, f"the grant has ended: {why}")
        sessions = list(grant.sessions)
        for session in sessions:
            session.end(ended)
        for connection in list(grant.connections):
            connection.disconnect(asyncssh.DISC_BY_APPLICATION, ended.detail)
        await asyncio.gather(*(session.ended for session in sessions))
        if grant.left:
            self._left[name] = None
        return grant.left

    def reap(self, order: Reap) -> None:
        """Begin to end what a grant left at its host; `close` tells whether it is done."""
        task = self._left.get(order.grant)
        if task is not None and not task.done():
            return
        self._left[order.grant] = self._start(self._reap(order))

    async def stop(self) -> None:
        """End everything."""
        self._logins.close()
        if self._server:
            self._server.close()
        for connection in list(self._waiting):
            connection.abort()
        await asyncio.gather(*(self.close(name, "the bastion stops") for name in list(self._grants)))
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def sessions(self) -> list[Session]:
        """Who is in."""
        return [session for grant in self._grants.values() for session in grant.sessions]

    # --- What a connection asks ---

    def known(self) -> frozenset[str]:
        """The logins of grants that are open."""
        return frozenset(self._by_login)

    def trusts(self, key: asyncssh.SSHKey) -> bool:
        """Whether it is the authority's."""
        return key == self._authority

    def arrived(self, connection: Connection) -> None:
        """Somebody is there, and nobody knows who."""
        if len(self._waiting) >= self._limits.logins:
            connection.abort()
        else:
            self._waiting.add(connection)

    def entered(self, connection: Connection, login: str) -> None:
        """Somebody has proved who they are."""
        self._waiting.discard(connection)
        grant = self._by_login.get(login)
        if grant is None:
            self._out(connection, Refused(Reason.ENDED, "the grant has ended"))
        elif len(grant.connections) >= self._limits.connections:
            self._out(
                connection, Refused(Reason.LIMIT, f"the grant has {self._limits.connections} connections already")
            )
        else:
            connection.grant = grant
            grant.connections.add(connection)

    def gone(self, connection: Connection) -> None:
        """A connection is closed."""
        self._waiting.discard(connection)
        if connection.grant:
            connection.grant.connections.discard(connection)

    def session(self, connection: Connection) -> tuple[Channel, Session] | None:
        """A session for whoever is in; None: there is none for them."""
        grant = connection.grant
        if grant is None or not grant.open:
            return None
        if len(grant.sessions) >= self._limits.sessions:
            self.refused_request(
                connection, None, Refused(Reason.LIMIT, f"the grant has {self._limits.sessions} sessions already")
            )
            return None
        grant.had += 1
        if spent := self._spent(grant):
            self._spend(grant, spent)
            return None
        name = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(4)}"
        session = Session(name, grant, connection.address, self._around)
        session.connection = connection
        grant.sessions.add(session)
        return channel_of(connection), session

    def refused_login(self, connection: Connection, login: str, why: Refused) -> None:
        """Somebody was not let in."""
        grant = self._by_login.get(login)
        name = grant.order.grant if grant else self._ended.get(login, "")
        connection.refusals += 1
        # A client offers one key after the other.
        if why.reason not in connection.told:
            connection.told.add(why.reason)
            self._logins.refuse(name, connection.address, why.reason.value, f"{login}: {why.detail}")

    def refused_request(self, connection: Connection, session: Session | None, why: Refused) -> None:
        """Somebody who is in asked for what nobody gets, or not they."""
        connection.refusals += 1
        grant = connection.grant
        name, said = grant.order.grant if grant else "", session.name if session else ""
        if grant:
            grant.refused += 1
            if spent := self._spent(grant):
                self._spend(grant, spent)
                return
        if connection.refusals <= self._limits.refusals:
            self._tell("request_refused", name, said, connection.address, why)
        else:
            self._out(connection, Refused(Reason.LIMIT, "too much was refused"))

    def refused_in(self, session: Session, why: Refused) -> None:
        """The same, of a session."""
        assert session.connection is not None  # noqa: S101 -- it was made for one
        self.refused_request(session.connection, session, why)

    def _spent(self, grant: Grant) -> str:
        """What of its budget is used up; "" while nothing is."""
        limits = self._limits
        if grant.had > limits.grant_sessions:
            return f"the grant has had its {limits.grant_sessions} sessions"
        if grant.refused >= limits.grant_refusals:
            return f"{limits.grant_refusals} requests of the grant were refused"
        if grant.recorded > limits.grant_recording_bytes:
            return f"the grant's recordings have reached {limits.grant_recording_bytes} bytes"
        return ""

    def _grows(self, grant: Grant, count: int) -> None:
        if grant.deadline and grant.deadline.passed:
            # It ends the sessions, and says why; what is about to be recorded does not happen.
            self._time_over(grant.order.grant)
            raise Unrecorded(TIME_OVER)
        grant.recorded += count
        if spent := self._spent(grant):
            self._spend(grant, spent)
            raise Unrecorded(spent)

    def _spend(self, grant: Grant, why: str) -> None:
        if grant.open:
            grant.open = False
            self._tell("grant_spent", grant.order.grant, "", "", Refused(Reason.BUDGET, why))
            self._start(self._closed(grant.order.grant, why))

    def _begin(self, session: Session, asked: Asked) -> Work:
        if asked.what in ("shell", "exec"):
            return running.begin(session, asked, self._recordings, self._limits)
        return transferring.begin(session, asked, self._recordings, self._limits)

    def _out(self, connection: Connection, why: Refused) -> None:
        self._logins.refuse("", connection.address, why.reason.value, why.detail)
        connection.disconnect(asyncssh.DISC_BY_APPLICATION, why.detail)

    def _tell(self, happened: str, grant: str, session: str, client: str, why: Refused) -> None:
        self._watch(
            Happened.model_validate(
                {
                    "happened": happened,
                    "grant": grant,
                    "session": session,
                    "client": client,
                    "reason": why.reason.value,
                    "detail": why.detail[:TOLD_CHARACTERS],
                }
            )
        )

    def _time_over(self, name: str) -> None:
        self._start(self._closed(name, TIME_OVER))

    async def _closed(self, name: str, why: str) -> None:
        await self.close(name, why)

    async def _reap(self, order: Reap) -> None:
        try:
            await target.reap(order.target, order.login, self._limits)
        except Refused as why:
            LOG.warning("something may be left of the grant %s at its host: %s", order.grant, why.detail)
        else:
            del self._left[order.grant]

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        return task
