"""Run one command, and tell what it and all it started cost: `python -P reaped.py FILE COMMAND...`.

The driver forks its processes from a server that outlives the command for a moment, and nobody counts what an orphan
has used. Here this process adopts the orphans (PR_SET_CHILD_SUBREAPER) and waits for them after the command's own time
has been taken. FILE gets JSON: `seconds`, `cpu_seconds`. Exit code: the command's. A script of the standard library
alone: it is in every measured figure.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
# Something that was left running for good is not waited for.
ORPHAN_SECONDS = 30


def main() -> int:
    """Run the command of the arguments."""
    told, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.perf_counter()
    with subprocess.Popen(command) as process:
        # Who stops this one means the command.
        signal.signal(signal.SIGINT, lambda *_: process.send_signal(signal.SIGINT))
        code = process.wait()
    seconds = time.perf_counter() - began
    _wait_for_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(told).write_text(json.dumps({"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}))
    return code


def _wait_for_orphans() -> None:
    deadline = time.monotonic() + ORPHAN_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
