"""Folders that hostile code may have written: removed whatever they hold."""

import os
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

NUMBERED = ".removed-{}"


def remove_tree(folder: Path) -> None:
    """Remove `folder` with everything in it: however deep, whatever its modes, through no link. None is fine."""
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        folder.unlink(missing_ok=True)
        return
    folder.chmod(0o700)
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Folders below are moved up rather than entered: depth costs neither recursion nor descriptors.
        fresh = count()
        while names := _names(top):
            for name in names:
                _remove_entry(top, name, fresh)
    finally:
        os.close(top)
    with suppress(FileNotFoundError):
        folder.rmdir()


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as listed:
        return [entry.name for entry in listed]


def _remove_entry(top: int, name: str, fresh: "count[int]") -> None:
    # Another process may be removing the same tree.
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=top)
            return
        _open_up(top, name)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            for child in _names(inner):
                _raise_up(top, inner, child, fresh)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=top)


def _raise_up(top: int, inner: int, child: str, fresh: "count[int]") -> None:
    if not stat.S_ISDIR(os.stat(child, dir_fd=inner, follow_symlinks=False).st_mode):
        os.unlink(child, dir_fd=inner)
        return
    # A folder's `..` changes with the move, so it must be writable.
    _open_up(inner, child)
    while True:
        name = NUMBERED.format(next(fresh))
        try:
            os.stat(name, dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(child, name, src_dir_fd=inner, dst_dir_fd=top)
            return


def _open_up(above: int, name: str) -> None:
    # By a descriptor that needs no right to read: by its name, a link put there meanwhile would be followed.
    folder = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        Path(f"/proc/self/fd/{folder}").chmod(0o700)
    finally:
        os.close(folder)
