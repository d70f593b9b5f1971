"""What a commit of an agent may hold: a pure decision over the entries of its tree."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from factory.errors import ExitCode, MillwrightError, Problem
from pipeline.git.command import visible
from pipeline.git.links import leads_out
from pipeline.git.names import folded, kept_for

FILE = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
SUBMODULE = 0o160000
DELETED = 0
MODES = frozenset({FILE, EXECUTABLE, LINK})
KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder deeper than the limit",
    SUBMODULE: "a submodule",
}
# Told at most; a hundred thousand problems help nobody.
MOST_PROBLEMS = 50


@dataclass(frozen=True)
class Limits:
    """How much a commit may hold. Sizes are in bytes; `tree_*` count the whole tree, the others what changes."""

    changed_files: int = 400
    changed_bytes: int = 8_000_000
    file_bytes: int = 2_000_000
    tree_files: int = 10_000
    tree_bytes: int = 200_000_000
    path_bytes: int = 400
    depth: int = 24

    def for_whole_trees(self) -> "Limits":
        """The same where all of a tree is new: what may change at once is what may be there at all."""
        return replace(self, changed_files=self.tree_files, changed_bytes=self.tree_bytes)


@dataclass(frozen=True)
class Entry:
    """One path of a tree: git's mode (a file type's bits for what git cannot hold, 0 for one that is deleted).

    `target` is where a symbolic link points; `size` counts bytes. Bytes that are no UTF-8 stand as surrogates.
    """

    path: str
    mode: int
    size: int = 0
    target: str | None = None


class CommitRefused(MillwrightError):
    """A commit holds what no agent may commit. Nothing of it was committed; `problems` name each path."""

    exit_code = ExitCode.POLICY_VIOLATION


def check(
    changed: Sequence[Entry], whole: Sequence[Entry], limits: Limits | None = None, *, source: str = "the commit"
) -> None:
    """Raises CommitRefused unless `changed` may become part of the tree `whole` (which already holds it)."""
    if found := tuple(problems(changed, whole, limits or Limits())):
        told = found[:MOST_PROBLEMS]
        more = f"; {len(found) - len(told)} more are not shown" if len(found) > len(told) else ""
        raise CommitRefused(
            f"{source} is refused: nothing of it was committed{more}",
            hint="take these out; the rest can then be committed",
            problems=told,
        )


def problems(changed: Sequence[Entry], whole: Sequence[Entry], limits: Limits) -> Iterator[Problem]:
    """Everything that is wrong with a commit."""
    for entry in changed:
        yield from _name(entry, limits)
        if reason := next((why for part in entry.path.split("/") if (why := kept_for(part))), None):
            yield _problem(entry, f"agents do not touch {reason}")
    yield from links(changed)
    yield from shape(changed, whole, limits)


def links(entries: Sequence[Entry]) -> Iterator[Problem]:
    """The symbolic links among `entries`: nothing that comes into a repository may be one."""
    for entry in entries:
        if entry.mode == LINK:
            # An artefact holds none, so a merge that brought one could never be built, nor anything after it.
            found = visible(entry.target or "", keep="")
            yield _problem(entry, "is a symbolic link", found=found, allowed="files, executable files")


def shape(changed: Sequence[Entry], whole: Sequence[Entry], limits: Limits) -> Iterator[Problem]:
    """What no tree of an app may be, whoever wrote it: special files, links that lead out, too much.

    It lets links inside the tree through: a repository may hold some from before, and a change that removes them has
    to be read.
    """
    for entry in changed:
        yield from _kind(entry, limits)
    yield from _links(changed, whole)
    yield from _collisions(changed, whole)
    yield from _amount(changed, limits.changed_files, limits.changed_bytes, "a commit")
    yield from _amount(whole, limits.tree_files, limits.tree_bytes, "the app's tree")


def _name(entry: Entry, limits: Limits) -> Iterator[Problem]:
    parts = entry.path.split("/")
    if entry.path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        yield _problem(entry, "is not a path inside the app")
    if any(part.startswith("-") for part in parts):
        yield _problem(entry, "a name begins with a hyphen: commands take it for an option")
    if visible(entry.path, keep="") != entry.path or any(char in entry.path for char in "\\:"):
        yield _problem(entry, "a name holds a control character, a backslash, a colon or bytes that are no UTF-8")
    if len(entry.path.encode(errors="surrogateescape")) > limits.path_bytes or len(parts) > limits.depth:
        yield _problem(entry, f"is longer than {limits.path_bytes} bytes or deeper than {limits.depth} folders")


def _kind(entry: Entry, limits: Limits) -> Iterator[Problem]:
    if entry.mode == DELETED:
        return
    if entry.mode not in MODES:
        kind = KINDS.get(entry.mode & 0o170000, "neither a file nor a link, or cannot be read")
        yield _problem(entry, f"is {kind}", allowed="files, executable files")
    elif entry.size > limits.file_bytes:
        yield _problem(entry, f"has {entry.size} bytes", allowed=f"at most {limits.file_bytes}")


def _links(changed: Sequence[Entry], whole: Sequence[Entry]) -> Iterator[Problem]:
    links = {entry.path: entry.target or "" for entry in whole if entry.mode == LINK}
    # A new link can turn an old one around, so all are looked at.
    for entry in whole:
        if entry.mode != LINK:
            continue
        target = entry.target or ""
        reason = leads_out(entry.path, links)
        if reason is None and (not target or visible(target, keep="") != target or "\\" in target):
            reason = "leads to a name that is none"
        if reason:
            yield _problem(entry, f"is a symbolic link that {reason}", found=visible(target, keep=""))
    plain = {entry.path for entry in whole}
    for entry in changed:
        if entry.mode != DELETED and (below := next((p for p in _folders(entry.path) if p in plain), None)):
            yield _problem(entry, f"stands below {visible(below, keep='')!r}, which is no folder")


def _collisions(changed: Sequence[Entry], whole: Sequence[Entry]) -> Iterator[Problem]:
    spelled: dict[str, set[str]] = {}
    for entry in whole:
        for path in (*_folders(entry.path), entry.path):
            spelled.setdefault(_folded_path(path), set()).add(path)
    for entry in changed:
        if entry.mode == DELETED:
            continue
        if any(len(spelled.get(_folded_path(path), ())) > 1 for path in (*_folders(entry.path), entry.path)):
            yield _problem(entry, "differs from another path only by case or by how its letters are written")


def _amount(entries: Sequence[Entry], files: int, size: int, what: str) -> Iterator[Problem]:
    count, total = len(entries), sum(entry.size for entry in entries)
    if count > files or total > size:
        yield Problem(
            file=what,
            line=0,
            column=0,
            field="",
            message="holds too much",
            found=f"{count} files, {total} bytes",
            allowed=f"{files} files, {size} bytes",
        )


def _folders(path: str) -> list[str]:
    """The folders above a path, outermost first."""
    return list(accumulate(path.split("/")[:-1], "{}/{}".format))


def _folded_path(path: str) -> str:
    return "/".join(folded(part) for part in path.split("/"))


def _problem(entry: Entry, message: str, *, found: str | None = None, allowed: str | None = None) -> Problem:
    return Problem(
        file=visible(entry.path, keep=""), line=0, column=0, field="", message=message, found=found, allowed=allowed
    )
