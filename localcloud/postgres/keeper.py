"""Makes servers follow RDS records: one thread that looks several times a second, and some that start and stop."""

import contextlib
import sys
import tempfile
import threading
import time
import traceback
from asyncio import Server as Port
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from factory.paths import private_folder
from factory.trees import remove_tree
from localcloud.postgres.declared import AVAILABLE, FAILED, Declared, Status
from localcloud.postgres.front import Fronts
from localcloud.postgres.server import CannotRun, Server, start

TICK_SECONDS: Final = 0.1
# After a server that could not start, or ended.
PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 300.0
SOCKETS: Final = "millwright-pg-"
DOORS: Final = "sockets"


class Records(Protocol):
    """The cloud's records."""

    def look(self) -> list[Declared]:
        """What is declared now."""

    def kept(self) -> set[str]:
        """The keys of instances that are gone, and whose data stays."""

    def tell(self, statuses: Iterable[Status]) -> None:
        """Write down what became of instances."""


@dataclass
class _Instance:
    declared: Declared
    server: Server | None = None
    port: Port | None = None
    work: "Future[None] | None" = None
    # What failed last; the same is tried again only after a while, which grows.
    tried: Declared | None = None
    failures: int = 0
    again_at: float = 0.0
    # The failure that was told last.
    told: Status | None = None
    # Its server has ended for good.
    retired: bool = False


class Keeper:
    """Starts, changes and ends the servers. `close` ends everything it started."""

    def __init__(self, folder: Path, records: Callable[[], Records]) -> None:
        """`folder` holds the servers' data; what no record declares is removed from it."""
        self._folder = folder
        self._open = records
        self._instances: dict[str, _Instance] = {}
        # Data of instances that are gone.
        self._left: set[str] = set()
        self._fronts: Fronts | None = None
        self._doors: Path | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._needed = threading.Event()
        # The kernel ends a server when the thread that started it ends: these stay.
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="postgres")
        self._thread = threading.Thread(target=self._run, name="postgres", daemon=True)

    def start(self) -> None:
        """Stand by; when there was something in an earlier life of the daemon, begin at once."""
        self._thread.start()
        if self._folder.is_dir():
            self.wake()

    def wake(self) -> None:
        """Begin to follow the records: from now on there may be some."""
        self._needed.set()

    def socket(self, key: str) -> Path | None:
        """The Unix socket of the server of an instance; None when it does not run."""
        instance = self._instances.get(key)
        server = instance.server if instance else None
        return server.served.socket if server and server.alive() else None

    def settle(self, seconds: float) -> None:
        """Wait until no server is left (the cloud has just been emptied)."""
        deadline = time.monotonic() + seconds
        while (self._instances or self._left) and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)

    def close(self) -> None:
        """End every server; data stays."""
        self._closing.set()
        self._needed.set()
        if self._thread.ident:
            self._thread.join()
        list(self._pool.map(self._end, list(self._instances.values())))
        self._pool.shutdown()
        if self._fronts:
            self._fronts.end()
        if self._doors:
            remove_tree(self._doors)

    def _run(self) -> None:
        self._needed.wait()
        records = None
        while not self._closing.is_set():
            try:
                if records is None:
                    records = self._open()
                    self._left = records.kept()
                    self._sweep({each.key for each in records.look()} | self._left)
                self._round(records)
            except Exception:  # noqa: BLE001  the seam: a fault in one round must not end what runs
                traceback.print_exc(file=sys.stderr)
                self._closing.wait(PAUSE_SECONDS)
            self._closing.wait(TICK_SECONDS)

    def _round(self, records: Records) -> None:
        declared = {each.key: each for each in records.look()}
        now = time.monotonic()
        for key, wanted in declared.items():
            instance = self._instances.setdefault(key, _Instance(wanted))
            if instance.work is None or instance.work.done():
                self._follow(instance, wanted, now, records)
        for key, instance in list(self._instances.items()):
            if key in declared or (instance.work and not instance.work.done()):
                continue
            if instance.retired:
                del self._instances[key]
                self._left.add(key)
            else:
                instance.work = self._pool.submit(self._retire, instance)
        self._clear(records)

    def _follow(self, instance: _Instance, wanted: Declared, now: float, records: Records) -> None:
        """Begin what is to be done for one instance, if anything."""
        server = instance.server
        runs = server is not None and server.alive()
        if not wanted.runs:
            if server is not None:
                instance.work = self._pool.submit(self._end, instance)
            return
        if wanted != instance.tried:
            instance.failures = 0
        elif now < instance.again_at:
            return
        if not runs or wanted != instance.declared or not wanted.settled:
            pause = min(PAUSE_SECONDS * 2**instance.failures, LONGEST_PAUSE_SECONDS)
            instance.tried, instance.again_at = wanted, now + pause
            instance.work = self._pool.submit(self._attempt, instance, wanted, records)

    def _attempt(self, instance: _Instance, wanted: Declared, records: Records) -> None:
        """Make it as it is wanted, and tell what came of it."""
        server = instance.server
        runs = server is not None and server.alive()
        try:
            self._make(instance, wanted, runs=runs)
        except Exception as error:  # noqa: BLE001  the seam: whatever is wrong with one, its record says it
            if not runs:
                self._end(instance)
            instance.failures += 1
            failed = _status(wanted, FAILED, _reason(error))
            # Each is kept on disk for good: the same again says nothing.
            if failed != instance.told:
                records.tell([failed])
                instance.told = failed
            return
        instance.declared, instance.tried, instance.failures, instance.told = wanted, None, 0, None
        records.tell([_status(wanted, AVAILABLE)])

    def _make(self, instance: _Instance, wanted: Declared, *, runs: bool) -> None:
        if wanted.problem:
            # A server that runs goes on as it is.
            raise CannotRun(wanted.problem)
        (self._change if runs else self._begin)(instance, wanted)

    def _begin(self, instance: _Instance, wanted: Declared) -> None:
        self._end(instance)
        folder = private_folder(self._folder / wanted.key)
        instance.server = start(wanted, folder, self._door(wanted))
        instance.port = self._listen(wanted, instance.server)

    def _listen(self, wanted: Declared, server: Server) -> Port:
        with self._lock:
            self._fronts = self._fronts or Fronts()
        try:
            return self._fronts.open(wanted.address, wanted.port, server.served.socket)
        except OSError as error:
            raise OSError(f"{wanted.address}:{wanted.port} cannot be opened: {error.strerror or error}") from error

    def _change(self, instance: _Instance, wanted: Declared) -> None:
        """Another password, or another port."""
        if instance.server is None:
            return
        moved = (wanted.address, wanted.port) != (instance.declared.address, instance.declared.port)
        instance.server.grant(wanted)
        if moved and instance.port and self._fronts:
            self._fronts.close(instance.port)
            instance.port = None
        instance.port = instance.port or self._listen(wanted, instance.server)

    def _end(self, instance: _Instance) -> None:
        if instance.port and self._fronts:
            self._fronts.close(instance.port)
        if instance.server:
            instance.server.stop()
        instance.server, instance.port = None, None

    def _retire(self, instance: _Instance) -> None:
        self._end(instance)
        instance.retired = True

    def _clear(self, records: Records) -> None:
        """Remove the data of instances that are gone, unless a snapshot keeps it."""
        for key in self._left - records.kept() if self._left else ():
            remove_tree(self._folder / key)
            self._left.discard(key)

    def _sweep(self, keys: set[str]) -> None:
        """Once, at the beginning: remove what an earlier life of the daemon left and no record declares or keeps."""
        with contextlib.suppress(FileNotFoundError):
            doors = Path((self._folder / DOORS).read_text())
            if doors.parent == Path(tempfile.gettempdir()) and doors.name.startswith(SOCKETS):
                remove_tree(doors)
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.name not in keys:
                remove_tree(path) if path.is_dir() else path.unlink()

    def _door(self, wanted: Declared) -> Path:
        """Where a server's socket is; a socket's path is limited to 108 bytes, and a factory may lie deep."""
        with self._lock:
            if self._doors is None:
                self._doors = Path(tempfile.mkdtemp(prefix=SOCKETS))
                (private_folder(self._folder) / DOORS).write_text(str(self._doors))
        return self._doors / wanted.key[-12:]


def _status(declared: Declared, status: str, reason: str = "") -> Status:
    return Status(
        account=declared.account,
        region=declared.region,
        key=declared.key,
        status=status,
        reason=reason,
        revision=declared.revision,
    )


def _reason(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    # PostgreSQL's answer in its parts; M is the message.
    return str(told["M"]) if isinstance(told, dict) and "M" in told else str(error) or type(error).__name__
