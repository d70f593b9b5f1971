"""Locks on a stack: ours (a file lock of whoever changes it) and those that dead engines leave in the backend."""

import contextlib
import fcntl
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
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
    if not _wait(lambda: _try_to_take(descriptor), holder, on_wait, check, deadline):
        raise Busy(
            f"another process works on stack {stack} ({holder()})",
            hint="wait until it ends, or end it with Ctrl-C where it runs",
        )


def _try_to_take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(
    free: Callable[[], bool],
    holder: Callable[[], str],
    on_wait: Callable[[str], None],
    check: Callable[[], None],
    deadline: float | None = None,
) -> bool:
    """Wait until it is `free`; whether it was before the deadline. `on_wait` and `check` as told above."""
    waiting = False
    while not free():
        if deadline is not None and time.monotonic() >= deadline:
            return False
        if not waiting:
            waiting = True
            on_wait(holder())
        check()
        time.sleep(POLL_SECONDS)
    return True


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
    return tuple(path for path in _locks(root, settings, stack) if (lock := _of_here(path)) and _is_dead(lock))


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
    at_work: list[int] = []

    def free() -> bool:
        at_work[:] = engines_at_work(root, settings, stack)
        return not at_work

    _wait(free, lambda: f"an engine whose command was killed, pid {at_work[0]}", on_wait, check)


def engines_at_work(root: FactoryRoot, settings: "Settings", stack: str) -> list[int]:
    """The pids of this machine's engines that hold the backend's lock of `stack` and live."""
    found = (lock for path in _locks(root, settings, stack) if (lock := _of_here(path)))
    return [lock["pid"] for lock in found if not _is_dead(lock) and psutil.pid_exists(lock["pid"])]


def _locks(root: FactoryRoot, settings: "Settings", stack: str) -> list[Path]:
    folder = backend_folder(root, settings)
    if folder is None:
        return []
    name = stack.rsplit("/", 1)[-1]
    # .pulumi/locks/<organization>/<project>/<stack>/<id>.json
    return list((folder / ".pulumi" / "locks").glob(f"*/*/{name}/*.json"))


def backend_folder(root: FactoryRoot, settings: "Settings") -> Path | None:
    """The folder of a file backend, or None when the state is elsewhere."""
    if settings.backend is None:
        return root.backend
    parts = urlsplit(settings.backend)
    if parts.scheme != "file":
        return None
    return (root.path / Path(unquote(parts.netloc + parts.path)).expanduser()).resolve()


def _of_here(path: Path) -> dict[str, Any] | None:
    """What a lock says, when it is a process of this machine that took it."""
    try:
        lock = json.loads(path.read_text())
        here = lock["hostname"] == platform.node() and isinstance(lock["pid"], int)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(lock) if here else None


def _is_dead(lock: Mapping[str, Any]) -> bool:
    pid = lock["pid"]
    try:
        taken = datetime.fromisoformat(lock["timestamp"]).timestamp()
    except (ValueError, KeyError, TypeError):
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
