"""A session of sftp, or of `scp -O`: operations on the host's files, recorded, and nothing that is run there."""

from pathlib import Path
from typing import Any, Final

import asyncssh
from asyncssh.scp import run_scp_server
from asyncssh.sftp import run_sftp_server

from access.recorder import Recorder
from access.ssh.files import Files
from access.ssh.limits import Limits
from access.ssh.model import Asked, Closed, Work
from access.ssh.running import closed, facts, recorder
from access.ssh.session import Session
from access.ssh.target import Upstream
from access.ssh.transfer import SUFFIX, Operations
from factory.spec import Scope

VERSION: Final = 3
WELL: Final = "0"


class Transfer:
    """The recording, as a file among the recordings."""

    def __init__(self, recorder: Recorder, session: Session, asked: Asked) -> None:
        """Raises Refused."""
        self._recorder = recorder
        about = facts(session.grant.order, session, asked)
        self.operations = Operations(recorder, about if asked.argv is None else {**about, "command": asked.argv})

    def ended(self, **how: Any) -> None:
        """The last that is recorded. Raises Refused: it is not."""
        self.operations.ended(**how)

    def close(self) -> Closed:
        """No more comes."""
        return closed(self._recorder)


class _Kept(asyncssh.SSHWriter[bytes]):
    """To the client; what closes it is the session's own end, with a status."""

    def close(self) -> None:
        pass


def begin(session: Session, asked: Asked, recordings: Path, limits: Limits) -> Work:
    """Begin the recording. Raises Refused."""
    transfer = Transfer(recorder(session, recordings, SUFFIX, limits), session, asked)

    async def run(_: Session, upstream: Upstream) -> str:
        client = await upstream.connection.start_sftp_client(path_encoding=None)
        served = Files(
            session.channel,
            client,
            transfer.operations,
            writes=session.grant.order.scope is not Scope.READ,
            refused=session.refuse,
            broken=session.end,
        )
        stdin, stdout, stderr = session.streams()
        if asked.argv is None:
            await run_sftp_server(served, stdin, _Kept(session, session.channel), VERSION)
        elif (serving := run_scp_server(served, asked.argv, stdin, stdout, stderr)) is not None:
            await serving
        return WELL

    return Work(transfer, run)
