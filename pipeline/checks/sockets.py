"""Folders for the sockets of services under test: in the machine's temporary folder, as their paths must be short."""

import hashlib
import tempfile
from pathlib import Path

from factory.paths import FactoryRoot
from factory.trees import remove_tree


def make(root: FactoryRoot) -> Path:
    """A new folder that only we may enter; who made it removes it. A Unix socket's path has at most 107 bytes."""
    return Path(tempfile.mkdtemp(prefix=_prefix(root)))


def sweep(root: FactoryRoot) -> None:
    """Remove those of this factory. For who holds the worker's claim: none of them is in use then."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix(root)}*"):
        remove_tree(folder)


def _prefix(root: FactoryRoot) -> str:
    # Factories of one machine share the temporary folder.
    return f"mw-{hashlib.sha256(str(root.path).encode()).hexdigest()[:12]}-"
