"""Branches: names that are allowed, where they stand, and moving one only from where it was seen."""

import re

from factory.errors import DecisionRequired, InputError, MillwrightError
from pipeline.git.command import Git, GitFailed
from pipeline.git.objects import SHA

MAIN = "main"
NOTHING = "0" * 40
# No branch: nobody works on what ended, and `git branch` does not list it.
ARCHIVE = "refs/archive/"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
NAME_LENGTH = 160


class Moved(DecisionRequired):
    """A branch is not where it was when something was decided or begun: that has to be looked at again."""


def branch_ref(branch: str) -> str:
    """The ref of a branch. Raises InputError for a name that we give to none."""
    parts = branch.split("/")
    if (
        not _NAME.fullmatch(branch)
        or len(branch) > NAME_LENGTH
        or any(".." in part or part.endswith((".", ".lock")) for part in parts)
    ):
        raise InputError(f"{branch!r} cannot be the name of a branch")
    return f"refs/heads/{branch}"


def work_branch(branch: str) -> str:
    """The ref of a branch that agents' work may go to. Raises InputError for main."""
    if branch == MAIN:
        raise InputError("agents' work goes to a branch of its own, never to main")
    return branch_ref(branch)


def seen(git: Git, branch: str) -> str | None:
    """The commit of a branch; None when there is no such branch."""
    answer = git.run("rev-parse", "--verify", "--quiet", branch_ref(branch), expect=(0, 1))
    return answer.text if answer.code == 0 else None


def find(git: Git, branch: str) -> str:
    """The commit of a branch. Raises MillwrightError when there is no such branch."""
    sha = seen(git, branch)
    if sha is None:
        raise MillwrightError(f"the repository {git.folder.name} has no branch {branch}")
    return sha


def move(git: Git, branch: str, new: str, old: str) -> None:
    """Move a branch from `old` (NOTHING: make it) to `new`. Raises Moved when it is not at `old` any more."""
    try:
        git.run("update-ref", "--no-deref", branch_ref(branch), new, old)
    except GitFailed:
        now = seen(git, branch) or NOTHING
        if now == old:
            raise
        if now != new:
            raise moved(branch, old, now) from None


def retire(git: Git, branch: str) -> None:
    """Remove a branch; when main does not hold its commit, that stays at `refs/archive/<what follows the first />`."""
    while (tip := seen(git, branch)) is not None:
        if git.run("merge-base", "--is-ancestor", tip, branch_ref(MAIN), expect=(0, 1)).code:
            git.run("update-ref", "--no-deref", ARCHIVE + branch.split("/", 1)[-1], tip)
        try:
            git.run("update-ref", "--no-deref", "-d", branch_ref(branch), tip)
        except GitFailed:
            # Somebody pushed meanwhile: that is kept too.
            if seen(git, branch) == tip:
                raise


def moved(branch: str, old: str, now: str) -> Moved:
    """The error of a branch that is at `now` where `old` was expected."""
    return Moved(f"{branch} has moved on: it is at {now[:12]}, not at {old[:12]}", hint="look at it again and decide")


def full_sha(text: str) -> str:
    """`text` when it is the whole name of an object. Raises InputError."""
    if not SHA.fullmatch(text):
        raise InputError(f"{text!r} is not the full name of a commit")
    return text
