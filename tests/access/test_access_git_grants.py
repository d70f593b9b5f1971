"""A repository's grant whole, with real git at both ends: cloned, pushed to one branch, recorded, ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from git_door_place import BRANCH, Door, door_place

from access.grants import State


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with door_place(tmp_path) as made:
        yield made


def test_a_task_clones_and_pushes_to_the_branch_of_its_change(door: Door) -> None:
    given = door.given()
    clone = door.clone(given)
    sha = door.commit(clone, {"sums.py": "SUMS = {'a': 1}\n"})
    pushed = door.git(given, "push", "--quiet", "origin", BRANCH, at=clone)
    assert pushed.returncode == 0, pushed.stderr
    assert door.repository.head(BRANCH) == sha
    door.end(given.grant)
    door.look()
    assert door.place.state(given.grant) is State.ENDED
