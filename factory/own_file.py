"""Files of their owner's only: made once, whoever comes first (keys, mostly), or written over and over."""

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


def replace(path: Path, content: bytes) -> None:
    """Write it anew: whoever reads it has the old content or this one. It is not synced, and has one writer at a time.

    Raises OSError: also where its folder is gone, which somebody may be about to bring back.
    """
    draft = path.with_name(f"{path.name}.new")
    # One name, whoever is killed in the middle: nothing gathers.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


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
