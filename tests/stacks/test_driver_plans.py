"""A preview that keeps its plan: whole or not at all, and only a plan. With the engine: test_ci_commands."""

import json
from pathlib import Path

import pytest
from pulumi.automation import CommandError

from factory.errors import InputError
from stacks.driver.plans import PlanningCommand

PLAN = '{\n    "steps": [],\n    "note": "a  b"\n}'


def command(folder: Path, says: str, code: int = 0) -> PlanningCommand:
    """A CLI that says this, after what it was asked."""
    cli = folder / "pulumi"
    (folder / "says").write_text(says)
    cli.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\ncat {folder}/says\nexit {code}\n')
    cli.chmod(0o755)
    return PlanningCommand(cli, "v3.272.0", folder / "plans" / "links-build.json")


@pytest.mark.parametrize("code", [0, 1])
def test_a_plan_is_kept_also_of_a_preview_that_fails(code: int, tmp_path: Path) -> None:
    asked = command(tmp_path, PLAN, code)
    if code:
        with pytest.raises(CommandError):
            asked.run(["preview", "--stack", "links-build"], str(tmp_path), {})
    else:
        asked.run(["preview", "--stack", "links-build"], str(tmp_path), {})
    kept = list((tmp_path / "plans").iterdir())
    assert [file.name for file in kept] == ["links-build.json"]
    assert json.loads(kept[0].read_text()) == json.loads(PLAN)
    assert (tmp_path / "asked").read_text().split()[-2:] == ["--json", "--show-sames"]


@pytest.mark.parametrize("says", ["", "error: no such stack", "[]", '{"diagnostics": []}', '{"steps": ['])
def test_what_is_no_plan_is_not_kept(says: str, tmp_path: Path) -> None:
    command(tmp_path, says).run(["preview"], str(tmp_path), {})
    assert not (tmp_path / "plans").exists()


def test_other_commands_are_asked_as_ever(tmp_path: Path) -> None:
    assert command(tmp_path, PLAN).run(["stack", "ls"], str(tmp_path), {}).stdout == PLAN
    assert (tmp_path / "asked").read_text() == "--non-interactive stack ls\n"
    assert not (tmp_path / "plans").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("a file")
    with pytest.raises(InputError, match=r"links-build\.json cannot be written"):
        command(tmp_path, PLAN).run(["preview"], str(tmp_path), {})
    assert (tmp_path / "plans").read_text() == "a file"
