"""The process before what a provider opens: started at the first grant, and another one when it has died."""

import threading
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from access.grants import Grant, utc_now
from access.grants.model import seconds_until
from access.told import RelayProcess
from factory.errors import MillwrightError

# An order to open takes no less.
SHORTEST_SECONDS: Final = 0.001
Process = TypeVar("Process", bound=RelayProcess[Any, Any, Any])


class Holding(Generic[Process]):
    """One process, and whose grants are open at it. Grants are issued side by side: safe to use from many threads."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._process: Process | None = None
        self._open: set[str] = set()
        self._closed = False
        self._lock = threading.Lock()

    def running(self) -> Process:
        """One that runs. Raises MillwrightError."""
        with self._lock:
            if self._process is None or not self._process.alive():
                if self._closed:
                    raise MillwrightError("nobody is let in any more: the access plane stops")
                # Whoever was in at one that died is out: everybody is let in anew.
                self._lost(self._open)
                self._open.clear()
                self._process = self._start()
            return self._process

    def open(self, grant: Grant, order: BaseModel) -> Process:
        """Let a grant's holder in, anew where they are in already; at which process. Raises MillwrightError: nobody is
        let in."""

        def anew(process: Process) -> None:
            if grant.id in self._open:
                # Opened before, and not written down.
                self._end(process, {grant.id: "it is opened anew"})
            self._tell(process, grant, order)

        return self._tried(anew)

    def renew(self, grant: Grant, order: BaseModel) -> Process:
        """The same where a process takes the order again for one that is open, and goes on with what is under way."""
        return self._tried(lambda process: self._tell(process, grant, order))

    def _tried(self, do: Callable[[Process], None]) -> Process:
        """Once more with another one when a process died in the middle of it, or did not start."""
        process: Process | None = None
        try:
            process = self.running()
            do(process)
        except MillwrightError:
            # Whether *another* one runs says nothing: grants are issued side by side, and somebody may have started it.
            if process is not None and process.alive():
                raise
            process = self.running()
            do(process)
        return process

    def _tell(self, process: Process, grant: Grant, order: BaseModel) -> None:
        process.open(order)
        with self._lock:
            # It may have died since, and been followed by another one, which knows nothing of it.
            if process is not self._process:
                self._lost({grant.id})
                raise MillwrightError("the process died when it had let the holder in")
            self._open.add(grant.id)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._process is not None and self._process.alive() and grant.id in self._open

    def opened(self) -> set[str]:
        """Whose grants are open."""
        return set(self._open)

    def cut(self, grants: Collection[Grant]) -> None:
        """End what is under way by them, all at once. Raises MillwrightError."""
        self.end({grant.id: grant.ended_reason or "it has ended" for grant in grants})

    def end(self, grants: Mapping[str, str]) -> None:
        """The same (why, by grant)."""
        was = self._open & grants.keys()
        self._open -= was
        if not grants or self._process is None:
            return
        if self._process.alive():
            self._end(self._process, dict(grants))
        else:
            self._lost(was)

    def close(self) -> None:
        """End the process, and all that is under way there; no other one is started."""
        with self._lock:
            # One that is being started is waited for, and ended too.
            self._closed = True
        if self._process is not None:
            self._process.stop()

    def _end(self, process: Process, grants: dict[str, str]) -> None:
        process.close_all(grants)

    def _lost(self, grants: Set[str]) -> None:
        """Their process died, and nobody has seen how what was under way by them ended."""


def seconds_left(grant: Grant) -> float:
    """Until a grant's hard limit, as an order says it: more than none."""
    return max(seconds_until(str(grant.hard_until), utc_now()), SHORTEST_SECONDS)
