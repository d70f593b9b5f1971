"""One writer of a repository at a time, across processes; what a killed one left half-done is cleared first."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.errors import Busy
from factory.paths import FactoryRoot, private_folder
from pipeline.git.command import Git

WAIT_SECONDS = 120.0
POLL_SECONDS = 0.02
# git holds a lock file for milliseconds. An older one is a killed git's, and would stop every later one.
STALE_SECONDS = 5.0


@contextmanager
def locked(root: FactoryRoot, app: str, folder: Path) -> Iterator[Git]:
    """The right to write the repository at `folder`. Raises Busy when another holds it for too long.

    git commands inherit the lock: when their caller is killed, the next writer still waits for their end.
    """
    private_folder(root.locks)
    with (root.locks / f"git-{app}.lock").open("w") as lock:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _take(lock.fileno()):
            if time.monotonic() > deadline:
                raise Busy(f"another process has been writing {app}'s repository for {WAIT_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        _clear(folder)
        yield Git(folder, keep=(lock.fileno(),))


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _clear(folder: Path) -> None:
    """Remove lock files of killed git commands: ours wrote under the lock, a person's is given time to end."""
    left = [path for part in (folder, folder / "refs") for path in _lock_files(part)]
    for path in left:
        while (age := _age(path)) is not None:
            if age > STALE_SECONDS:
                path.unlink(missing_ok=True)
            else:
                time.sleep(POLL_SECONDS)


def _lock_files(folder: Path) -> list[Path]:
    if folder.name == "refs":
        return list(folder.rglob("*.lock"))
    return [*folder.glob("*.lock"), *folder.glob("worktrees/*/*.lock")]


def _age(path: Path) -> float | None:
    try:
        return abs(time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return None
