"""Whether the process that starts a sandbox still lives, asked before anything in it runs.

The kernel ends a sandbox with its owner, but only from the moment in which the outer bubblewrap has asked it to:
whoever ends in the few milliseconds before that would leave the sandbox behind for ever. When it has asked, the owner
lives, or its end of this pipe is closed.
"""

import os
import threading
from typing import Final

# $1 is the pipe. Reading it finds its end, or nothing yet; nobody ever writes.
ASK: Final = 'dd if="/proc/self/fd/$1" of=/dev/null iflag=nonblock count=1 2>/dev/null && exit 137; shift; exec "$@"'

_lock = threading.Lock()
# By process: one that was forked owns what it starts itself. The second end is held until the process ends.
_pipes: dict[int, tuple[int, int]] = {}


def pipe() -> int:
    """The descriptor to hand to what this process starts: a pipe whose other end closes when this process ends."""
    with _lock:
        if os.getpid() not in _pipes:
            _pipes[os.getpid()] = os.pipe()
        return _pipes[os.getpid()][0]


def ask(descriptor: int) -> tuple[str, ...]:
    """What to put before a command, so that it runs only if the owner still lives."""
    return "/bin/sh", "-c", ASK, "sh", str(descriptor)
