"""One session of a client's, and its own connection to the host: what passes is recorded first, both ways.

It ends once, whoever ends it. `ended` is done when the host has said that nothing of it is left, or did not say so in
time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

import asyncssh
from asyncssh.stream import SSHServerStreamSession

from access.ssh import keeper, target
from access.ssh.connection import Connection
from access.ssh.model import Around, Asked, Grant, Remote, Screen, Streams, Work
from access.ssh.orders import Happened
from access.ssh.orders import Session as Told
from access.ssh.refusals import Reason, Refused
from access.ssh.target import Upstream
from factory.spec import Scope

LOG: Final = logging.getLogger("millwright.ssh")
FAILED: Final = Refused(Reason.FAILED, "the bastion failed; its log says how")
FAILED_STATUS: Final = 255


class Session(SSHServerStreamSession[bytes]):
    """One. Of the library are the methods that it calls when a client asks for something."""

    def __init__(self, name: str, grant: Grant, client: str, around: Around) -> None:
        super().__init__(None)
        self.name, self.grant, self.client, self._around = name, grant, client, around
        self.since = time.time()
        self.screen: Screen | None = None
        self.asked: Asked | None = None
        self.remote: Remote | None = None
        self.connection: Connection | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work: Work | None = None
        self._task: asyncio.Task[None] | None = None
        self._why: Refused | None = None
        self._began = False

    @property
    def mark(self) -> str:
        """What the environment of its processes holds."""
        return keeper.marked(self.grant.order.login, self.name)

    @property
    def channel(self) -> asyncssh.SSHServerChannel[bytes]:
        """The client's."""
        return cast("asyncssh.SSHServerChannel[bytes]", self._chan)

    def told(self) -> Told:
        """As an order asks for it."""
        said = self.asked.said if self.asked else ""
        return Told(grant=self.grant.order.grant, session=self.name, client=self.client, since=self.since, what=said)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any) -> bool:
        """Of the library."""
        if not self._allows("a terminal"):
            return False
        self.screen = Screen(term_type, term_size, dict(term_modes))
        return True

    def shell_requested(self) -> bool:
        """Of the library."""
        return self._allows("a shell") and self._begins(Asked("shell"))

    def exec_requested(self, command: str) -> bool:
        """Of the library."""
        if command.startswith("scp "):
            # Never run: `scp -O` is served here by operations on files, like sftp.
            return self._begins(Asked("scp", command))
        return self._allows("a command") and self._begins(Asked("exec", command))

    def subsystem_requested(self, subsystem: str) -> bool:
        """Of the library."""
        if subsystem == "sftp":
            return self._begins(Asked("sftp"))
        self.refuse(Refused(Reason.SUBSYSTEM, f"the bastion serves no subsystem but sftp: {subsystem[:100]}"))
        return False

    def session_started(self) -> None:
        """Of the library: what was asked for begins."""
        self._task = asyncio.ensure_future(self._run())

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """Of the library."""
        self._pass(lambda remote: remote.resize(width, height, pixwidth, pixheight))

    def signal_received(self, signal: str) -> None:
        """Of the library."""
        self._pass(lambda remote: remote.signal(signal))

    def break_received(self, msec: int) -> bool:
        """Of the library."""
        return self._pass(lambda remote: remote.interrupt(msec))

    def connection_lost(self, exc: Exception | None) -> None:
        """Of the library: the client went, or was cut off."""
        super().connection_lost(exc)
        self.end(None)

    def streams(self) -> Streams:
        """What the client sends, what goes to it, and what goes to it as its errors."""
        channel = self.channel
        errors: asyncssh.SSHWriter[bytes] = asyncssh.SSHWriter(self, channel, asyncssh.EXTENDED_DATA_STDERR)
        return asyncssh.SSHReader(self, channel), asyncssh.SSHWriter(self, channel), errors

    def end(self, why: Refused | None) -> None:
        """Have it end; None: the client went. What it is doing is given up at once."""
        if self._task is None:
            self._over()
        elif self._why is None and not self._task.done():
            self._why = why or Refused(Reason.LEFT, "the client has left")
            # A task that is cancelled before its first step runs none: nothing of it would end.
            if self._began:
                self._task.cancel()

    def _pass(self, say: Callable[[Remote], None]) -> bool:
        """Whether it was passed on."""
        if self.remote is None:
            return False
        try:
            say(self.remote)
        except Refused as why:
            self.end(why)
        except OSError:
            # What it was for has just ended.
            return False
        return True

    def _allows(self, what: str) -> bool:
        if self.grant.order.scope is Scope.ADMIN:
            return True
        self.refuse(Refused(Reason.SCOPE, f"{what} takes the scope admin, and the grant's is {self.grant.order.scope}"))
        return False

    def refuse(self, why: Refused) -> None:
        """Tell that something was asked for which the client does not get."""
        self._around.refused(self, why)

    def grows(self, count: int) -> None:
        """So many bytes more are about to be recorded. Raises Unrecorded: the grant has had enough."""
        self._around.grows(self.grant, count)

    def _begins(self, asked: Asked) -> bool:
        """Whether it may begin: the grant is open, and it is recorded."""
        if not self.grant.open:
            return False
        try:
            self.asked = asked
            self._work = self._around.begin(self, asked)
        except Refused as why:
            self.refuse(why)
            return False
        order = self.grant.order
        self._around.watch(
            Happened(
                happened="session_began", grant=order.grant, session=self.name, client=self.client, what=asked.said
            )
        )
        return True

    async def _run(self) -> None:
        work, order = self._work, self.grant.order
        assert work is not None  # noqa: S101 -- it has begun
        status, why, upstream = "", self._why, None
        self._began = True
        try:
            if why is None:
                upstream = await target.connect(order.target, self.mark, self._around.limits)
                status = await _while_kept(work.run(self, upstream), upstream)
        except Refused as refused:
            why = refused
        except asyncio.CancelledError:
            why = self._why
        except target.LOST as error:
            why = Refused(Reason.UPSTREAM, f"the host has gone: {error or type(error).__name__}")
        except Exception:
            LOG.exception("session %s", self.name)
            why = FAILED
        # From here on nobody ends it once more.
        self._why = self._why or why or FAILED
        await asyncio.shield(self._finish(work, upstream, status, why))

    async def _finish(self, work: Work, upstream: Upstream | None, status: str, why: Refused | None) -> None:
        gone = upstream is None or await upstream.end(self._around.limits.end_seconds)
        self.grant.left = self.grant.left or not gone
        reason, detail = (why.reason.value, why.detail) if why else ("", "")
        try:
            work.log.ended(status=status, reason=reason, detail=detail, left=not gone)
        except Refused:
            LOG.exception("session %s: its end is not recorded", self.name)
        path, digest = work.log.close()
        self._around.watch(
            Happened(
                happened="session_ended",
                grant=self.grant.order.grant,
                session=self.name,
                client=self.client,
                what=self.asked.said if self.asked else "",
                reason=reason,
                detail=detail,
                recording=path,
                digest=digest,
                status=status,
            )
        )
        self._leave(status, why)
        self._over()

    def _leave(self, status: str, why: Refused | None) -> None:
        """Tell the client how it ended, when it is still there."""
        channel = self.channel
        if channel.is_closing():
            return
        if why is not None and self.asked and self.asked.what in ("shell", "exec"):
            channel.write_stderr(f"millwright: {why.detail}\r\n".encode())
        if status.isdecimal():
            channel.exit(int(status))
        elif status:
            channel.exit_with_signal(status)
        elif why is not None:
            channel.exit(FAILED_STATUS)
        channel.close()

    def _over(self) -> None:
        self.grant.sessions.discard(self)
        if not self.ended.done():
            self.ended.set_result(None)


async def _while_kept(work: Coroutine[Any, Any, str], upstream: Upstream) -> str:
    """What comes of the work. Raises Refused when the keeper at the host ends before it."""
    running = asyncio.ensure_future(work)
    try:
        await asyncio.wait({running, upstream.lost}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        if upstream.connection.is_closed():
            raise Refused(Reason.UPSTREAM, "the host has closed the connection")
        raise Refused(Reason.KEEPER, "what would end the session at its host has ended, so the session ends")
    finally:
        running.cancel()
