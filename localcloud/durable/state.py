"""One local cloud's state: written down call by call, snapshotted in a fork, and brought back."""

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from localcloud.durable import log, pickling
from localcloud.durable.errors import StateBroken, StateFull
from localcloud.durable.folder import Folder, Identity, versions
from localcloud.durable.log import END, Entry, Log
from localcloud.durable.operations import operation

Json = Any
# Replaying a call takes about 2 ms, so this bounds what a restart takes besides imports; a snapshot holds everybody up
# for 10 ms.
SNAPSHOT_CALLS: Final = 300
SNAPSHOT_SECONDS: Final = 60.0
# Descriptors that the child which writes a snapshot must not keep open: doors, locks, clients.
MOST_DESCRIPTORS: Final = 1 << 16


@dataclass(frozen=True)
class Recovered:
    """How the state came back.

    `replayed`: calls done again; `dropped`: calls of operations that the end of the process cut in two; `differing`:
    replayed calls that answered otherwise than the first time; `upgraded`: whether other versions had written it.
    """

    seconds: float = 0.0
    replayed: int = 0
    dropped: int = 0
    differing: tuple[str, ...] = ()
    upgraded: bool = False


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What the state needs of whoever holds the backends.

    `replay` does an entry again and returns its outcome; `prepare` is told each of moto's services before its backends
    are loaded; `others` is what a snapshot holds besides the backends, and `restore` takes it back.
    """

    replay: Callable[[Entry], tuple[int, int]]
    prepare: Callable[[str], None]
    others: Callable[[], Json]
    restore: Callable[[Json], None]


class State:
    """Not safe for concurrent use: the caller holds the lock of the backends, except where said."""

    def __init__(self, path: Path) -> None:
        self._folder = Folder(path, time.time())
        self._log: Log | None = None
        self._snapshot_at = 0
        self._writing = threading.Event()
        self.last = 0
        self.recovered = Recovered()
        self.snapshot_problem = ""

    @property
    def identity(self) -> Identity:
        """Which cloud this is."""
        return self._folder.identity

    def recover(self, actions: Actions) -> None:
        """Bring back what was written down. Raises StateBroken; nothing that was written down is changed then."""
        started = time.perf_counter()
        self._folder.sweep()
        same = self.identity.versions == versions()
        if same:
            self._load(actions)
        self.recovered = replace(self._replay(actions), upgraded=not same)
        if not same:
            self._accept_upgrade()
        self._open()
        self.recovered = replace(self.recovered, seconds=round(time.perf_counter() - started, 3))

    def _load(self, actions: Actions) -> None:
        for last in self._folder.snapshots():
            if (content := self._folder.snapshot(last)) is not None:
                actions.restore(pickling.load(content, actions.prepare))
                self.last = self._snapshot_at = last
                return

    def _replay(self, actions: Actions) -> Recovered:
        calls = self._folder.calls
        after = self.last
        ended = {entry.operation for entry in log.entries(calls, after) if entry.kind == END}
        replayed, dropped = 0, 0
        differing = []
        for entry in log.entries(calls, after):
            self.last = entry.number
            if entry.kind == END:
                continue
            if entry.operation and entry.operation not in ended:
                dropped += 1
                continue
            outcome = actions.replay(entry)
            replayed += 1
            if outcome != entry.outcome:
                differing.append(_named(entry))
        return Recovered(replayed=replayed, dropped=dropped, differing=tuple(differing))

    def _accept_upgrade(self) -> None:
        """The whole log was replayed by other versions than wrote it: go on only where that gave the same."""
        was, now = self.identity.versions, versions()
        if self.recovered.differing:
            changed = ", ".join(f"{name} {was.get(name)} -> {now[name]}" for name in now if was.get(name) != now[name])
            count, first = len(self.recovered.differing), self.recovered.differing[0]
            raise StateBroken(
                f"it was written by other versions ({changed}), and with these {count} of {self.recovered.replayed} "
                f"calls answer differently, the first of them {first}",
                hint="go back to those versions, or give the state up: millwright cloud reset (each stack's "
                "next update builds again)",
            )
        self._folder.drop_snapshots()
        self._folder.keep(replace(self.identity, versions=now))

    def append(self, entry: Entry) -> None:
        """Write an entry down. Raises StateFull."""
        if self._log is None:
            raise StateFull("it is not open")
        self._log.append(entry)
        self.last = entry.number

    def begin(self) -> None:
        """Forget everything: a new, empty cloud."""
        if self._log:
            self._log.close()
        self._folder.begin(time.time())
        self.last = self._snapshot_at = 0
        self._open()

    @property
    def snapshot_due(self) -> bool:
        """Whether a restart would take long without a new snapshot."""
        return self.last - self._snapshot_at >= SNAPSHOT_CALLS and not self.snapshotting

    @property
    def snapshotting(self) -> bool:
        """Whether a snapshot is being written."""
        return self._writing.is_set()

    def snapshot(self, actions: Actions) -> Callable[[], None]:
        """Begin to write a snapshot of the state as it is now, in a fork; what is returned waits for it.

        No operation of several calls may be under way, and no other snapshot. The wait needs no lock.
        """
        self._writing.set()
        last = self.last
        if self._log:
            self._log.close()
        self._open()
        child = os.fork()
        if child == 0:
            self._write_snapshot(last, actions)
        return lambda: self._await_snapshot(child, last)

    def _write_snapshot(self, last: int, actions: Actions) -> None:
        """In the child: it has a copy of everything, and must not run anything else."""
        # A collection would copy every page; and nothing that is open here may outlive the daemon.
        gc.disable()
        status = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.closerange(3, MOST_DESCRIPTORS)
            self._folder.write_snapshot(last, pickling.dump(actions.others()))
            for path in log.logs(self._folder.calls)[:-1]:
                if path.suffix != log.COMPLETE:
                    log.compress(path)
            status = 0
        except BaseException:  # noqa: BLE001  nothing may leave the child
            traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _await_snapshot(self, child: int, last: int) -> None:
        deadline = time.monotonic() + SNAPSHOT_SECONDS
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        if ended[0] == 0:
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
        self.snapshot_problem = "" if ended[1] == 0 else "the last snapshot could not be written; see the log"
        # Also after a failure: the next one is tried when as many calls have come again.
        self._snapshot_at = last
        self._writing.clear()

    def told(self) -> dict[str, Json]:
        """For people: how much there is, and how it came back."""
        return {
            "calls": self.last,
            "calls_since_snapshot": self.last - self._snapshot_at,
            "bytes": self._folder.size(),
            "recovered_seconds": self.recovered.seconds,
            "replayed": self.recovered.replayed,
            "dropped": self.recovered.dropped,
            "differing": list(self.recovered.differing),
            "problem": self.snapshot_problem,
        }

    def _open(self) -> None:
        self._log = Log(self._folder.calls, self.last)


def _named(entry: Entry) -> str:
    if entry.kind != log.CALL:
        return f"{entry.number} ({entry.kind})"
    method, url, headers, body = entry.data

    return f"{entry.number} ({operation(url, headers, body) or f'{method} {url}'})"
