"""A client's connection, with lists of what may be asked in it: nothing else reaches the library that speaks SSH.

What is not on a list is refused here, before anything is done, and told with its code: the library would refuse most of
it too, but says so to nobody.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, cast

import asyncssh
from asyncssh.channel import SSHServerChannel
from asyncssh.connection import SSHServerConnection, SSHServerConnectionOptions
from asyncssh.constants import (
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
)
from asyncssh.packet import SSHPacket

from access.ssh.judging import require_certificate
from access.ssh.refusals import Reason, Refused

if TYPE_CHECKING:
    from access.ssh.model import Grant
    from access.ssh.session import Session

LOG: Final = logging.getLogger("millwright.ssh")
SESSION: Final = "session"
WINDOW_BYTES: Final = 2 << 20
PACKET_BYTES: Final = 32 << 10
NAME_CHARACTERS: Final = 100
# Requests outside of channels. `hostkeys-prove` proves the key by which the client knows the bastion already.
GLOBAL: Final = frozenset(
    {"keepalive@openssh.com", "no-more-sessions@openssh.com", "hostkeys-prove-00@openssh.com", "ping@openssh.com"}
)
CHANNEL: Final = frozenset(
    {
        "pty-req",
        "shell",
        "exec",
        "subsystem",
        "window-change",
        "signal",
        "break",
        "eow@openssh.com",
        "keepalive@openssh.com",
    }
)
# How what is refused is told; by the beginning of its name.
REASONS: Final[Mapping[str, Reason]] = {
    "direct-": Reason.FORWARD,
    "forwarded-": Reason.FORWARD,
    "tun@": Reason.FORWARD,
    "tcpip-forward": Reason.FORWARD,
    "cancel-": Reason.FORWARD,
    "streamlocal-forward": Reason.FORWARD,
    "auth-agent": Reason.AGENT,
    "x11": Reason.X11,
    "env": Reason.ENVIRONMENT,
}


class Admits(Protocol):
    """What a connection asks of the front."""

    authority: str

    def known(self) -> frozenset[str]:
        """The logins of grants that are open."""

    def refused_login(self, connection: "Connection", login: str, why: Refused) -> None:
        """Somebody was not let in."""

    def refused_request(self, connection: "Connection", session: "Session | None", why: Refused) -> None:
        """Somebody who is in asked for what nobody gets."""


class Connection(SSHServerConnection):
    """One client. `grant` is the one that lets it in; `told`: why it was refused, as far as that was told."""

    admits: Admits

    def __init__(self, loop: asyncio.AbstractEventLoop, options: SSHServerConnectionOptions) -> None:
        super().__init__(loop, options)
        self.grant: Grant | None = None
        self.refusals, self.told = 0, set[Reason]()

    @property
    def address(self) -> str:
        """Where the client is."""
        return ":".join(map(str, (self.get_extra_info("peername") or ("", 0))[:2]))

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """Of the library: it has to let somebody in as well, by what is true of the certificate and its key."""
        admits = self.admits
        try:
            require_certificate(key_data, username, admits.authority, admits.known(), datetime.now(UTC))
        except Refused as why:
            admits.refused_login(self, username, why)
            return False
        except Exception:  # the seam: whatever cannot be judged lets nobody in
            LOG.exception("a certificate could not be judged")
            admits.refused_login(self, username, Refused(Reason.FAILED, "it could not be judged"))
            return False
        proved = bool(await super().validate_public_key(username, key_data, msg, signature))
        if not proved:
            admits.refused_login(self, username, Refused(Reason.KEY, "it is not signed by the certificate's key"))
        return proved

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        """Of the library: what is on no list goes no further."""
        if pkttype == MSG_CHANNEL_OPEN and (name := _named(packet)) != SESSION:
            ahead = SSHPacket(packet.get_remaining_payload())
            ahead.get_string()
            self.admits.refused_request(self, None, _no(name))
            why = "the bastion opens sessions only"
            self.send_channel_open_failure(ahead.get_uint32(), asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, why, "en")
            return True
        if pkttype == MSG_GLOBAL_REQUEST and (name := _named(packet)) not in GLOBAL:
            self.admits.refused_request(self, None, _no(name))
            if _wants_reply(packet):
                self.send_packet(MSG_REQUEST_FAILURE)
            return True
        return super().process_packet(pkttype, pktid, packet)


class Channel(SSHServerChannel[bytes]):
    """One channel of a client's, for one session."""

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        """Of the library: what is on no list goes no further."""
        if pkttype == MSG_CHANNEL_REQUEST and (name := _named(packet)) not in CHANNEL:
            connection = cast(Connection, self.get_connection())
            connection.admits.refused_request(connection, cast("Session | None", self._session), _no(name))
            if _wants_reply(packet):
                self.send_packet(MSG_CHANNEL_FAILURE)
            return True
        return super().process_packet(pkttype, pktid, packet)


def channel_of(connection: Connection) -> Channel:
    """A new channel for a session: bytes, and a terminal where one is asked for."""
    loop = asyncio.get_running_loop()
    return Channel(connection, loop, True, False, False, 0, 0, None, "strict", WINDOW_BYTES, PACKET_BYTES)


def _named(packet: SSHPacket) -> str:
    """The name with which the rest of a packet begins; it is not taken."""
    return SSHPacket(packet.get_remaining_payload()).get_string().decode("ascii", errors="replace")


def _wants_reply(packet: SSHPacket) -> bool:
    ahead = SSHPacket(packet.get_remaining_payload())
    ahead.get_string()
    return ahead.get_boolean()


def _no(name: str) -> Refused:
    reason = next((reason for start, reason in REASONS.items() if name.startswith(start)), Reason.REQUEST)
    return Refused(reason, f"the bastion does this for nobody: {name[:NAME_CHARACTERS]}")
