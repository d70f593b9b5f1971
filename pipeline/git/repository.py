"""One app's repository: the public door of this package."""

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from factory.errors import InputError, MillwrightError, Problem
from factory.paths import FactoryRoot, private_folder
from factory.spec import AppName
from pipeline.git import merging, steps, worktrees
from pipeline.git.command import Git, visible
from pipeline.git.folders import write_out
from pipeline.git.guard import Limits, links, shape
from pipeline.git.hooks import ensure_hooks
from pipeline.git.locks import locked
from pipeline.git.merging import MainMove, MergeCheck, Moving
from pipeline.git.objects import changes, commit_tree, entries, log, read_tree, write_blobs, write_tree
from pipeline.git.refs import MAIN, NOTHING, branch_ref, find, full_sha, move, retire, seen, work_branch
from pipeline.git.worktrees import Worktree

# The first commit is the same in every factory that starts from the same source.
SEEDED = 946_684_800
CHANGE = "Change"
SEED_MESSAGE = "The app as it was given to the factory\n"
OLDEST_GIT = (2, 38)
DIFF_BYTES = 200_000
# What no file of any tree decides for itself: it has the highest precedence (gitattributes(5)).
ATTRIBUTES = "* !text !eol !crlf !ident !filter !diff !merge !working-tree-encoding !export-ignore !export-subst\n"


class Repository:
    """The bare repository of one app, and all that the factory does with it.

    Writing is done by one process at a time; every method may be repeated after a kill, at any point of it.
    `clock` gives seconds since 1970. `moving` is told before main is made or moved, with the commit it is at and the
    one that it is about to be at; what it raises stops that.
    """

    def __init__(
        self,
        root: FactoryRoot,
        app: str,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        moving: Moving = lambda _base, _commit: None,
    ) -> None:
        try:
            TypeAdapter(AppName).validate_python(app)
        except ValidationError:
            raise InputError(f"{app!r} cannot be the name of an app") from None
        self._root = root
        self._app = app
        self._limits = limits or Limits()
        self._clock = clock
        self._moving = moving

    @cached_property
    def folder(self) -> Path:
        """The bare repository's folder."""
        return self._root.git.resolve() / f"{self._app}.git"

    @property
    def _git(self) -> Git:
        if not self.folder.is_dir():
            raise MillwrightError(f"{self._app} has no repository yet", hint="it is made when a change is taken up")
        return Git(self.folder)

    def _now(self) -> MainMove:
        return MainMove(int(self._clock()), self._moving)

    def _writing(self) -> AbstractContextManager[Git]:
        return locked(self._root, self._app, self._git.folder)

    def ensure(self, source: Path) -> None:
        """Make the repository, unless it is there: one commit on main that holds the folder `source`.

        Raises InputError when the source holds what no tree may: special files, links, too much.
        """
        if self.folder.is_dir():
            # One from before, or whose Python has moved.
            ensure_hooks(self.folder)
            return
        private_folder(self._root.git)
        with locked(self._root, self._app, self._root.git.resolve()) as git:
            if self.folder.is_dir():
                return
            # Whole or not there: what a killed process left beside it is made again.
            draft = self.folder.with_name(f".{self._app}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            drafted = Git(draft, git.keep)
            self._seed(drafted, source)
            self._moving(NOTHING, find(drafted, MAIN))
            draft.rename(self.folder)

    def exists(self, branch: str) -> bool:
        """Whether there is such a branch."""
        return seen(self._git, branch) is not None

    def head(self, branch: str = MAIN) -> str:
        """The commit of a branch. Raises MillwrightError when there is no such branch."""
        return find(self._git, branch)

    def files(self, treeish: str) -> list[str]:
        """The paths of a commit's files, sorted."""
        return sorted(read_tree(self._git, full_sha(treeish)))

    def worktree(self, folder: Path, branch: str, base: str) -> Path:
        """The worktree at `folder` on `branch`, made (the branch too, at commit `base`) unless it is there whole.

        What a killed process left half-made is made again. A folder whose branch has gone on without it is made
        again too. Raises Busy when another worktree has the branch, MillwrightError for a folder of other content.
        """
        work_branch(branch)
        place = _place(folder)
        with self._writing() as git:
            if seen(git, branch) is None:
                move(git, branch, full_sha(base), NOTHING)
            return worktrees.make(git, place, branch).folder

    def remove_worktree(self, folder: Path) -> None:
        """Remove a worktree, whatever was put into it; its branch stays. One that is gone already is fine.

        Raises MillwrightError for a folder that is no worktree of this app.
        """
        place = _place(folder)
        with self._writing() as git:
            present = worktrees.of_folder(git, place)
            if present is not None:
                worktrees.forget(git, present)
            elif os.path.lexists(place):
                raise MillwrightError(f"{folder} is no worktree of {self._app}")

    def retire(self, branch: str) -> None:
        """Remove the branch of a change that has ended. What main does not hold of it stays at `refs/archive/...`.

        One that is gone already is fine, and so is an app that has no repository yet.
        """
        work_branch(branch)
        if self.folder.is_dir():
            with self._writing() as git:
                retire(git, branch)

    def worktrees(self) -> list[Worktree]:
        """Every worktree of the app."""
        with self._writing() as git:
            return worktrees.worktrees(git)

    def commit_step(
        self, folder: Path, branch: str, *, message: str, trailers: Mapping[str, str], key: str
    ) -> str | None:
        """One commit of everything that changed in the worktree, with `trailers` and `Step: <key>`; its name.

        None when nothing changed. A key that the branch holds already gives that commit, and nothing is written.
        Raises CommitRefused (as a whole: branch, index and folder stay as they were), Moved when the branch is not
        where the worktree stems from.
        """
        work_branch(branch)
        with self._writing() as git:
            return steps.commit_step(
                git,
                _place(folder),
                branch,
                message=message,
                trailers={**trailers, steps.STEP: key},
                limits=self._limits,
                seconds=int(self._clock()),
            )

    def restore(self, folder: Path, branch: str) -> None:
        """Make the worktree what its branch holds, as a whole: nothing uncommitted is left in it, refused or not.

        Raises MillwrightError when the folder is no worktree of that branch.
        """
        work_branch(branch)
        place = _place(folder)
        with self._writing() as git:
            present = worktrees.of_folder(git, place)
            if present is None or present.branch != branch:
                raise MillwrightError(f"{folder} is no worktree of {branch}")
            worktrees.forget(git, present)
            worktrees.make(git, place, branch)

    def diff(self, base: str, head: str, *, limit: int = DIFF_BYTES) -> str:
        """What changed between two commits, as text for people: at most `limit` bytes, and said when that cuts it.

        Characters that a terminal would obey or an eye would miss are spelled out.
        """
        options = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--submodule=short")
        out, cut = self._git.beginning("diff", *options, full_sha(base), full_sha(head), "--", limit=limit)
        text = visible(out.decode(errors="surrogateescape"))
        note = f"\n[cut here: only the first {limit} bytes are shown; the list of files is whole]\n"
        return text + note if cut else text

    def changed_files(self, base: str, head: str) -> list[str]:
        """The paths that differ between two commits, sorted."""
        git = self._git
        return [entry.path for entry in changes(read_tree(git, full_sha(base)), read_tree(git, full_sha(head)))]

    def merge_base(self, branch: str) -> str:
        """The commit at which a branch left main, or last took from it; also when main has merged it since."""
        git = self._git
        return merging.fork(git, find(git, branch))

    def merge_check(self, branch: str) -> MergeCheck:
        """What merging the branch into main would give: a tree that can be exported, and the conflicts."""
        return merging.merge_check(self._git, self.head(), self.head(branch))

    def merged(self, head: str) -> str | None:
        """The commit on main that merged `head`, whoever made it; None when none did."""
        done = merging.already_merged(self._git, full_sha(head))
        return done.sha if done else None

    def merged_as(self, head: str, trailers: Mapping[str, str]) -> str | None:
        """The commit on main that is exactly what `merge` makes of `head` with these trailers; None when none is."""
        git = self._git
        done = merging.already_merged(git, full_sha(head))
        return done.sha if done and merging.made_as(git, done, head, trailers) else None

    def merged_changes(self, commit: str, *, since: str | None) -> list[str]:
        """The changes that main took on its way to `commit`, newest first; with `since`, only after that commit."""
        selection = [full_sha(commit), *([f"^{full_sha(since)}"] if since else [])]
        found = (each.trailers.get(CHANGE) for each in log(self._git, *selection))
        return list(dict.fromkeys(change for change in found if change))

    def seed(self) -> str:
        """The first commit of main: the app as it was given."""
        return self._git.run("rev-list", "--max-parents=0", "--first-parent", branch_ref(MAIN)).text

    def holds(self, commit: str) -> bool:
        """Whether main holds a commit."""
        return self.contains(self.head(), commit)

    def contains(self, commit: str, other: str) -> bool:
        """Whether `other` is in the history of `commit`, or is it. False for one that is not known here."""
        ask = ("merge-base", "--is-ancestor", full_sha(other), full_sha(commit))
        return self._git.run(*ask, expect=(0, 1, 128)).code == 0

    def merge(
        self, branch: str, *, expected_head: str, expected_base: str, message: str, trailers: Mapping[str, str]
    ) -> str:
        """Merge a branch into main by a commit of its own; its name. Made exactly so before, it is that commit.

        Raises Moved when branch or main is not where it was when this was decided, Conflicts, CommitRefused when
        the branch holds what no agent may commit (however it got there), InputError when there is nothing to merge.
        """
        with self._writing() as git:
            return merging.merge(
                git,
                branch,
                expected=(expected_base, expected_head),
                message=message,
                trailers=trailers,
                limits=self._limits,
                move_at=self._now(),
            )

    def revert(self, sha: str, message: str, trailers: Mapping[str, str]) -> str:
        """Take a commit of main (mostly a merge) back, by a new commit that says so; its name. Once only.

        Raises Conflicts when later work builds on it, InputError when main does not hold it.
        """
        with self._writing() as git:
            return merging.revert(git, sha, message=message, trailers=trailers, move_at=self._now())

    def export(self, treeish: str, folder: Path) -> None:
        """Write the plain tree of a commit (or tree) to the new folder `folder`: no `.git`, whole or not at all.

        Raises InputError for a tree that holds what none may, MillwrightError when the folder is not empty.
        """
        git = self._git
        tree = read_tree(git, full_sha(treeish))
        limits = self._limits.for_whole_trees()
        held = entries(tree)
        _require_none(git.folder.name, tuple(shape(held, held, limits)))
        write_out(git, tree, _place(folder))

    def _seed(self, git: Git, source: Path) -> None:
        version = _version(git)
        if version < OLDEST_GIT:
            raise MillwrightError(f"git {'.'.join(map(str, version))} is too old", hint="install git 2.38 or newer")
        git.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={MAIN}", str(git.folder))
        (git.folder / "info").mkdir(exist_ok=True)
        (git.folder / "info" / "attributes").write_text(ATTRIBUTES)
        ensure_hooks(git.folder)
        limits = self._limits.for_whole_trees()
        found = steps.gather(git, source, {}, limits)
        held = entries(found.tree)
        _require_none(str(source), (*links(held), *shape(held, held, limits)))
        write_blobs(git, {item.sha: found.contents[item.sha] for item in found.tree.values()})
        index = git.folder / "millwright-index"
        tree = write_tree(git, found.tree, index)
        index.unlink()
        move(git, MAIN, commit_tree(git, tree, [], SEED_MESSAGE, SEEDED), NOTHING)


def _require_none(what: str, found: tuple[Problem, ...]) -> None:
    if found:
        raise InputError(f"{what} holds what no app's tree may", problems=found)


def _place(folder: Path) -> Path:
    """The folder's one name: git records resolved ones. Its last part is not resolved: it may be hostile."""
    return folder.parent.resolve() / folder.name


def _version(git: Git) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", git.run("version").text)
    return tuple(int(part) for part in found.groups()) if found else (0, 0)
