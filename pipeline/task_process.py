"""The processes of agents' tasks: none works that its folder does not name, and none outlives its worker for long."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from factory.paths import FactoryRoot
from factory.processes import start_ticks

POLL_SECONDS = 0.1
END_SECONDS = 10.0
OUTPUT, PROCESS = "log", "process"
COMMAND = (sys.executable, "-P", "-m", "agents.task")


class TaskProcesses:
    """The processes that this worker has started. After `close` none of them runs, and none is started any more.

    A thread that asks then is held for good: what it answered would be remembered as its stage's answer, and the task
    is to go on with the next worker. It ends with this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def start(self, folder: Path, token: str, made: Callable[[], None] = lambda: None) -> subprocess.Popen[bytes]:
        """Start the task in `folder`; `made` is called when it is there and nothing names it yet."""
        with self._lock:
            process = None if self._closed else _start(folder, token, made)
            if process is not None:
                self._running.add(process)
        return process or _held()

    def ended(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it has ended by itself."""
        if process.poll() is None:
            return False
        with self._lock:
            closed = self._closed
            self._running.discard(process)
        if closed:
            _held()
        return True

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End it, with what it has started."""
        _end_group(process.pid)
        process.wait()
        with self._lock:
            self._running.discard(process)

    def close(self) -> None:
        """End all of them, and wait for them."""
        with self._lock:
            self._closed = True
            for process in self._running:
                if process.poll() is None:
                    _end_group(process.pid)
            for process in self._running:
                process.wait()


def end_leftover(folder: Path) -> None:
    """End the process that a dead worker had started for the task in `folder`, if it still runs."""
    with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid, started = (int(word) for word in (folder / PROCESS).read_text().split())
        if start_ticks(pid) == started:
            _end_group(pid)
            deadline = time.monotonic() + END_SECONDS
            while start_ticks(pid) == started and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)


def end_leftovers(root: FactoryRoot) -> None:
    """End every task's process that a dead worker has left. For who holds the worker's claim."""
    for path in root.tasks.glob(f"*/{PROCESS}"):
        end_leftover(path.parent)


def _start(folder: Path, token: str, made: Callable[[], None]) -> subprocess.Popen[bytes]:
    with (folder / OUTPUT).open("ab") as log:
        process = subprocess.Popen(
            [*COMMAND, "--folder", str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            # Nothing of ours is inherited: no key, no path to the factory's state.
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    try:
        made()
        _let_go(process, folder, token)
    except BaseException:
        process.kill()
        raise
    return process


def _let_go(process: subprocess.Popen[bytes], folder: Path, token: str) -> None:
    """Write down which process it is, and give it its token: without one it does nothing."""
    # One that is gone already needs no name.
    with contextlib.suppress(ProcessLookupError):
        draft = folder / f"{PROCESS}.tmp"
        draft.write_text(f"{process.pid} {start_ticks(process.pid)}")
        draft.replace(folder / PROCESS)
    if process.stdin is not None:
        # When this worker is killed before, the pipe closes, and the task ends by itself.
        with contextlib.suppress(BrokenPipeError), process.stdin as told:
            told.write(f"{token}\n".encode())


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _held() -> NoReturn:
    while True:
        threading.Event().wait()
