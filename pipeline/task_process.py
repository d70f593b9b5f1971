"""The processes of agents' tasks: none works that its folder does not name, and none outlives its worker for long."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from factory.paths import FactoryRoot
from factory.processes import start_ticks
from pipeline.task_host import Host, Starter, TaskProcess

POLL_SECONDS = 0.1
END_SECONDS = 10.0
OUTPUT, PROCESS = "log", "process"


class TaskProcesses:
    """The processes that this worker has started. After `close` none of them runs, and none is started any more.

    A thread that asks then is held for good: what it answered would be remembered as its stage's answer, and the task
    is to go on with the next worker. It ends with this process.
    """

    def __init__(self, starter: Starter | None = None) -> None:
        self._lock = threading.Lock()
        self._starter = starter or Host()
        self._running: set[TaskProcess] = set()
        self._closed = False

    def warm(self) -> None:
        """Get ready for the first task while nobody waits for it."""
        self._starter.warm()

    def start(self, folder: Path, token: str, made: Callable[[], None] = lambda: None) -> TaskProcess:
        """Start the task in `folder`; `made` is called when it is there and nothing names it yet."""
        with self._lock:
            process = None if self._closed else _start(self._starter, folder, token, made)
            if process is not None:
                self._running.add(process)
        return process or _held()

    def ended(self, process: TaskProcess) -> bool:
        """Whether it has ended by itself."""
        if process.poll() is None:
            return False
        with self._lock:
            closed = self._closed
            self._running.discard(process)
        if closed:
            _held()
        return True

    def end(self, process: TaskProcess) -> None:
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
            self._starter.close()


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


def _start(starter: Starter, folder: Path, token: str, made: Callable[[], None]) -> TaskProcess:
    given, giving = os.pipe()
    try:
        with (folder / OUTPUT).open("ab") as log:
            try:
                process = starter.start(folder, given, log.fileno())
            finally:
                os.close(given)
        try:
            made()
            _let_go(process, folder, token, giving)
        except BaseException:
            _end_group(process.pid)
            raise
    finally:
        os.close(giving)
    return process


def _let_go(process: TaskProcess, folder: Path, token: str, giving: int) -> None:
    """Write down which process it is, and give it its token: without one it does nothing."""
    # One that is gone already needs no name.
    with contextlib.suppress(ProcessLookupError):
        draft = folder / f"{PROCESS}.tmp"
        draft.write_text(f"{process.pid} {start_ticks(process.pid)}")
        draft.replace(folder / PROCESS)
    # When this worker is killed before, the pipe closes, and the task ends by itself.
    with contextlib.suppress(BrokenPipeError):
        os.write(giving, f"{token}\n".encode())


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _held() -> NoReturn:
    while True:
        threading.Event().wait()
