"""Ends a sandbox with the process that started it, however early that ends.

The kernel does so too, but only from the moment in which each bubblewrap has asked it to, and one whose parent was
killed in between waits for it for ever. So a shell stands beside the outer one, in its process group, and reads from
a pipe whose other end the owner holds: at its end it kills the group.
"""

import os
import threading
from typing import Final

# $1 is the pipe; nobody ever writes. The shell that is left becomes what follows.
WATCH: Final = '(read _ <"/proc/self/fd/$1"; kill -KILL 0) >/dev/null 2>&1 & shift; exec "$@"'

_lock = threading.Lock()
# By process: one that was forked owns what it starts itself. The second end is held until the process ends.
_pipes: dict[int, tuple[int, int]] = {}


def pipe() -> int:
    """The descriptor to hand to what this process starts: a pipe whose other end closes when this process ends."""
    with _lock:
        if os.getpid() not in _pipes:
            _pipes[os.getpid()] = os.pipe()
        return _pipes[os.getpid()][0]


def watched(descriptor: int) -> tuple[str, ...]:
    """What to put before a command that leads a process group, so that the group ends with this process."""
    return "/bin/sh", "-c", WATCH, "sh", str(descriptor)
