"""What the reconciler needs from whatever runs tasks: today confined processes, later containers."""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

# By address and port inside: a connected Unix stream socket, or None when nothing may be reached there now.
Connect = Callable[[str, int], socket.socket | None]


class CannotStart(Exception):
    """A task cannot be started. `lasting`: trying the same again is useless until something is changed."""

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


def nowhere(address: str, port: int) -> None:
    """Connects to nothing."""
    del address, port


@dataclass(frozen=True)
class Launch:
    """One copy to start. `digest` names the artefact; `environment` holds injected secrets, so it is never shown.

    `port`: where it listens; None: it listens for nobody. `connect` opens, on the host, what the copy connects to, and
    is asked at each connection; `places`: where that may lead to something when it begins.
    """

    task: str
    digest: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    port: int | None
    memory_mib: int
    connect: Connect = nowhere
    places: frozenset[tuple[str, int]] = frozenset()


class Running(Protocol):
    """One started copy."""

    @property
    def socket(self) -> Path | None:
        """The Unix socket behind which the copy's port is reached; None while there is none yet, or no port."""

    @property
    def log(self) -> Path:
        """What the copy has written to its standard output and error."""

    def exit_code(self) -> int | None:
        """How it ended (over 128: by a signal), or None while it runs."""

    @property
    def ended_for(self) -> str:
        """What it used too much of, when it was ended for that; empty otherwise."""

    def used_mib(self, enough: int = 0) -> int:
        """How much memory it holds now; where that is not more than `enough`, an upper bound will do."""

    def may_reach(self, places: Iterable[tuple[str, int]]) -> None:
        """From now on these places lead to something; what is open to others ends."""

    def stop(self, grace_seconds: float) -> None:
        """End it: asked first, killed after `grace_seconds`."""

    def remove(self) -> None:
        """Remove everything it left on this machine; it has ended."""


class Runtime(Protocol):
    """Starts copies."""

    def start(self, launch: Launch) -> Running:
        """Start one copy. Raises CannotStart."""

    def close(self) -> None:
        """Remove what the runtime itself keeps on this machine; every copy has been stopped before."""
