"""A command or a shell at the host: what is sent in and what comes out, each recorded before it is passed on."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final

import asyncssh

from access.recorder import Recorder, Unrecorded
from access.ssh import keeper
from access.ssh.limits import Limits
from access.ssh.model import Asked, Closed, Work
from access.ssh.orders import Open
from access.ssh.refusals import Reason, Refused, unrecorded
from access.ssh.session import Session
from access.ssh.target import Upstream
from access.ssh.terminal import SUFFIX, Terminal

NO_SIZE: Final = (0, 0, 0, 0)


class Cast:
    """The recording of a command or a shell, as a file among the recordings."""

    def __init__(self, recorder: Recorder, session: Session, asked: Asked) -> None:
        """Raises Refused."""
        self._recorder = recorder
        size = session.screen.size if session.screen else NO_SIZE
        about = facts(session.grant.order, session, asked)
        self.terminal = Terminal(recorder, about, (size[0], size[1]), asked.argv)

    def ended(self, **how: Any) -> None:
        """The last that is recorded. Raises Refused: it is not."""
        self.terminal.ended(**how)

    def close(self) -> Closed:
        """No more comes."""
        return closed(self._recorder)


def begin(session: Session, asked: Asked, recordings: Path, limits: Limits) -> Work:
    """Begin the recording. Raises Refused."""
    cast = Cast(recorder(session, recordings, SUFFIX, limits), session, asked)

    async def run(_: Session, upstream: Upstream) -> str:
        return await _pass(session, upstream, asked.argv, cast.terminal, limits.chunk_bytes)

    return Work(cast, run)


def recorder(session: Session, recordings: Path, suffix: str, limits: Limits) -> Recorder:
    """The file of a session's recording, made new. Raises Refused."""
    order = session.grant.order
    try:
        path = recordings / order.app / order.grant / f"{session.name}{suffix}"
        return Recorder(path, limits.recording_bytes, session.grows)
    except Unrecorded as error:
        raise unrecorded() from error


def closed(recorder: Recorder) -> Closed:
    """No more comes."""
    recorder.close()
    return Closed("/".join(recorder.path.parts[-3:]), recorder.digest)


def facts(order: Open, session: Session, asked: Asked) -> dict[str, Any]:
    """What a recording begins with."""
    return {
        "at": session.since,
        "session": session.name,
        "app": order.app,
        "grant": order.grant,
        "principal": order.principal,
        "login": order.login,
        "scope": order.scope.value,
        "client": session.client,
        "host": f"{order.target.user}@{order.target.address}:{order.target.port}",
        "what": asked.what,
        "terminal": session.screen.kind if session.screen else "",
    }


class _Remote:
    """What runs at the host, and the recording of what it is told."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], log: Terminal) -> None:
        self._process, self._log = process, log

    def resize(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        self._log.resized(width, height)
        self._process.change_terminal_size(width, height, pixwidth, pixheight)

    def signal(self, name: str) -> None:
        self._log.signalled(name)
        self._process.send_signal(name)

    def interrupt(self, milliseconds: int) -> None:
        self._log.signalled("BREAK")
        self._process.send_break(milliseconds)


async def _pass(session: Session, upstream: Upstream, argv: str | None, log: Terminal, chunk: int) -> str:
    """Pass on until it has ended; its status, or the name of the signal that ended it."""
    process = await _started(session, upstream, argv)
    session.remote = _Remote(process, log)
    stdin, stdout, stderr = session.streams()

    async def send() -> None:
        # What runs may have ended its input before the client does.
        with contextlib.suppress(OSError):
            while data := await stdin.read(chunk):
                log.sent(data)
                process.stdin.write(data)
                await process.stdin.drain()
            process.stdin.write_eof()

    async def take(stream: str, source: asyncssh.SSHReader[bytes], to: asyncssh.SSHWriter[bytes]) -> None:
        while data := await source.read(chunk):
            log.out(stream, data)
            try:
                to.write(data)
                await to.drain()
            except OSError:
                raise Refused(Reason.LEFT, "the client has left") from None

    async def outcome() -> None:
        await asyncio.gather(take("stdout", process.stdout, stdout), take("stderr", process.stderr, stderr))
        await process.wait_closed()

    await _until(outcome(), beside=send())
    if process.exit_signal:
        return process.exit_signal[0]
    return "" if process.exit_status is None else str(process.exit_status)


async def _started(session: Session, upstream: Upstream, argv: str | None) -> asyncssh.SSHClientProcess[bytes]:
    terminal: dict[str, Any] = {"request_pty": False}
    if screen := session.screen:
        terminal = {
            "request_pty": "force",
            "term_type": screen.kind,
            "term_size": screen.size,
            "term_modes": screen.modes,
        }
    command = keeper.command(session.mark, upstream.kept_by, argv)
    return await upstream.connection.create_process(command, encoding=None, env=(), send_env=(), **terminal)


async def _until(main: Any, *, beside: Any) -> None:
    """Until `main` is done; what `beside` raises ends it."""
    running, aside = asyncio.ensure_future(main), asyncio.ensure_future(beside)
    try:
        await asyncio.wait({running, aside}, return_when=asyncio.FIRST_COMPLETED)
        if aside.done():
            # Raises what it raised.
            aside.result()
        await running
    finally:
        running.cancel()
        aside.cancel()
