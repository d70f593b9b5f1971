"""Every test of the loop has a worktree, a twin and a door of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from agents_place import STORE, TEST, Factory, Surroundings, git

from access.client import Upstream
from agents.twin import Twin
from pipeline.task_door import TaskDoor


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Surroundings]:
    """A worktree with a module and its test, a twin without scripts, an open door."""
    repository, folder = tmp_path / "repository", tmp_path / "task"
    repository.mkdir()
    folder.mkdir()
    git(repository, "init", "-q", "-b", "main")
    (repository / "store.py").write_text(STORE)
    (repository / "test_store.py").write_text(TEST)
    (repository / ".gitignore").write_text("__pycache__/\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "seed")
    git(repository, "worktree", "add", "-q", "-b", "change/sums", str(folder / "worktree"))
    factory = Factory(folder / "worktree")
    twin = Twin(tmp_path / "apps")
    usages: list[object] = []
    twins = Upstream(twin.start(), None)
    door = TaskDoor(lambda *_: twins, factory.on_step, lambda task, usage: usages.append((task, usage)))
    door.start()
    yield Surroundings(tmp_path, twin, door, factory, usages)
    door.stop()
    twin.stop()
