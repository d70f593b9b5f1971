"""A file of its owner's only that is made once, whoever comes first: keys, mostly."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from factory.paths import private_folder


def made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """What the file holds; made first if there is none. Safe to call from many processes at once."""
    if not path.exists():
        _make(path, make())
    return path.read_bytes()


def _make(path: Path, content: bytes) -> None:
    private_folder(path.parent)
    # Its owner's only from the first moment.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Not replaced: whoever was first has perhaps used it already.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
