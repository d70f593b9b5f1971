"""A folder that hostile code wrote is removed, however deep, whatever its modes, through no link."""

import os
import shutil
from pathlib import Path

import pytest

from factory.trees import remove_tree

DEEP = 1500


def nested(folder: Path, depth: int) -> None:
    """`depth` folders, one in the other: too long for a path."""
    above = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=above)
        below = os.open("d", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)


def test_a_folder_too_deep_for_recursion_is_removed(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    nested(hostile, DEEP)
    with pytest.raises(RecursionError):
        shutil.rmtree(hostile, ignore_errors=True)
    remove_tree(hostile)
    assert not hostile.exists()


def test_a_folder_without_permissions_is_removed_and_what_a_link_names_stays(tmp_path: Path) -> None:
    hostile, kept = tmp_path / "hostile", tmp_path / "kept"
    (hostile / "a" / "b").mkdir(parents=True)
    kept.mkdir()
    (kept / "file").write_text("kept")
    (hostile / "a" / "link").symlink_to(kept)
    (hostile / "a").chmod(0)
    hostile.chmod(0)
    remove_tree(hostile)
    remove_tree(hostile)
    assert not hostile.exists()
    assert (kept / "file").read_text() == "kept"
