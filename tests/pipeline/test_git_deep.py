"""Worktrees that are too deep, too big or in the way: refused and removed, whatever they hold."""

import os
import stat
from pathlib import Path

import pytest
from git_place import BRANCH, Place
from test_git_hostile import here as here  # noqa: PLC0414  (the fixture)
from test_git_hostile import no_utf8, pipe

from pipeline.git import Limits, snapshot

READ = snapshot._read


def _deep(folder: Path, depth: int) -> None:
    """Deeper than any path may be long, as code in a sandbox can make it."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


def test_an_ignore_file_below_a_path_that_is_too_long_is_refused(here: Place) -> None:
    here.write("a.py")
    descriptor = os.open(here.tree, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=descriptor)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    for name in (".gitignore", "f"):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    long = "/".join(["d" * 250] * 20)
    assert here.refused() == [f"{long}/.gitignore", f"{long}/f"]
    here.repository.restore(here.tree, BRANCH)
    here.write("a.py")
    assert here.refused() == []


def test_files_are_read_no_further_than_to_the_limit(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(file: int, limit: int) -> bytes:
        read.append(len(content := READ(file, limit)))
        return content

    monkeypatch.setattr(snapshot, "_read", counted)
    few = Place(here.root, Limits(changed_bytes=900_000, tree_bytes=1_000_000))
    here.write(".gitignore", "s*\n")
    for number in range(30):
        with (here.tree / f"s{number}").open("wb") as file:
            file.truncate(100_000)
    assert few.refused() == ["the worktree"]
    assert sum(read) < 1_200_000
    # What is ignored and not far too much stops nothing.
    for number in range(3, 30):
        (here.tree / f"s{number}").unlink()
    assert few.refused() == []


def test_a_worktree_is_removed_whatever_it_holds(here: Place) -> None:
    outside = here.root.path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "kept").write_text("x")
    _deep(here.tree, 5000)
    (here.tree / "loop").symlink_to("loop")
    (here.tree / "out").symlink_to(outside)
    pipe(here)
    locked = here.write("locked/x.py")
    locked.parent.chmod(0)
    no_utf8(here)
    here.repository.remove_worktree(here.tree)
    assert not here.tree.exists()
    assert (outside / "kept").read_text() == "x"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


def test_a_worktree_that_is_far_too_deep_is_refused_and_made_again(here: Place) -> None:
    here.write("a.py")
    _deep(here.tree, 5000)
    assert here.refused() == ["/".join(["d"] * 24)]
    here.repository.restore(here.tree, BRANCH)
    here.write("a.py")
    assert here.refused() == []
