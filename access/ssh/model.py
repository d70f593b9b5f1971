"""What the parts of a bastion tell each other: a grant, what is asked for under it, and what does it."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from access.deadline import Deadline
from access.ssh.limits import Limits
from access.ssh.orders import Happened, Open
from access.ssh.refusals import Refused

if TYPE_CHECKING:
    import asyncssh

    from access.ssh.connection import Connection
    from access.ssh.session import Session
    from access.ssh.target import Upstream

Watch = Callable[[Happened], None]
Streams = tuple["asyncssh.SSHReader[bytes]", "asyncssh.SSHWriter[bytes]", "asyncssh.SSHWriter[bytes]"]


class Closed(NamedTuple):
    """A recording that is closed: its path within the recordings, and its digest."""

    path: str
    digest: str


class Log(Protocol):
    """A session's recording."""

    def ended(self, **how: Any) -> None:
        """The last that is recorded. Raises Refused: it is not."""

    def close(self) -> "Closed":
        """No more comes."""


class Remote(Protocol):
    """What runs at the host. Each raises Refused when it is not recorded."""

    def resize(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """The client's terminal has another size."""

    def signal(self, name: str) -> None:
        """The client sends a signal."""

    def interrupt(self, milliseconds: int) -> None:
        """The client sends a break."""


@dataclass(frozen=True)
class Asked:
    """What a client wants of a session: `shell`, `exec`, `sftp` or `scp`; of a command its text."""

    what: str
    argv: str | None = None

    @property
    def said(self) -> str:
        """The same in a line."""
        return self.what if self.argv is None else f"{self.what}: {self.argv}"


@dataclass(frozen=True)
class Screen:
    """The terminal that a client has."""

    kind: str
    size: tuple[int, int, int, int]
    modes: Mapping[int, int]


@dataclass(eq=False)
class Grant:
    """A grant that is open. `left`: at its host something may be left. `had`, `refused`: sessions and requests, in sum;
    `recorded`: bytes,
    those of its sessions that run too."""

    order: Open
    sessions: "set[Session]" = field(default_factory=set)
    connections: "set[Connection]" = field(default_factory=set)
    open: bool = True
    left: bool = False
    had: int = 0
    refused: int = 0
    recorded: int = 0
    deadline: Deadline | None = None


@dataclass(frozen=True)
class Work:
    """What does one kind of session: the recording, begun; and what passes on until it is over."""

    log: Log
    run: "Callable[[Session, Upstream], Coroutine[Any, Any, str]]"


@dataclass(frozen=True)
class Around:
    """What all sessions of a bastion share. `begin` makes the work for what is asked; it raises Refused. `grows` hears
    how many bytes more of a grant's recordings are about to be written; it raises Unrecorded.
    """

    limits: Limits
    watch: Watch
    begin: "Callable[[Session, Asked], Work]"
    refused: "Callable[[Session, Refused], None]"
    grows: Callable[[Grant, int], None]
