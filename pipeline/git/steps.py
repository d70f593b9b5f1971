"""Commits of agents' steps: what stands in a worktree, past the guard, as one commit of the factory's."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from factory.errors import MillwrightError
from pipeline.git.command import Git
from pipeline.git.guard import EXECUTABLE, FILE, Limits, check
from pipeline.git.objects import (
    Item,
    changes,
    commit_tree,
    compose,
    entries,
    log,
    read_blobs,
    read_tree,
    scratch,
    write_blobs,
    write_tree,
)
from pipeline.git.refs import find, move, moved
from pipeline.git.snapshot import Snapshot, snapshot
from pipeline.git.worktrees import Worktree, mend_link, of_folder, remember

STEP = "Step"
IGNORE_FILE = ".gitignore"
IGNORE_BYTES = 64_000


def commit_step(
    git: Git, folder: Path, branch: str, *, message: str, trailers: Mapping[str, str], limits: Limits, seconds: int
) -> str | None:
    """One commit of what has changed in `folder`; see Repository.commit_step. `trailers` hold the step's key."""
    worktree = of_folder(git, folder)
    if worktree is None or worktree.branch != branch or not worktree.tip:
        raise MillwrightError(f"{folder} is no worktree of {branch}", hint="make it again")
    mend_link(worktree)
    text = compose(message, trailers)
    tip = find(git, branch)
    if done := _done(git, branch, trailers[STEP]):
        if done == tip:
            remember(worktree, tip)
        return done
    if tip != worktree.tip:
        raise moved(branch, worktree.tip, tip)
    before = read_tree(git, tip)
    after = gather(git, folder, before, limits)
    changed = changes(before, after.tree)
    if not changed:
        return None
    check(changed, entries(after.tree), limits)
    commit = _write(git, worktree, after, parent=tip, message=text, seconds=seconds)
    move(git, branch, commit, tip)
    # For people who look at the worktree with git: its index is what was committed.
    _next_index(worktree).replace(worktree.record / "index")
    remember(worktree, commit)
    return commit


def gather(git: Git, folder: Path, known: Mapping[str, Item], limits: Limits) -> Snapshot:
    """What `folder` holds, without what its own .gitignore files leave out; `known` paths are never left out."""
    found = snapshot(folder, known, limits)
    ignored = _ignored(git, found, known, limits.path_bytes)
    return replace(found, tree={path: item for path, item in found.tree.items() if path not in ignored})


def _done(git: Git, branch: str, key: str) -> str | None:
    commits = log(git, f"refs/heads/{branch}")
    return next((commit.sha for commit in commits if commit.trailers.get(STEP) == key), None)


def _write(git: Git, worktree: Worktree, after: Snapshot, *, parent: str, message: str, seconds: int) -> str:
    wanted = {item.sha for item in after.tree.values()}
    write_blobs(git, {sha: content for sha, content in after.contents.items() if sha in wanted})
    tree = write_tree(git, after.tree, _next_index(worktree))
    return commit_tree(git, tree, [parent], message, seconds)


def _next_index(worktree: Worktree) -> Path:
    return worktree.record / "millwright-index"


def _ignored(git: Git, found: Snapshot, known: Mapping[str, Item], longest: int) -> set[str]:
    """New paths that the tree's own .gitignore files leave out. Git reads copies of those files, nothing else.

    A path of more than `longest` bytes is never left out: no copy could stand there, and the guard is to refuse it.
    """
    new = [path for path in found.tree if path not in known and len(os.fsencode(path)) <= longest]
    texts = {path: text for path, text in _ignore_files(git, found).items() if len(os.fsencode(path)) <= longest}
    if not new or not texts:
        return set()
    with scratch(git, "ignore") as folder:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text)
        # git takes these for patterns, where a colon at the beginning has a meaning.
        listed = b"".join(b"./" + os.fsencode(path) + b"\0" for path in new)
        at_copies = {"GIT_WORK_TREE": str(folder)}
        command = ("check-ignore", "--stdin", "-z", "--no-index")
        answer = git.run(*command, data=listed, expect=(0, 1), environment=at_copies)
    return {path.removeprefix("./") for path in os.fsdecode(answer.out).split("\0")}


def _ignore_files(git: Git, found: Snapshot) -> dict[str, bytes]:
    named = {path: item for path, item in found.tree.items() if path.rpartition("/")[2] == IGNORE_FILE}
    files = {
        path: item for path, item in named.items() if item.mode in (FILE, EXECUTABLE) and item.size <= IGNORE_BYTES
    }
    kept = read_blobs(git, {item.sha for item in files.values()} - found.contents.keys())
    return {path: found.contents.get(item.sha) or kept.get(item.sha, b"") for path, item in files.items()}
