"""Locks on a stack: ours (a file lock of whoever changes it) and those that dead engines leave in the backend."""

import contextlib
import fcntl
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import psutil

from factory.errors import Busy
from factory.paths import FactoryRoot, private_folder

if TYPE_CHECKING:
    from factory.settings import Settings

POLL_SECONDS = 0.1
# The engine notes the time of a lock after its process started; clocks and roundings differ by less than this.
CLOCK_SLACK_SECONDS = 2.0


def _silent(holder: str) -> None:
    del holder


def _nothing() -> None:
    pass


@contextlib.contextmanager
def stack_lock(
    root: FactoryRoot,
    stack: str,
    *,
    on_wait: Callable[[str], None] = _silent,
    check: Callable[[], None] = _nothing,
    timeout_seconds: float | None = None,
) -> Iterator[int]:
    """Hold `stack` of this factory against every other process that changes it through driver or shim.

    `on_wait` is called once, with who holds it ("pid 123"), when it is not free; `check` again and again while it
    waits: it may raise to give up. Without a timeout it waits for ever;
    with one it raises Busy (0: at once). The kernel gives the lock up when its holder dies, however it dies. The lock
    is of the open file: held again in the same process it waits for itself. The file's descriptor is given: a process
    that inherits it holds the lock as well.
    """
    private_folder(root.locks)
    # Opened for appending: opening must not wipe the holder's note.
    with lock_file(root, stack).open("a+") as file:
        _take(file.fileno(), stack, lambda: _note(lock_file(root, stack)), on_wait, check, timeout_seconds)
        file.truncate(0)
        file.write(f"pid {os.getpid()}")
        file.flush()
        try:
            yield file.fileno()
        finally:
            file.truncate(0)


def lock_file(root: FactoryRoot, stack: str) -> Path:
    """The file whose lock is the right to change `stack`; a qualified name (org/project/stack) counts as its stack."""
    name = stack.rsplit("/", 1)[-1]
    return root.locks / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.lock"


def _take(
    descriptor: int,
    stack: str,
    holder: Callable[[], str],
    on_wait: Callable[[str], None],
    check: Callable[[], None],
    timeout_seconds: float | None,
) -> None:
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    waiting = False
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline is not None and time.monotonic() >= deadline:
                raise Busy(
                    f"another process works on stack {stack} ({holder()})",
                    hint="wait until it ends, or end it with Ctrl-C where it runs",
                ) from None
        if not waiting:
            waiting = True
            on_wait(holder())
        check()
        time.sleep(POLL_SECONDS)


def _note(path: Path) -> str:
    return path.read_text() or "a process that has just started"


def clear_dead_locks(root: FactoryRoot, settings: "Settings", stack: str) -> tuple[Path, ...]:
    """Remove the backend's locks of `stack` whose engine is dead for certain; the files that were removed.

    A killed engine leaves its lock in the file backend, and every later command would refuse the stack. A lock goes
    only when it names this host and its pid is free, or belongs to a process that started after the lock was taken.
    Anything else stays: another host's, a living engine's, a file that cannot be read; and all locks of a backend that
    is not a folder. Call it while holding `stack_lock`.

    What a killed engine was doing is another matter: see `engine.pending`.
    """
    dead = dead_locks(root, settings, stack)
    for path in dead:
        path.unlink(missing_ok=True)
        # The file backend's blob library keeps a second file beside each.
        path.with_name(f"{path.name}.attrs").unlink(missing_ok=True)
    return dead


def dead_locks(root: FactoryRoot, settings: "Settings", stack: str) -> tuple[Path, ...]:
    """The backend's locks of `stack` whose engine is dead for certain; see `clear_dead_locks`."""
    return tuple(path for path in _locks(root, settings, stack) if _is_dead(path))


def wait_for_engines(
    root: FactoryRoot,
    settings: "Settings",
    stack: str,
    *,
    on_wait: Callable[[str], None] = _silent,
    check: Callable[[], None] = _nothing,
) -> None:
    """Wait for as long as an engine of this machine works on `stack`, whose driver or shim was killed.

    It goes on without them, and what it makes is not lost: only when it has ended may anybody judge what it left.
    `on_wait` is called once with who it is; `check` again and again: it may raise to give up.
    """
    waiting = False
    while engines := engines_at_work(root, settings, stack):
        if not waiting:
            waiting = True
            on_wait(f"an engine whose command was killed, pid {engines[0]}")
        check()
        time.sleep(POLL_SECONDS)


def engines_at_work(root: FactoryRoot, settings: "Settings", stack: str) -> list[int]:
    """The pids of this machine's engines that hold the backend's lock of `stack` and live."""
    return [pid for path in _locks(root, settings, stack) if (pid := _living(path))]


def _locks(root: FactoryRoot, settings: "Settings", stack: str) -> list[Path]:
    folder = backend_folder(root, settings)
    if folder is None:
        return []
    name = stack.rsplit("/", 1)[-1]
    # .pulumi/locks/<organization>/<project>/<stack>/<id>.json
    return list((folder / ".pulumi" / "locks").glob(f"*/*/{name}/*.json"))


def _living(path: Path) -> int:
    """The pid of the engine of this machine that holds a lock; 0 when it is not for certain one that lives."""
    if _is_dead(path):
        return 0
    try:
        lock = json.loads(path.read_text())
        here = lock["hostname"] == platform.node() and psutil.pid_exists(lock["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return int(lock["pid"]) if here else 0


def backend_folder(root: FactoryRoot, settings: "Settings") -> Path | None:
    """The folder of a file backend, or None when the state is elsewhere."""
    if settings.backend is None:
        return root.backend
    parts = urlsplit(settings.backend)
    if parts.scheme != "file":
        return None
    return (root.path / Path(unquote(parts.netloc + parts.path)).expanduser()).resolve()


def _is_dead(path: Path) -> bool:
    try:
        lock = json.loads(path.read_text())
        host, pid = lock["hostname"], lock["pid"]
        taken = datetime.fromisoformat(lock["timestamp"]).timestamp()
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if host != platform.node() or not isinstance(pid, int):
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        # Start times are reckoned from the boot and shift when the clock is set, so a start after the lock is not
        # proof enough when that process is an engine too.
        return process.name() != "pulumi" and process.create_time() > taken + CLOCK_SLACK_SECONDS
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
