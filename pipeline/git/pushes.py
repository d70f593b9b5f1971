"""What a push may bring: each commit what a step of an agent may, and the branch what a merge takes."""

import os
from collections.abc import Iterator

from factory.errors import InputError
from pipeline.git.command import Git
from pipeline.git.guard import CommitRefused, Entry, Limits, check
from pipeline.git.objects import Item, Logged, changes, entries, read_tree, trailers_of
from pipeline.git.refs import MAIN, NOTHING, full_sha
from pipeline.git.steps import STEP

# New commits of one push; each costs a look at its whole tree.
MOST_COMMITS = 100
NONE = 1


def check_push(git: Git, ref: str, old: str, new: str, limits: Limits) -> None:
    """Raises CommitRefused or InputError unless `ref` may go from commit `old` to `new`, which the git sees already."""
    full_sha(old)
    if git.run("cat-file", "-t", full_sha(new)).text != "commit":
        raise InputError("a branch holds commits only")
    if old != NOTHING and git.run("merge-base", "--is-ancestor", old, new, expect=(0, NONE)).code:
        raise InputError("the push would take commits away from the branch", hint="pull first, and do not force it")
    stem = git.run("merge-base", f"refs/heads/{MAIN}", new, expect=(0, NONE))
    if stem.code:
        raise InputError("what was pushed has no history in common with main", hint="begin from a clone")
    for commit in _arrived(git, new):
        if STEP in commit.trailers:
            raise CommitRefused(
                f"commit {commit.sha[:12]} is refused: it says that it is a step of the factory's",
                hint=f"take the trailer {STEP} out of its message",
            )
        after = read_tree(git, commit.sha)
        brought = _brought(git, commit, after)
        check(brought, entries(after), limits, source=f"commit {commit.sha[:12]}")
    base = stem.text
    if base != new:
        after = read_tree(git, new)
        check(changes(read_tree(git, base), after), entries(after), limits, source=ref.removeprefix("refs/heads/"))


def _brought(git: Git, commit: Logged, after: dict[str, Item]) -> list[Entry]:
    """What a commit has as none of its parents has it: of a merge, not what it takes over."""
    found: dict[str, Entry] | None = None
    for parent in commit.parents or (None,):
        before = read_tree(git, parent) if parent else {}
        changed = {entry.path: entry for entry in changes(before, after)}
        found = changed if found is None else {path: entry for path, entry in found.items() if path in changed}
    return list((found or {}).values())


def _arrived(git: Git, new: str) -> Iterator[Logged]:
    """The commits that no branch has yet. Raises InputError when there are too many."""
    options = ("-z", f"-n{MOST_COMMITS + 1}", "--format=%H %P%n%B")
    out = git.run("log", *options, new, "--not", "--branches", "--").out
    records = list(filter(None, os.fsdecode(out).split("\0")))
    if len(records) > MOST_COMMITS:
        raise InputError(f"more than {MOST_COMMITS} new commits in one push", hint="push them in parts")
    for record in records:
        names, _, message = record.partition("\n")
        sha, *parents = names.split()
        yield Logged(sha, tuple(parents), trailers_of(message))
