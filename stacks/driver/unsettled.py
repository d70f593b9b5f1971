"""An operation that nobody saw the end of: its command was killed, or the local cloud ended while it ran.

What the cloud had made by then may have been answered to nobody, so no state names it; the next operation looks. A file
beside the stack's lock says which life of the cloud an operation began with.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory import daemons
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings


def left(root: FactoryRoot, stack: str) -> bool:
    """Whether the last operation on `stack` was not seen to end. The caller holds the stack's lock."""
    return _file(root, stack).exists()


@contextmanager
def watched(root: FactoryRoot, settings: Settings, stack: str) -> Iterator[None]:
    """An operation on `stack`, which may fail: it was seen to end when its cloud is still the same process."""
    begin(root, settings, stack)
    try:
        yield
    finally:
        end(root, stack)


def begin(root: FactoryRoot, settings: Settings, stack: str) -> None:
    """An operation begins. On a real cloud nothing is written: its answers get lost by no end of ours."""
    if settings.aws == "local":
        private_folder(root.locks)
        _file(root, stack).write_text(_life(root))


def end(root: FactoryRoot, stack: str) -> None:
    """An operation has ended, well or not."""
    with contextlib.suppress(FileNotFoundError):
        if _file(root, stack).read_text() == _life(root):
            _file(root, stack).unlink()


def _life(root: FactoryRoot) -> str:
    run_file = daemons.read(root, daemons.LOCAL_CLOUD)
    return f"{run_file.pid} {run_file.started}" if run_file else ""


def _file(root: FactoryRoot, stack: str) -> Path:
    return root.locks / f"{stack}.begun"
