"""The bastion as the broker holds it: a process that lets in, and cuts off."""

from collections.abc import Callable, Sequence
from pathlib import Path

from access.ssh.orders import COMMAND, Begin, Close, Done, Happened, Open, Reap, Session, Sessions, Target
from access.told import ToldProcess


class Bastion:
    """One process. Safe to use from many threads; `watch` is called by a thread of its own, and must not block."""

    def __init__(
        self, log: Path, watch: Callable[[Happened], None] = lambda _: None, command: Sequence[str] = COMMAND
    ) -> None:
        def happened(line: bytes) -> None:
            watch(Happened.model_validate_json(line))

        self._process = ToldProcess("the SSH bastion", command, log, Done, happened)
        self.port = 0

    @property
    def pid(self) -> int:
        """The process's; 0 before `start`."""
        return self._process.pid

    def start(self, begin: Begin) -> int:
        """Start it; the port it listens at. Raises MillwrightError."""
        self.port = self._process.start(begin).port
        return self.port

    def open(self, order: Open) -> None:
        """Let the grant's holder in. Raises MillwrightError: nobody is let in."""
        self._process.tell(order)

    def close_all(self, grants: dict[str, str]) -> set[str]:
        """End several (why, by grant) at once; returns when they are out, those at whose host something may be left.

        Raises MillwrightError: they may not be out.
        """
        return set(self._process.tell(Close(grants=grants)).left)

    def reap(self, grant: str, login: str, target: Target) -> None:
        """Begin to end what a grant's sessions left behind at its host; `close_all` tells whether it is done.

        Raises MillwrightError.
        """
        self._process.tell(Reap(grant=grant, login=login, target=target))

    def sessions(self) -> list[Session]:
        """Who is in. Raises MillwrightError."""
        return self._process.tell(Sessions()).sessions

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive()

    def stop(self) -> None:
        """End it, and every session with it."""
        self._process.stop()
