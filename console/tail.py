"""The end of a growing text file."""

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.2


def last_lines(path: Path, count: int, *, follow: bool) -> Iterator[str]:
    """The last `count` lines; with `follow` then every line that is added, without end.

    A file that is shortened meanwhile is read from its beginning.
    """
    with path.open(errors="replace") as file:
        for line in deque(file, maxlen=count):
            yield line.rstrip("\n")
        begun = ""
        while follow:
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)
            begun += file.readline()
            if begun.endswith("\n"):
                yield begun.rstrip("\n")
                begun = ""
            else:
                time.sleep(POLL_SECONDS)
