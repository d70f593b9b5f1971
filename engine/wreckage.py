"""What an engine that was killed leaves half written in a file backend.

The state itself is replaced atomically. The small attribute file that the backend's blob library keeps beside it is
not: killed between the two, the engine leaves it empty, and every later command ends with `failed to load checkpoint:
EOF` (found by killing it at random moments; v3.259.0). Without the attribute file the backend reads the state as it is.
"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.locks import backend_folder
from factory.paths import FactoryRoot

if TYPE_CHECKING:
    from factory.settings import Settings


META = "meta.yaml*"
OLD_SECONDS = 60.0


def clear_wreckage(root: FactoryRoot, settings: "Settings", stack: str) -> tuple[Path, ...]:
    """Remove what a killed engine left half written for `stack`; the files that were removed.

    Only attribute files that are no JSON, and drafts that were never renamed, go; a backend that is not a folder is
    left alone. Call it while holding `stack_lock`, with no engine at work on the stack.
    """
    folder = backend_folder(root, settings)
    if folder is None:
        return ()
    name = stack.rsplit("/", 1)[-1]
    removed = []
    for pattern in (f"stacks/*/{name}.json*", f"history/*/{name}/*", f"backups/*/{name}/*", META):
        for path in (folder / ".pulumi").glob(pattern):
            # A draft of the backend's own may be what the engine of another stack writes right now.
            if path.suffix == ".tmp" and pattern == META and not _is_old(path):
                continue
            if path.suffix == ".tmp" or (path.suffix == ".attrs" and not _is_json(path)):
                path.unlink(missing_ok=True)
                removed.append(path)
    return tuple(removed)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > OLD_SECONDS
    except FileNotFoundError:
        return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True
