"""Unix sockets in folders that what is confined can write to."""

import os
import stat
from pathlib import Path


def pinned(path: Path) -> int:
    """A descriptor of the socket at `path` itself. Raises OSError for anything else, as a link."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{path} is no socket")
    return descriptor


def by_descriptor(descriptor: int) -> Path:
    """The path by which a pinned socket is connected to."""
    return Path(f"/proc/self/fd/{descriptor}")
