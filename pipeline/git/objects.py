"""Git's objects as data: trees as mappings of paths, blobs as bytes, commits with their messages and trailers."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.git.command import Git, visible
from pipeline.git.guard import LINK, Entry

SHA = re.compile(r"[0-9a-f]{40}")
MESSAGE_LENGTH = 4000
TRAILER_KEY = re.compile(r"[A-Z][A-Za-z]*(-[A-Za-z]+)*")
TRAILER_LENGTH = 200
# Blobs are read in portions, so that a big tree never lies in memory as a whole.
PORTION_BYTES = 16_000_000
# How far back a commit of ours is looked for.
LOG_LENGTH = 1000


@dataclass(frozen=True)
class Item:
    """What stands at a path of a tree: mode, blob, size in bytes, and the target of a symbolic link."""

    mode: int
    sha: str
    size: int = 0
    target: str | None = None


@dataclass(frozen=True)
class Logged:
    """One commit of a log."""

    sha: str
    parents: tuple[str, ...]
    trailers: Mapping[str, str]


def blob_sha(content: bytes) -> str:
    """The name git gives to a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def entries(tree: Mapping[str, Item]) -> list[Entry]:
    """A tree as the guard sees it."""
    return [Entry(path, item.mode, item.size, item.target) for path, item in tree.items()]


def changes(before: Mapping[str, Item], after: Mapping[str, Item]) -> list[Entry]:
    """What differs between two trees, sorted; a deleted path has mode 0."""
    gone = [Entry(path, 0) for path in before if path not in after]
    new = {path: item for path, item in after.items() if _identity(before.get(path)) != _identity(item)}
    return sorted([*gone, *entries(new)], key=lambda entry: entry.path)


def read_tree(git: Git, treeish: str) -> dict[str, Item]:
    """Every file and link of a commit or tree."""
    listed: dict[str, Item] = {}
    for row in filter(None, git.run("ls-tree", "-r", "-z", "-l", "--full-tree", treeish).out.split(b"\0")):
        facts, _, path = row.partition(b"\t")
        mode, _kind, sha, size = facts.decode().split()
        listed[os.fsdecode(path)] = Item(int(mode, 8), sha, 0 if size == "-" else int(size))
    links = {path: item for path, item in listed.items() if item.mode == LINK}
    targets = read_blobs(git, {item.sha for item in links.values()}) if links else {}
    for name, item in links.items():
        listed[name] = Item(item.mode, item.sha, item.size, os.fsdecode(targets[item.sha]))
    return listed


def portions(tree: Mapping[str, Item]) -> Iterator[dict[str, Item]]:
    """A tree in parts whose blobs fit in memory."""
    part: dict[str, Item] = {}
    size = 0
    for path, item in tree.items():
        if part and size + item.size > PORTION_BYTES:
            yield part
            part, size = {}, 0
        part[path] = item
        size += item.size
    if part:
        yield part


def read_blobs(git: Git, shas: Iterable[str]) -> dict[str, bytes]:
    """The contents of blobs, by their names."""
    asked = sorted(set(shas))
    out = git.run("cat-file", "--batch", data="".join(f"{sha}\n" for sha in asked).encode()).out
    found: dict[str, bytes] = {}
    place = 0
    for _ in asked:
        end = out.index(b"\n", place)
        sha, kind, size = out[place:end].decode().split()
        if kind != "blob":
            raise ValueError(f"{sha} is a {kind}, not a blob")
        found[sha] = out[end + 1 : end + 1 + int(size)]
        place = end + int(size) + 2
    return found


@contextmanager
def scratch(git: Git, name: str) -> Iterator[Path]:
    """An empty folder inside the repository, for its lock's holder only; what a killed one left goes first."""
    folder = git.folder / f"scratch-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_blobs(git: Git, contents: Mapping[str, bytes]) -> None:
    """Put blobs into the repository; git's own name of each must be the one that `contents` has for it."""
    if not contents:
        return
    with scratch(git, "blobs") as folder:
        files = [folder / sha for sha in contents]
        for file, content in zip(files, contents.values(), strict=True):
            file.write_bytes(content)
        listed = "".join(f"{file}\n" for file in files).encode()
        written = git.run("hash-object", "-w", "--no-filters", "--stdin-paths", data=listed).text.split()
    if written != list(contents):
        raise ValueError("git named a blob otherwise than we did")


def write_tree(git: Git, tree: Mapping[str, Item], index: Path) -> str:
    """Make the tree object that holds exactly `tree`, and leave it in the index file `index`."""
    index.unlink(missing_ok=True)
    rows = [b"%o %s 0\t%s\0" % (item.mode, item.sha.encode(), os.fsencode(path)) for path, item in tree.items()]
    at_index = {"GIT_INDEX_FILE": str(index)}
    git.run("update-index", "-z", "--index-info", data=b"".join(rows), environment=at_index)
    return git.run("write-tree", environment=at_index).text


def commit_tree(git: Git, tree: str, parents: Iterable[str], message: str, seconds: int) -> str:
    """Make a commit at `seconds` since 1970, UTC; no ref points to it yet."""
    date = f"@{seconds} +0000"
    above = [part for parent in parents for part in ("-p", parent)]
    when = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    return git.run("commit-tree", tree, *above, data=message.encode(), environment=when).text


def compose(message: str, trailers: Mapping[str, str]) -> str:
    """A commit's message: `message` made harmless, and the trailers as its last paragraph, where nothing forges them.

    Raises ValueError for a trailer that is not one line of plain text.
    """
    for key, value in trailers.items():
        if not TRAILER_KEY.fullmatch(key) or not 0 < len(value) <= TRAILER_LENGTH or visible(value, "") != value:
            raise ValueError(f"{key}: {value!r} cannot be a trailer")
    text = visible(message.replace("\r\n", "\n"), keep="\n").strip()[:MESSAGE_LENGTH]
    block = "".join(f"{key}: {value}\n" for key, value in trailers.items())
    return f"{text or 'Step of an agent'}\n\n{block}" if block else f"{text}\n"


def trailers_of(message: str) -> dict[str, str]:
    """The trailers that `compose` wrote: the last paragraph, and no other."""
    lines = message.strip("\n").rpartition("\n\n")[2].split("\n")
    return {key: value for key, _, value in (line.partition(": ") for line in lines) if TRAILER_KEY.fullmatch(key)}


def log(git: Git, *selection: str) -> Iterator[Logged]:
    """The newest commits of a selection, first parents only, newest first."""
    out = git.run("log", "-z", "--first-parent", f"-n{LOG_LENGTH}", "--format=%H %P%n%B", *selection, "--").out
    for record in filter(None, os.fsdecode(out).split("\0")):
        names, _, message = record.partition("\n")
        sha, *parents = names.split()
        yield Logged(sha, tuple(parents), trailers_of(message))


def _identity(item: Item | None) -> tuple[int, str] | None:
    return None if item is None else (item.mode, item.sha or f"unread, {item.size} bytes")
