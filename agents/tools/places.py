"""Paths that the model names, opened so that nothing leads out of the worktree.

Each part is opened below the one before, without following a symbolic link, so that whatever a program in the sandbox
makes of the tree meanwhile, the file that is read or written lies in it.
"""

import contextlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 1_000_000
MOST_PARTS = 24
DRAFT = "draft"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: a pipe that nobody writes to must not hold the loop.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# What would run elsewhere or changes what git does. The factory's own check of every commit is the one that counts;
# this one tells the model at once.
GUARDED = re.compile(
    r"""\.git.* | \.circleci | \.buildkite | \.husky | \.travis\.ya?ml | buildspec.*\.ya?ml | jenkinsfile.* |
    azure-pipelines.*\.ya?ml | \.pre-commit-config\.ya?ml | \.?lefthook.* | \.?codeowners""",
    re.VERBOSE,
)
UNGUARDED = frozenset({".gitignore", ".gitkeep"})


class PlaceRefused(Exception):
    """The path may not be used; the message says why, in words for the model."""


class Place:
    """One worktree, seen by the tools that act in the loop's process.

    `drafts` is a folder outside of it on the same file system, where a file is written before it takes its place.
    """

    def __init__(self, worktree: Path, drafts: Path) -> None:
        self._worktree = worktree
        self._drafts = drafts

    @contextlib.contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A descriptor of the folder `path` ("" for the root). Raises PlaceRefused."""
        held = os.open(self._worktree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts_of(path) if path not in ("", ".") else []:
                below = _open(part, FOLDER, held, path)
                os.close(held)
                held = below
            yield held
        finally:
            os.close(held)

    def read(self, path: str) -> bytes:
        """The file's content. Raises PlaceRefused: no such file, none that may be read, too big."""
        *above, name = parts_of(path)
        with self.folder("/".join(above)) as folder:
            return read_at(folder, name, path)

    def exists(self, path: str) -> bool:
        """Whether anything stands there. Raises PlaceRefused for a path that may not be used."""
        *above, name = parts_of(path)
        with contextlib.suppress(FileNotFoundError, NotThere), self.folder("/".join(above)) as folder:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            return True
        return False

    def write(self, path: str, content: bytes) -> None:
        """Put the whole file there, at once, making the folders above. Raises PlaceRefused."""
        *above, name = parts_of(path)
        check_writable(path)
        if len(content) > MOST_BYTES:
            raise PlaceRefused(f"{path}: more than {MOST_BYTES} bytes")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(self.folder(""))
            for part in above:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=folder)
                folder = _open(part, FOLDER, folder, path)
                stack.callback(os.close, folder)
            _replace(folder, name, content, self._drafts / DRAFT)


class NotThere(PlaceRefused):
    """Nothing stands at the path."""


def parts_of(path: str) -> list[str]:
    """The path's parts. Raises PlaceRefused for one that is absolute, leads upwards, is git's, or is no name."""
    if path.startswith("/"):
        raise PlaceRefused(f"{path}: paths are relative to the worktree's root")
    parts = path.removesuffix("/").removeprefix("./").split("/")
    if len(parts) > MOST_PARTS:
        raise PlaceRefused(f"{path}: more than {MOST_PARTS} folders deep")
    for part in parts:
        if part in ("", ".", "..") or not part.isprintable() or "\\" in part:
            raise PlaceRefused(f"{path!r}: not a plain path inside the worktree")
        if folded(part) == ".git":
            raise PlaceRefused(f"{path}: git's own folder is not for agents")
    return parts


def check_writable(path: str) -> None:
    """Raises PlaceRefused for what agents do not write: CI files, hooks, what git obeys."""
    for part in parts_of(path):
        name = folded(part)
        if GUARDED.fullmatch(name) and name not in UNGUARDED:
            raise PlaceRefused(f"{path}: agents do not write CI files, hooks or what git obeys")


def folded(name: str) -> str:
    """A part of a path as the most careless file system would understand it."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in plain if unicodedata.category(char) != "Cf").rstrip(". ")


def read_at(folder: int, name: str, path: str) -> bytes:
    """The content of the file `name` in an open folder; `path` names it in messages. Raises PlaceRefused."""
    file = _open(name, FILE, folder, path)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise PlaceRefused(f"{path}: not a file")
        if found.st_size > MOST_BYTES:
            raise PlaceRefused(f"{path}: {found.st_size} bytes; at most {MOST_BYTES} can be read")
        with os.fdopen(os.dup(file), "rb") as opened:
            # It may grow while it is read.
            return opened.read(MOST_BYTES)
    finally:
        os.close(file)


def _open(name: str, flags: int, folder: int, path: str) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise NotThere(f"{path}: no such file or folder") from None
    except OSError as error:
        if _is_link(name, folder):
            raise PlaceRefused(f"{path}: symbolic links are not followed") from None
        raise PlaceRefused(f"{path}: {error.strerror}") from None


def _is_link(name: str, folder: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def _replace(folder: int, name: str, content: bytes, draft: Path) -> None:
    mode = 0o644
    with contextlib.suppress(FileNotFoundError):
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(before.st_mode):
            raise PlaceRefused(f"{name}: not a file")
        mode = stat.S_IMODE(before.st_mode) & 0o755
    # Written elsewhere and renamed: a kill leaves the old file or the new one, and nothing else in the worktree.
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
        os.fchmod(opened.fileno(), mode)
    try:
        os.rename(draft, name, dst_dir_fd=folder)
    except OSError as error:
        raise PlaceRefused(f"{name}: {error.strerror}") from None
