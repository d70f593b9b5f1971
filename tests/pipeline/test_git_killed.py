"""Killed anywhere, by any signal: the next one finishes, each effect happens once, and nothing is left behind."""

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from git_place import APP, BRANCH, SOURCE, TRAILERS, Place, place

from factory.paths import FactoryRoot
from pipeline.git import Moved, Repository, command, worktrees
from pipeline.git.locks import STALE_SECONDS, locked

MOST_EFFECTS = 300


def _in_child(work: Callable[[], object]) -> int:
    """Do `work` in a process of its own; how that ended (0, or minus the signal)."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# What has an effect that outlives the process: git commands, and what is moved or removed.
EFFECTS: list[tuple[Any, str]] = [
    (subprocess, "run"),
    (Path, "rename"),
    (Path, "replace"),
    (shutil, "rmtree"),
    (worktrees, "remove_tree"),
]


def _killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do `work` in a child that is killed around its effect `number` (even: before it, odd: after it)."""
    counted = itertools.count()

    def deadly(really: Callable[..., object]) -> Callable[..., object]:
        def effect(*arguments: object, **options: object) -> object:
            now = next(counted)
            if now * 2 == number:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = really(*arguments, **options)
            if now * 2 + 1 == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return effect

    def dying() -> None:
        for owner, name in EFFECTS:
            setattr(owner, name, deadly(getattr(owner, name)))
        work()

    return _in_child(dying) == -signal.SIGKILL


def _whole_story(here: Place) -> tuple[str, str | None, str, str]:
    """Everything that is done to a repository, in order; each part may have been done before."""
    here.repository.ensure(here.source)
    seed = next(iter(here.git("rev-list", "--max-parents=0", "main").split()))
    here.repository.worktree(here.tree, BRANCH, seed)
    here.write("links/tags.py")
    step = here.commit()
    here.repository.remove_worktree(here.tree)
    head = here.repository.head(BRANCH)
    merged = here.merge(head, seed)
    reverted = here.repository.revert(merged, "Take it back", {"Change": "links/add-tags"})
    return seed, step, merged, reverted


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
def test_killed_around_its_effects_the_next_one_ends_with_each_effect_once(tmp_path: Path, every: int) -> None:
    source = place(tmp_path / "first").source
    for number in range(0, MOST_EFFECTS, every):
        here = Place(FactoryRoot(tmp_path / str(number)))
        shutil.copytree(source, here.source)
        killed = _killed_at(number, lambda: _whole_story(here))  # noqa: B023 -- run at once
        seed, step, merged, reverted = _whole_story(here)
        assert here.git("rev-list", "--first-parent", "main").split() == [reverted, merged, seed], number
        assert here.git("rev-list", BRANCH).split() == [step, seed], number
        assert here.repository.files(reverted) == sorted(SOURCE), number
        assert here.repository.worktrees() == []
        assert _leftovers(here) == [], number
        if not killed:
            break
        shutil.rmtree(here.root.path)
    assert 60 < number < MOST_EFFECTS - every


def _leftovers(here: Place) -> list[str]:
    inside = [*here.repository.folder.rglob("*.lock"), *here.repository.folder.glob("scratch-*")]
    beside = [path for path in here.root.git.iterdir() if path.name != f"{APP}.git"]
    return sorted(str(path) for path in [*inside, *beside, *here.tree.parent.iterdir()])


def test_two_processes_that_make_it_at_once_make_one(tmp_path: Path) -> None:
    for number in range(5):
        here = Place(FactoryRoot(tmp_path / str(number)))
        here.source.mkdir(parents=True)
        (here.source / "a.py").write_text("x")
        with ThreadPoolExecutor(4) as pool:
            ends = pool.map(lambda _: _in_child(lambda: here.repository.ensure(here.source)), range(4))  # noqa: B023
            assert list(ends) == [0, 0, 0, 0]
        assert here.git("rev-list", "--count", "main").strip() == "1"
        assert _no_drafts(here)


def _no_drafts(here: Place) -> bool:
    return [path.name for path in here.root.git.iterdir()] == [f"{APP}.git"]


def test_a_repository_that_a_killed_process_left_half_made_is_remade(tmp_path: Path) -> None:
    here = Place(FactoryRoot(tmp_path))
    here.source.mkdir(parents=True)
    (here.source / "a.py").write_text("x")
    draft = here.root.git / f".{APP}.draft"
    draft.mkdir(parents=True)
    (draft / "HEAD").write_text("garbage")
    here.repository.ensure(here.source)
    assert here.repository.files(here.repository.head()) == ["a.py"]
    assert _no_drafts(here)


@pytest.mark.parametrize("left", ["record only", "initialising", "folder gone", "another task's folder gone"])
def test_a_worktree_that_a_killed_process_left_is_made_again(left: str, tmp_path: Path) -> None:
    here = place(tmp_path)
    here.work()
    record = here.repository.worktrees()[0].record
    folder = here.tree
    if left == "record only":
        shutil.rmtree(here.tree)
        for path in ("gitdir", "HEAD"):
            (record / path).unlink()
    elif left == "initialising":
        (record / "locked").write_text("initializing")
        (record / "millwright-tip").unlink()
        (here.tree / "README.md").unlink()
    else:
        shutil.rmtree(here.tree)
        folder = here.tree if left == "folder gone" else here.root.tasks / "t2" / "worktree"
    here.work(folder=folder)
    assert sorted(path.name for path in folder.iterdir()) == [".git", ".github", ".gitignore", "README.md", "links"]
    (only,) = here.repository.worktrees()
    assert only.folder == folder


def test_a_lock_that_a_killed_git_left_does_not_stop_the_next_one_for_long(tmp_path: Path) -> None:
    here = place(tmp_path)
    here.work()
    here.write("a.py")
    old = time.time() - STALE_SECONDS + 0.3
    for name in (f"refs/heads/{BRANCH}.lock", "packed-refs.lock", "HEAD.lock"):
        (here.repository.folder / name).touch()
        os.utime(here.repository.folder / name, (old, old))
    assert here.commit() == here.repository.head(BRANCH)
    assert list(here.repository.folder.rglob("*.lock")) == []


def test_the_next_writer_waits_for_the_git_command_of_a_killed_one(tmp_path: Path) -> None:
    here = place(tmp_path)
    done = tmp_path / "done"
    folder = here.repository.folder

    def killed() -> None:
        with locked(here.root, APP, folder) as git:
            slow = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.5; touch {done}"], pass_fds=git.keep)
            assert slow.pid
            os.kill(os.getpid(), signal.SIGKILL)

    assert _in_child(killed) == -signal.SIGKILL
    assert not done.exists()
    with locked(here.root, APP, folder):
        assert done.exists()


def test_of_two_who_commit_at_once_each_step_is_one_commit(tmp_path: Path) -> None:
    here = place(tmp_path)
    here.work()
    here.write("a.py")
    with ThreadPoolExecutor(3) as pool:
        made = set(pool.map(lambda _: here.commit(), range(3)))
    assert made == {here.repository.head(BRANCH)}
    assert here.git("rev-list", "--count", f"main..{BRANCH}").strip() == "1"


def test_a_push_between_look_and_move_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = place(tmp_path)
    here.work()
    here.write("a.py")
    really = subprocess.run
    pushed: list[str] = []

    def run(*arguments: object, **options: object) -> object:
        # Just before the branch is moved, after all was looked at.
        if "update-ref" in arguments[0] and not pushed and BRANCH in str(arguments[0]):  # type: ignore[operator]
            pushed.append("")
            pushed[0] = here.push_by_hand("b.py")
        return really(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(command.subprocess, "run", run)
    with pytest.raises(Moved):
        Repository(here.root, APP).commit_step(here.tree, BRANCH, message="m", trailers=TRAILERS, key="t1/1")
    assert here.repository.head(BRANCH) == pushed[0]
