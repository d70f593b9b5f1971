"""One local cloud's state: written down call by call, snapshotted in a fork, and brought back."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from localcloud.durable import log, pickling
from localcloud.durable.errors import StateBroken, StateFull
from localcloud.durable.folder import Folder, Identity, versions
from localcloud.durable.log import END, Entry, Log
from localcloud.durable.operations import operation
from localcloud.durable.snapshots import Writing

Json = Any
# Replaying a call takes about 2 ms, so this bounds what a restart takes besides imports; a snapshot holds everybody up
# for 10 ms.
SNAPSHOT_CALLS: Final = 300
SNAPSHOT_SECONDS: Final = 60


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

    def __init__(self, path: Path, place: int | None = None) -> None:
        """`place`: the descriptor whose lock makes this process the only one that writes in `path`."""
        self._folder = Folder(path, time.time())
        self._place = place
        self._log: Log | None = None
        self._snapshot_at = 0
        self._writing: Writing | None = None
        self.last = 0
        self.recovered = Recovered()
        self.snapshot_problem = ""

    @property
    def identity(self) -> Identity:
        """Which cloud this is."""
        return self._folder.identity

    def recover(self, actions: Actions) -> None:
        """Bring back what was written down.

        Raises StateBroken, and StateFull where nothing can be written; what was written down is not changed then.
        """
        started = time.perf_counter()
        self._folder.sweep()
        same = self.identity.versions == versions()
        if same:
            self._load(actions)
        self.recovered = replace(self._replay(actions), upgraded=not same)
        if not same:
            self._accept_upgrade()
        try:
            self._go_on(Log(self._folder.calls, self.last))
        except OSError as error:
            raise StateFull(str(error)) from error
        self.recovered = replace(self.recovered, seconds=round(time.perf_counter() - started, 3))

    def _load(self, actions: Actions) -> None:
        for last in self._folder.snapshots():
            if (content := self._folder.snapshot(last)) is not None:
                # Everything that comes is to stay: nothing of it is garbage.
                gc.disable()
                try:
                    actions.restore(pickling.load(content, actions.prepare))
                finally:
                    gc.enable()
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
        """Forget everything: a new, empty cloud. Raises StateFull, and then nothing has changed."""
        self.settle()
        try:
            new = self._folder.begin(time.time())
        except OSError as error:
            raise StateFull(f"a new cloud cannot be begun: {error}") from error
        self._go_on(new)
        self.last = self._snapshot_at = 0

    def settle(self) -> None:
        """End the snapshot that is being written, if one is."""
        if self._writing:
            self._writing.end()

    @property
    def snapshot_due(self) -> bool:
        """Whether a restart would take long without a new snapshot."""
        return self.last - self._snapshot_at >= SNAPSHOT_CALLS and not self.snapshotting

    @property
    def snapshotting(self) -> bool:
        """Whether a snapshot is being written."""
        return self._writing is not None

    def snapshot(self, actions: Actions) -> Callable[[], None]:
        """Begin to write a snapshot of the state as it is now, in a fork; what is returned waits for it.

        No operation of several calls may be under way, and no other snapshot. The wait needs no lock. That it cannot
        be begun is a problem to tell, and no error: everything is in the log.
        """
        last = self.last
        try:
            # The one that is left is complete, so that the child may compress it.
            self._go_on(Log(self._folder.calls, last))
            writing = Writing(lambda: self._write_snapshot(last, actions), SNAPSHOT_SECONDS, self._place)
        except OSError as error:
            self._snapshot_over(last, f"the last snapshot could not be begun: {error}")
            return lambda: None
        self._writing = writing
        return lambda: self._await_snapshot(writing, last)

    def _write_snapshot(self, last: int, actions: Actions) -> None:
        self._folder.write_snapshot(last, pickling.dump(actions.others()))
        for path in log.logs(self._folder.calls)[:-1]:
            if path.suffix != log.COMPLETE:
                log.compress(path)

    def _await_snapshot(self, writing: Writing, last: int) -> None:
        try:
            written = writing.wait()
            self._folder.sweep_drafts(writing.pid)
            self._snapshot_over(last, "" if written else "the last snapshot could not be written; see the log")
        finally:
            self._writing = None
            writing.over.set()

    def _snapshot_over(self, last: int, problem: str) -> None:
        self.snapshot_problem = problem
        # Also after a failure: the next one is tried when as many calls have come again.
        self._snapshot_at = last

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

    def _go_on(self, new: Log) -> None:
        """Write to another file from now on. It is open before the old one is closed: there always is one."""
        old, self._log = self._log, new
        if old:
            old.close()


def _named(entry: Entry) -> str:
    if entry.kind != log.CALL:
        return f"{entry.number} ({entry.kind})"
    method, url, headers, body = entry.data

    return f"{entry.number} ({operation(url, headers, body) or f'{method} {url}'})"
