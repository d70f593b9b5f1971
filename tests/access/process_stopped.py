"""A process that is stopped in the middle."""

import contextlib
import os
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP; it goes on when the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        # It may have been killed for that.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
