"""Who may run an app's code at the same time: held-out criteria run alone, everything that agents wrote beside itself.

Two sandboxes of one machine share a kernel, and so a channel: the service that is asked held-out requests could tell
them to an agent's own tests, by locks on files that both may read or by how busy it is. Nobody listens when nobody
runs. A lock of the kernel's is held, because agents run tools in processes of their own; it ends with its process.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from factory.paths import FactoryRoot, private_folder


def quiet_lock(root: FactoryRoot, app: str) -> Path:
    """The file whose lock decides, for one app."""
    return private_folder(root.locks) / f"quiet-{app}.lock"


@contextmanager
def beside_others(lock: Path) -> Iterator[None]:
    """Run the app's code where an agent may learn what it says; waits while somebody must be alone."""
    with _held(lock, fcntl.LOCK_SH):
        yield


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Run the app's code while nothing does that `beside_others` covers; waits until that has ended."""
    with _held(lock, fcntl.LOCK_EX):
        yield


@contextmanager
def _held(lock: Path, how: int) -> Iterator[None]:
    with ExitStack() as held:
        # First come, first served: else one after the other could go in beside others, and nobody would ever be alone.
        with lock.with_suffix(".turn").open("ab") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            file = held.enter_context(lock.open("ab"))
            fcntl.flock(file, how)
        yield
