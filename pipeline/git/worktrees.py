"""Worktrees: one folder per task on the change's branch. Git's own record of each is trusted, the folder is not."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from factory.errors import Busy, MillwrightError
from factory.paths import private_folder
from factory.trees import remove_tree
from pipeline.git.command import Git
from pipeline.git.refs import branch_ref, find
from pipeline.git.snapshot import GIT_LINK, read_small

# The commit that the folder was last in step with; written last, so a worktree without it is half-made.
TIP = "millwright-tip"
LINK_BYTES = 4096


@dataclass(frozen=True)
class Worktree:
    """A worktree as the repository records it. `tip` is the commit its folder stems from, "" when half-made."""

    folder: Path
    branch: str
    tip: str
    record: Path

    @property
    def link(self) -> bytes:
        """What the folder's `.git` has to say."""
        return f"gitdir: {self.record}\n".encode()


def worktrees(git: Git) -> list[Worktree]:
    """Every worktree that the repository records, whether its folder is still there or not."""
    return sorted(_recorded(git), key=lambda worktree: worktree.folder)


def of_folder(git: Git, folder: Path) -> Worktree | None:
    """The worktree at `folder`, by the repository's own record."""
    return next((worktree for worktree in _recorded(git) if worktree.folder == folder), None)


def make(git: Git, folder: Path, branch: str) -> Worktree:
    """The worktree at `folder` on an existing branch; one that is whole stays as it is, work in it and all.

    Raises MillwrightError when the folder holds something else, Busy when the branch is worked on elsewhere.
    """
    tip = find(git, branch)
    present = of_folder(git, folder)
    if present is not None:
        if present.tip and present.branch == branch and present.tip == tip and _is_folder(folder):
            mend_link(present)
            return present
        if present.branch != branch and present.tip and _is_folder(folder):
            raise MillwrightError(f"{folder} is a worktree of {present.branch}, not of {branch}")
        # A killed process left it half-made, or the branch has gone on without it.
        forget(git, present)
    elif folder.exists() and any(folder.iterdir()):
        raise MillwrightError(f"{folder} is no worktree of this app, and not empty", hint="name a new folder")
    _set_free(git, branch)
    private_folder(folder.parent)
    git.run("worktree", "add", "--quiet", str(folder), branch)
    made = of_folder(git, folder)
    if made is None:
        raise MillwrightError(f"git made no worktree at {folder}")
    return remember(made, find(git, branch))


def remember(worktree: Worktree, tip: str) -> Worktree:
    """Note that the folder is in step with the commit `tip`."""
    draft = worktree.record / f"{TIP}.draft"
    draft.write_text(tip)
    draft.replace(worktree.record / TIP)
    return Worktree(worktree.folder, worktree.branch, tip, worktree.record)


def forget(git: Git, worktree: Worktree) -> None:
    """Remove the folder and then its record, so that a kill in between leaves something to be found."""
    if worktree.record.parent != git.folder / "worktrees":
        raise ValueError(f"{worktree.record} is no record of {git.folder}")
    remove_tree(worktree.folder)
    shutil.rmtree(worktree.record, ignore_errors=True)


def mend_link(worktree: Worktree) -> bool:
    """Make the folder's `.git` point to this repository again; whether it did not. Git is never run by it."""
    if read_small(worktree.folder, GIT_LINK, LINK_BYTES) == worktree.link:
        return False
    link = worktree.folder / GIT_LINK
    remove_tree(link)
    with os.fdopen(os.open(link, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o644), "wb") as file:
        file.write(worktree.link)
    return True


def _recorded(git: Git) -> Iterator[Worktree]:
    for record in (git.folder / "worktrees").glob("*"):
        try:
            folder = Path((record / "gitdir").read_text().rstrip("\n")).parent
            head = (record / "HEAD").read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            # Killed before anything stood anywhere but here.
            shutil.rmtree(record, ignore_errors=True)
            continue
        tip = (record / TIP).read_text() if (record / TIP).exists() else ""
        yield Worktree(folder, head.removeprefix("ref: refs/heads/"), tip, record)


def _set_free(git: Git, branch: str) -> None:
    for other in _recorded(git):
        if other.branch != branch:
            continue
        if other.tip and _is_folder(other.folder):
            raise Busy(f"{branch_ref(branch)} is worked on in {other.folder}", hint="remove that worktree first")
        forget(git, other)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
