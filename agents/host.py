"""`python -m agents.host`: has imported what every task needs, and forks one process per task.

Importing the SDK takes two seconds, far more than most of what a task does; a forked process has it at once. Whoever
starts the host speaks to it over a socket, its standard input. A message is a task's folder (bytes), and three open
files come with it: the task's standard input, its log, and the pipe of its status. Into that go two lines: the pid, by
the new process, once it leads a session of its own; and at its end its exit status, as `subprocess` counts it. The
host ends when its socket is closed. The tasks go on then, and end by themselves when their worker's door is gone.
"""

import contextlib
import gc
import os
import selectors
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from agents import task

MESSAGE_BYTES = 4096
FILES = 3
# Every descriptor that may be open in the host: it opens few.
LARGEST_DESCRIPTOR = 4096


class Host:
    """Serves one connection. Single-threaded, because only such a process may fork and go on in Python."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until the other side is gone."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._ended(key.fd, *key.data)
                elif not self._asked():
                    return

    def _asked(self) -> bool:
        """Start one task; False at the connection's end."""
        message, files, *_ = socket.recv_fds(self._connection, MESSAGE_BYTES, FILES)
        if not message:
            return False
        given, log, status = files
        pid = os.fork()
        if pid == 0:
            _become(Path(os.fsdecode(message)), given, log, status)
        os.close(given)
        os.close(log)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))
        return True

    def _ended(self, process: int, pid: int, status: int) -> None:
        _, how = os.waitpid(pid, 0)
        self._selector.unregister(process)
        os.close(process)
        # Nobody may listen any more: then nobody waits for it either.
        with contextlib.suppress(BrokenPipeError):
            os.write(status, b"%d\n" % os.waitstatus_to_exitcode(how))
        os.close(status)


def _become(folder: Path, given: int, log: int, status: int) -> NoReturn:
    """The task, in the new process: nothing of the host's is open in it."""
    code = 1
    try:
        os.setsid()
        for number, file in enumerate((given, log, log)):
            os.dup2(file, number)
        os.write(status, b"%d\n" % os.getpid())
        os.closerange(FILES, LARGEST_DESCRIPTOR)
        os.chdir(folder)
        code = task.work(folder)
    except BaseException:  # noqa: BLE001  the seam: what it raised is the task's, not the host's
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> int:
    """Import, then serve the connection that is standard input."""
    # The slow part, done here once; agents.task itself imports it late.
    import anthropic  # noqa: F401

    import agents.model  # noqa: F401

    # Not to be copied by the first collection of every child.
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as connection:
        Host(connection).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
