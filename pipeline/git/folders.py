"""Folders that hostile code may have written: removed whatever they hold, and written from a commit."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from factory.errors import MillwrightError
from pipeline.git.command import Git
from pipeline.git.guard import EXECUTABLE, LINK
from pipeline.git.objects import Item, portions, read_blobs

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


def write_out(git: Git, tree: Mapping[str, Item], folder: Path) -> None:
    """Write a tree that the guard let through to `folder`, whole or not at all.

    Raises MillwrightError when `folder` is there and not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MillwrightError(f"{folder} is there already and not empty", hint="name a new folder")
    draft = folder.parent / f".{folder.name}.draft"
    remove_tree(draft)
    draft.mkdir(parents=True, mode=0o700)
    # Links last: nothing is ever written through one.
    for part in portions(dict(sorted(tree.items(), key=lambda row: row[1].mode == LINK))):
        contents = read_blobs(git, {item.sha for item in part.values()})
        for path, item in part.items():
            _write(draft / path, item, contents[item.sha])
    draft.rename(folder)


def _write(target: Path, item: Item, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if item.mode == LINK:
        target.symlink_to(os.fsdecode(content))
        return
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o755 if item.mode == EXECUTABLE else 0o644), "wb") as file:
        file.write(content)
