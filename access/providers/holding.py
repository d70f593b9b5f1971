"""The process before what a provider opens: started at the first grant, and another one when it has died."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from access.grants import Grant, utc_now
from access.grants.model import seconds_until
from access.told import RelayProcess
from factory.errors import MillwrightError

# An order to open takes no less.
SHORTEST_SECONDS: Final = 0.001
Made = TypeVar("Made")
Process = TypeVar("Process", bound=RelayProcess[Any, Any, Any])


class _Died(MillwrightError):
    """The process died in the middle of it."""


class Holding(Generic[Process]):
    """One process, and whose grants are open at it. Grants are issued side by side: safe to use from many threads."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._process: Process | None = None
        self._open: set[str] = set()
        self._closed = False
        self._lock = threading.Lock()

    def alive(self) -> bool:
        """Whether there is one that runs."""
        return self._process is not None and self._process.alive()

    def running(self) -> Process:
        """One that runs. Raises MillwrightError."""
        with self._lock:
            if self._process is None or not self._process.alive():
                if self._closed:
                    raise MillwrightError("nobody is let in any more: the access plane stops")
                # Whoever was in at one that died is out: everybody is let in anew.
                self._lost(set(self._open))
                self._open.clear()
                self._process = self._start()
            return self._process

    def issued(self, issue: Callable[[], Made]) -> Made:
        """What `issue` makes; tried once more when no process runs: it died in the middle of it, or did not start.

        Raises MillwrightError.
        """
        try:
            return issue()
        except MillwrightError as error:
            if self.alive() and not isinstance(error, _Died):
                raise
            return issue()

    def open(self, process: Process, grant: Grant, order: BaseModel) -> None:
        """Let a grant's holder in. Raises MillwrightError: nobody is let in."""
        with _dying(process):
            if grant.id in self._open:
                # Opened before, and not written down.
                self._close(process, {grant.id: "it is opened anew"})
        self.renew(process, grant, order)

    def renew(self, process: Process, grant: Grant, order: BaseModel) -> None:
        """The same where a process takes an order for one that is open there: what is under way goes on."""
        with _dying(process):
            process.open(order)
        with self._lock:
            # Another one, which somebody else has started by now, knows nothing of it.
            if process is not self._process:
                raise _Died("the process died when it had let the holder in")
            self._open.add(grant.id)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self.alive() and grant.id in self._open

    def opened(self) -> set[str]:
        """The ids of grants that are open, or may be."""
        return set(self._open)

    def cut(self, grants: Collection[Grant]) -> None:
        """End what is under way by them, all at once. Raises MillwrightError."""
        self.end({grant.id: grant.ended_reason or "it has ended" for grant in grants})

    def end(self, grants: Mapping[str, str]) -> None:
        """The same by their ids; why, of each. Raises MillwrightError: they may be open."""
        if self._process is None or not self._process.alive():
            self._lost(self._open.intersection(grants))
        elif grants:
            self._close(self._process, grants)
        self._open.difference_update(grants)

    def close(self) -> None:
        """End the process, and all that is under way there; no other one is started."""
        self._closed = True
        if self._process is not None:
            self._process.stop()

    def _close(self, process: Process, grants: Mapping[str, str]) -> None:
        process.close_all(dict(grants))

    def _lost(self, grants: Collection[str]) -> None:
        """The process died, and these were open there."""


@contextmanager
def _dying(process: RelayProcess[Any, Any, Any]) -> Iterator[None]:
    """Tells what it refuses from that it died."""
    try:
        yield
    except MillwrightError as error:
        if process.alive():
            raise
        raise _Died(str(error), hint=error.hint) from error


def seconds_left(grant: Grant) -> float:
    """Until a grant's hard limit, as an order says it: more than none."""
    return max(seconds_until(str(grant.hard_until), utc_now()), SHORTEST_SECONDS)
