"""The process that writes a snapshot: a fork, which has a copy of everything and holds nobody up."""

import contextlib
import gc
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import NoReturn

from factory.processes import close_all_but


class Writing:
    """A snapshot that is being written. One thread waits for it, and then sets `over`; any may end it."""

    def __init__(self, write: Callable[[], None], seconds: int, place: int | None) -> None:
        """Fork a process that does `write` and ends, at the latest after `seconds`.

        It keeps the descriptor `place` open, whose lock says that somebody may still write. Raises OSError when no
        process can be made.
        """
        self._seconds = seconds
        self.pid = os.fork()
        if self.pid == 0:
            _write_and_end(write, seconds, place)
        try:
            self._process = os.pidfd_open(self.pid)
        except OSError:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        self.over = threading.Event()

    def wait(self) -> bool:
        """Wait until it has ended, and end it when it takes too long; whether it was written."""
        poller = select.poll()
        poller.register(self._process, select.POLLIN)
        if not poller.poll(self._seconds * 1000):
            self._kill()
        _, status = os.waitpid(self.pid, 0)
        os.close(self._process)
        return status == 0

    def end(self) -> None:
        """End it, and wait until it is over."""
        self._kill()
        self.over.wait(self._seconds)

    def _kill(self) -> None:
        # Over already, and its descriptor closed by whoever waited for it.
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)


def _write_and_end(write: Callable[[], None], seconds: int, place: int | None) -> NoReturn:
    """In the child: it must not run anything else."""
    # A collection would copy every page; and nothing that is open here may outlive the daemon.
    gc.disable()
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        # Nobody is left to end it when the daemon has been killed, and the next one waits for it.
        signal.alarm(seconds)
        close_all_but(*(() if place is None else (place,)))
        write()
        status = 0
    except BaseException:  # noqa: BLE001  nothing may leave the child
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
    finally:
        os._exit(status)
