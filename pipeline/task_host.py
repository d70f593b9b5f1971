"""Makes processes of agents' tasks: by the host that has imported everything already (see `agents.host`)."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

from agents.task import LATER
from factory.errors import MillwrightError
from factory.processes import start_ticks

COMMAND = (sys.executable, "-P", "-m", "agents.host")
# From asking the host to the new process; the host may still be importing on a machine that others use as well.
START_SECONDS = 120.0
# Two lines of digits.
STATUS_BYTES = 64


class TaskProcess(Protocol):
    """A task's process, the leader of a session of its own. As `subprocess.Popen`."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""


class Starter(Protocol):
    """Makes a task's process."""

    def warm(self) -> None:
        """Get ready for the first task while nobody waits for it."""

    def start(self, folder: Path, given: int, log: int) -> TaskProcess:
        """The process of the task in `folder`, which reads descriptor `given` and writes to `log`; both stay open."""

    def close(self) -> None:
        """Nothing is started any more. What was started goes on."""


class Host:
    """Starts tasks by the host, and the host by the first task or by `warm`. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def warm(self) -> None:
        """See Starter."""
        with self._lock:
            self._ensure()

    def start(self, folder: Path, given: int, log: int) -> TaskProcess:
        """See Starter. Raises MillwrightError when the host makes no process."""
        for _ in range(2):
            with contextlib.suppress(OSError, EOFError), self._lock:
                return self._asked(self._ensure(), folder, given, log)
            # It had died, before or meanwhile: once more, with a new one.
            self.close()
        raise MillwrightError("the tasks' host starts no task", hint="the worker's log says why")

    def close(self) -> None:
        """See Starter."""
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _ensure(self) -> socket.socket:
        if self._connection is None:
            self._connection, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with other:
                self._process = subprocess.Popen(
                    COMMAND,
                    stdin=other.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    # Nothing of ours is inherited: no key, no path to the factory's state.
                    env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                    start_new_session=True,
                )
        return self._connection

    def _asked(self, connection: socket.socket, folder: Path, given: int, log: int) -> "Forked":
        status, told = os.pipe()
        try:
            try:
                socket.send_fds(connection, [os.fsencode(folder)], [given, log, told])
            finally:
                os.close(told)
            return Forked(status)
        except BaseException:
            os.close(status)
            raise


class Forked:
    """A process that the host has forked; what it writes into the pipe `status` says how it ended."""

    def __init__(self, status: int) -> None:
        """Waits until the process is there. Raises EOFError when the host died without making it."""
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()
        self._read = b""
        deadline = time.monotonic() + START_SECONDS
        while b"\n" not in self._read:
            if not self._more(deadline - time.monotonic()):
                raise EOFError("the tasks' host has made no process")
        line, _, self._read = self._read.partition(b"\n")
        self.pid = int(line)
        self._started = _ticks(self.pid)

    def poll(self) -> int | None:
        """See TaskProcess. When the host died, its process is ended too, and is to go on later: nobody would learn how
        it ends.
        """
        with self._lock:
            while self.returncode is None and self._readable(0):
                self._take()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """See TaskProcess."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired("a task", timeout or 0)
            self._readable(left)
        return code

    def _take(self) -> None:
        if self._more(0):
            if self._read.endswith(b"\n"):
                self._end(int(self._read))
        else:
            if _ticks(self.pid) == self._started:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
            self._end(LATER)

    def _end(self, code: int) -> None:
        self.returncode = code
        os.close(self._status)

    def _more(self, seconds: float) -> bool:
        """Read on; False at the end, or when nothing comes for so long."""
        part = os.read(self._status, STATUS_BYTES) if self._readable(seconds) else b""
        self._read += part
        return bool(part)

    def _readable(self, seconds: float | None) -> bool:
        if self.returncode is not None:
            return False
        poller = select.poll()
        poller.register(self._status, select.POLLIN)
        return bool(poller.poll(None if seconds is None else max(0, seconds * 1000)))


def _ticks(pid: int) -> int | None:
    try:
        return start_ticks(pid)
    except ProcessLookupError:
        return None
