"""A session's own connection to its host: with the grant's certificate, to the very host that app.yaml names."""

import asyncio
import logging
from typing import Any, Final

import asyncssh

from access.ssh import keeper
from access.ssh.limits import Limits
from access.ssh.orders import Target
from access.ssh.refusals import Reason, Refused

LOG: Final = logging.getLogger("millwright.ssh")
LOST: Final = (asyncssh.Error, OSError, TimeoutError, asyncio.IncompleteReadError)


class Upstream:
    """A connection that is logged in, with a keeper that runs: the host's process `kept_by`.

    `lost` is done when it does not run any more.
    """

    def __init__(
        self, connection: asyncssh.SSHClientConnection, kept: asyncssh.SSHClientProcess[bytes], kept_by: int
    ) -> None:
        self.connection, self._kept, self.kept_by = connection, kept, kept_by
        self.lost = asyncio.ensure_future(kept.stdout.readline())

    async def end(self, seconds: float) -> bool:
        """End everything of it; whether the host has said that nothing is left there."""
        try:
            async with asyncio.timeout(seconds):
                self._kept.stdin.write_eof()
                return await self.lost == keeper.GONE
        except LOST:
            return False
        finally:
            self.lost.cancel()
            self.connection.abort()


async def connect(target: Target, mark: str, limits: Limits) -> Upstream:
    """Log in, and have the keeper run before anything else does. Raises Refused."""
    connection = await logged_in(target, limits)
    try:
        async with asyncio.timeout(limits.host_seconds):
            kept = await connection.create_process(keeper.keeper(mark), encoding=None, env=(), send_env=())
            if (process := keeper.process_of(await kept.stdout.readline())) is not None:
                return Upstream(connection, kept, process)
    except LOST as error:
        LOG.warning("no keeper at %s: %s", target.address, error)
    except BaseException:
        connection.abort()
        raise
    connection.abort()
    raise Refused(Reason.KEEPER, "the host does not run what would end the session there: sh, grep, /proc")


async def reap(target: Target, login: str, limits: Limits) -> None:
    """End what sessions of a grant left behind. Raises Refused: nobody knows whether something is left."""
    connection = await logged_in(target, limits)
    try:
        async with asyncio.timeout(limits.host_seconds):
            done = await connection.run(keeper.reaper(keeper.marked(login)), encoding=None, env=(), send_env=())
    except LOST as error:
        raise Refused(Reason.UPSTREAM, f"the host does not answer: {_said(error)}") from None
    finally:
        connection.abort()
    if done.stdout != keeper.GONE:
        raise Refused(Reason.KEEPER, "the host does not say that nothing is left")


async def logged_in(target: Target, limits: Limits) -> asyncssh.SSHClientConnection:
    """A connection to the very host. Raises Refused."""
    key = asyncssh.import_private_key(target.key)
    options: dict[str, Any] = {
        "username": target.user,
        "client_keys": [(key, asyncssh.import_certificate(target.certificate))],
        # No other host, no authority of hosts, none that is revoked.
        "known_hosts": ([asyncssh.import_public_key(each) for each in target.host_keys], [], []),
        "preferred_auth": ["publickey"],
        "config": None,
        "agent_path": None,
        "x509_trusted_certs": None,
        "compression_algs": None,
        "keepalive_interval": 15,
    }
    try:
        async with asyncio.timeout(limits.host_seconds):
            return await asyncssh.connect(target.address, target.port, **options)
    except asyncssh.HostKeyNotVerifiable:
        raise Refused(Reason.HOST_KEY, "the host is not the one that app.yaml names: its key is another one") from None
    except asyncssh.PermissionDenied:
        raise Refused(Reason.UPSTREAM, "the host does not let the bastion in: does it trust the authority?") from None
    except LOST as error:
        raise Refused(Reason.UPSTREAM, f"the host cannot be reached: {_said(error)}") from None


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
