"""Merges and reverts on main: made without any worktree, and put there only from where main was when it was decided."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from factory.errors import InputError, MillwrightError, Problem
from pipeline.git.command import Git, visible
from pipeline.git.guard import Limits, check
from pipeline.git.objects import Logged, changes, commit_tree, compose, entries, log, read_tree
from pipeline.git.refs import MAIN, Moved, find, full_sha, move, moved, work_branch

REVERTS = "Reverts"
CONFLICT = 1
# Told before main is moved: the commit it is at, and the one it is about to be at. What it raises stops the move.
Moving = Callable[[str, str], None]

__all__ = [
    "Conflicts",
    "MainMove",
    "MergeCheck",
    "Moved",
    "Moving",
    "already_merged",
    "fork",
    "made_as",
    "merge",
    "merge_check",
    "revert",
]


@dataclass(frozen=True)
class MergeCheck:
    """What merging would give: the tree (with conflict markers where there are `conflicts`, the paths of these)."""

    tree: str
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class MainMove:
    """When a commit for main is made, in seconds since 1970, and who is told before main moves to it."""

    seconds: int
    moving: Moving


class Conflicts(MillwrightError):
    """Two lines of work changed the same place; `problems` name the files."""


def merge_check(git: Git, ours: str, theirs: str) -> MergeCheck:
    """What merging commit `theirs` into commit `ours` would give; nothing moves."""
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    answer = git.run("merge-tree", *options, ours, theirs, expect=(0, CONFLICT))
    tree, *paths = answer.text.rstrip("\0").split("\0")
    return MergeCheck(tree, tuple(visible(path, keep="") for path in paths))


def merge(
    git: Git,
    branch: str,
    *,
    expected: tuple[str, str],
    message: str,
    trailers: Mapping[str, str],
    limits: Limits,
    move_at: MainMove,
) -> str:
    """Merge `branch` into main; `expected` are main's commit and the branch's. See Repository.merge."""
    base, head = (full_sha(sha) for sha in expected)
    work_branch(branch)
    if (done := already_merged(git, head)) and made_as(git, done, head, trailers):
        return done.sha
    for name, sha in ((branch, head), (MAIN, base)):
        if (now := find(git, name)) != sha:
            raise moved(name, sha, now)
    left = git.run("merge-base", base, head).text
    if left == head:
        raise InputError(f"{branch} holds nothing that main does not hold already")
    before, after = read_tree(git, left), read_tree(git, head)
    check(changes(before, after), entries(after), limits, source=branch)
    tree = _clean(merge_check(git, base, head), f"{branch} cannot be merged")
    commit = commit_tree(git, tree, [base, head], compose(message, trailers), move_at.seconds)
    move_at.moving(base, commit)
    move(git, MAIN, commit, base)
    return commit


def already_merged(git: Git, head: str) -> Logged | None:
    """The commit on main that merged `head`, whoever made it; or None."""
    return next((commit for commit in log(git, f"refs/heads/{MAIN}") if head in commit.parents[1:]), None)


def made_as(git: Git, commit: Logged, head: str, trailers: Mapping[str, str]) -> bool:
    """Whether a commit is exactly what merging `head` with these trailers makes: parents, tree and trailers."""
    if not commit.parents or commit.parents[1:] != (head,) or commit.trailers != dict(trailers):
        return False
    checked = merge_check(git, commit.parents[0], head)
    return not checked.conflicts and git.run("rev-parse", "--verify", f"{commit.sha}^{{tree}}").text == checked.tree


def fork(git: Git, head: str) -> str:
    """The commit at which the line of `head` left main; a merge of `head` into main changes nothing of it."""
    found = git.run("merge-base", f"refs/heads/{MAIN}", head).text
    if found == head and (done := already_merged(git, head)):
        return git.run("merge-base", done.parents[0], head).text
    return found


def revert(git: Git, sha: str, *, message: str, trailers: Mapping[str, str], move_at: MainMove) -> str:
    """Take what commit `sha` brought to main back out of it. See Repository.revert."""
    commits = list(log(git, f"refs/heads/{MAIN}"))
    target = next((commit for commit in commits if commit.sha == full_sha(sha)), None)
    if target is None or not target.parents:
        raise InputError(f"{sha[:12]} is no commit of main that can be reverted")
    if done := next((commit.sha for commit in commits if commit.trailers.get(REVERTS) == sha), None):
        return done
    main = commits[0].sha
    # A merge with `sha` as its base, main as one side and what was before `sha` as the other.
    before = git.run("rev-parse", "--verify", f"{target.parents[0]}^{{tree}}").text
    other = commit_tree(git, before, [sha], "before\n", move_at.seconds)
    tree = _clean(merge_check(git, main, other), f"{sha[:12]} cannot be reverted")
    commit = commit_tree(git, tree, [main], compose(message, {**trailers, REVERTS: sha}), move_at.seconds)
    move_at.moving(main, commit)
    move(git, MAIN, commit, main)
    return commit


def _clean(checked: MergeCheck, message: str) -> str:
    if not checked.conflicts:
        return checked.tree
    problems = tuple(
        Problem(file=path, line=0, column=0, field="", message="changed on both sides") for path in checked.conflicts
    )
    raise Conflicts(message, hint="bring the branch up to main first", problems=problems)
