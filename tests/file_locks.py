"""Whether somebody holds the lock on a file."""

import fcntl
from pathlib import Path


def is_taken(file: Path) -> bool:
    with file.open("rb") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
