"""A command imports what it needs: the others are there by name only, and the help has them all."""

import subprocess
import sys
from typing import Any

import pytest
import typer

from console.cli import COMMANDS, command_line
from console.commands import access, factory, policy

NAMES = [name for names in COMMANDS.values() for name in names]
WITHOUT_DATABASE = """
import sys
from console.cli import command_line
command_line(sys.argv[1:])
print(*sorted(sys.modules))
"""


def commands(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = vars(typer.main.get_command(command_line(words)))["commands"]
    return {name: described(command) for name, command in found.items()}


def described(command: Any) -> Any:
    inner = {name: described(each) for name, each in getattr(command, "commands", {}).items()}
    return command.help, [(each.name, each.opts, each.required) for each in command.params], inner


def test_the_whole_command_line_has_every_command_that_is_named() -> None:
    assert sorted(commands()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_alone_is_what_it_is_among_all(name: str) -> None:
    assert commands(name, "--help")[name] == commands()[name]


def test_what_names_no_command_meets_them_all() -> None:
    assert set(commands("upp")) == set(commands("--help")) == set(NAMES)


@pytest.mark.parametrize(("words", "loaded"), [(("up", "links", "build"), False), (("review", "1"), True)])
def test_an_update_loads_no_database_before_its_own_process_does(words: tuple[str, ...], loaded: bool) -> None:
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_DATABASE, *words], capture_output=True, text=True, check=True
    ).stdout.split()
    assert ("sqlalchemy" in told) is loaded
    assert ("pipeline" in told) is loaded


@pytest.mark.parametrize(
    ("name", "group"), [("policy", policy.policy), ("access", access.app), ("factory", factory.app)]
)
def test_a_command_line_that_is_made_again_has_no_more_commands(name: str, group: typer.Typer) -> None:
    command_line([name])
    before = len(group.registered_commands), len(group.registered_groups)
    command_line([name])
    assert (len(group.registered_commands), len(group.registered_groups)) == before
    assert before[0] > 1
