"""Reads a folder that hostile code wrote: as data, through descriptors, following nothing and waiting for nothing."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory.errors import Problem
from pipeline.git.guard import EXECUTABLE, FILE, LINK, CommitRefused, Limits
from pipeline.git.objects import Item, blob_sha

# What tools leave beside the code; no part of an app, unless the tree holds it already.
CACHES = frozenset(
    {
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".venv",
        "node_modules",
    }
)
CACHE_ENDING = ".egg-info"
# The worktree's own link to its repository.
GIT_LINK = ".git"
# A folder with more is not walked to its end, whatever may be ignored in it.
MOST_SEEN = 50_000
UNREADABLE = 1
READ_BYTES = 1 << 20


@dataclass
class Snapshot:
    """What a folder holds. `contents` are the blobs that its repository may not have yet, by their names."""

    tree: dict[str, Item] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Walk:
    known: Mapping[str, Item]
    limits: Limits
    found: Snapshot = field(default_factory=Snapshot)
    seen: int = 0
    kept: int = 0
    read: int = 0

    def folder(self, descriptor: int, above: str, depth: int) -> None:
        for name in self._names(descriptor):
            path = above + name
            try:
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode) and name != GIT_LINK:
                    self._below(descriptor, name, path, depth)
                elif path != GIT_LINK:
                    self.found.tree[path] = self._item(descriptor, name, mode, path)
            except OSError:
                self.found.tree[path] = Item(UNREADABLE, "")

    def _names(self, descriptor: int) -> list[str]:
        names = []
        with os.scandir(descriptor) as listed:
            for entry in listed:
                self.seen += 1
                if self.seen > MOST_SEEN:
                    raise _too_much("files", f"{MOST_SEEN} with caches")
                names.append(entry.name)
        return sorted(names)

    def _below(self, descriptor: int, name: str, path: str, depth: int) -> None:
        if _is_cache(name) and not any(known.startswith(f"{path}/") for known in self.known):
            return
        if depth >= self.limits.depth:
            self.found.tree[path] = Item(stat.S_IFDIR, "")
            return
        with _opened(name, os.O_DIRECTORY, descriptor) as inner:
            self.folder(inner, f"{path}/", depth + 1)

    def _item(self, descriptor: int, name: str, mode: int, path: str) -> Item:
        if stat.S_ISLNK(mode):
            target = os.fsencode(os.readlink(name, dir_fd=descriptor))
            return self._kept(Item(LINK, blob_sha(target), len(target), os.fsdecode(target)), target, path)
        if not stat.S_ISREG(mode):
            return Item(stat.S_IFMT(mode), "")
        # Not to block: it may have become a pipe since.
        with _opened(name, os.O_NONBLOCK, descriptor) as file:
            facts = os.fstat(file)
            kind = EXECUTABLE if facts.st_mode & stat.S_IXUSR else FILE
            if not stat.S_ISREG(facts.st_mode):
                return Item(stat.S_IFMT(facts.st_mode), "")
            if facts.st_size > self.limits.file_bytes:
                return Item(kind, "", facts.st_size)
            self.read += facts.st_size
            # What is ignored counts too: it has to be read before that is known, and somebody waits for the lock.
            if self.read > self.limits.tree_bytes:
                raise _too_much("bytes", f"{self.limits.tree_bytes} with what is ignored")
            content = _read(file, self.limits.file_bytes)
        return self._kept(Item(kind, blob_sha(content), len(content)), content, path)

    def _kept(self, item: Item, content: bytes, path: str) -> Item:
        before = self.known.get(path)
        if before is None or before.sha != item.sha:
            self.kept += item.size
            # Beyond the limit the guard refuses; nothing will be written.
            if self.kept <= self.limits.changed_bytes:
                self.found.contents[item.sha] = content
        return item


def snapshot(folder: Path, known: Mapping[str, Item], limits: Limits) -> Snapshot:
    """Everything in `folder` but caches and its `.git`; `known` is the tree that its repository has already.

    Raises CommitRefused as soon as there is far too much, OSError when `folder` is none.
    """
    walk = _Walk(known, limits)
    with _opened(str(folder), os.O_DIRECTORY, None) as descriptor:
        walk.folder(descriptor, "", 1)
    return walk.found


def read_small(folder: Path, name: str, limit: int) -> bytes | None:
    """A small regular file right in `folder`, or None when there is something else."""
    try:
        with (
            _opened(str(folder), os.O_DIRECTORY, None) as descriptor,
            _opened(name, os.O_NONBLOCK, descriptor) as file,
        ):
            facts = os.fstat(file)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
                return None
            return _read(file, limit)
    except OSError:
        return None


@contextmanager
def _opened(name: str, flags: int, folder: int | None) -> Iterator[int]:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(file: int, limit: int) -> bytes:
    content = b""
    while len(content) <= limit and (part := os.read(file, READ_BYTES)):
        content += part
    return content


def _is_cache(name: str) -> bool:
    return name in CACHES or name.endswith(CACHE_ENDING)


def _too_much(what: str, allowed: str) -> CommitRefused:
    problem = Problem(
        file="the worktree",
        line=0,
        column=0,
        field="",
        message=f"holds far too many {what}",
        allowed=allowed,
    )
    return CommitRefused("the commit is refused: nothing of it was committed", problems=(problem,))
