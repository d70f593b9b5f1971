"""Folders written from a commit."""

import os
from collections.abc import Mapping
from pathlib import Path

from factory.errors import MillwrightError
from factory.trees import remove_tree
from pipeline.git.command import Git
from pipeline.git.guard import EXECUTABLE, LINK
from pipeline.git.objects import Item, portions, read_blobs


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
