"""The git door as the broker holds it: a process that lets in, and cuts off."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from access.git.orders import Begin, Close, Done, Happened, Open
from access.told import ToldProcess

COMMAND: Final = (sys.executable, "-P", "-m", "access.git")


class GitDoor:
    """One process. Safe to use from many threads; `watch` is called by a thread of its own, and must not block."""

    def __init__(
        self, log: Path, watch: Callable[[Happened], None] = lambda _: None, command: Sequence[str] = COMMAND
    ) -> None:
        def happened(line: bytes) -> None:
            watch(Happened.model_validate_json(line))

        self._process = ToldProcess("the git door", command, log, Done, happened)
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
        """Let the grant's clients in. Raises MillwrightError: nobody is let in."""
        self._process.tell(order)

    def close_all(self, grants: dict[str, str]) -> None:
        """End grants (why, by grant) at once: returns when nothing of them runs. Raises MillwrightError."""
        self._process.tell(Close(grants=grants))

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive()

    def stop(self) -> None:
        """End it, and all that is under way."""
        self._process.stop()
