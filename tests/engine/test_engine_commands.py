"""The table of commands says what the real CLI says: a flag read otherwise would have another stack judged."""

import os
import re
import subprocess

import pytest

from engine.cli import Cli
from engine.commands import COMMANDS, Effect

pytestmark = pytest.mark.engine

LINE = re.compile(r"^ +(?:-(?P<short>\w), )?(?: {4})?--(?P<name>[\w-]+)(?P<rest>.*)$")
# Hidden, and understood.
HIDDEN = {("stack history", "json"), ("up", "plan")}
TYPES = {"string", "stringArray", "strings", "int", "int32"}


def told(cli: Cli, command: str) -> dict[str, tuple[str | None, bool, str | None]]:
    """Each flag that the CLI's help names: its short letter, whether it takes the next word, what it is when bare."""
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true", "COLUMNS": "500"}
    answer = subprocess.run(
        [cli.path, *command.split(), "--help"], env=environment, capture_output=True, text=True, check=True
    )
    found = {}
    for match in filter(None, map(LINE.match, answer.stdout.splitlines())):
        kind, _, _ = match["rest"].strip().partition("  ")
        type_name, _, bare = kind.partition("[=")
        known = type_name in TYPES or (bool(kind) and not match["rest"].startswith("  ") and "default" not in kind)
        found[match["name"]] = (match["short"], known and not bare, bare.strip(']"') or None)
    return found


@pytest.mark.parametrize("command", [name for name, known in COMMANDS.items() if known.effect is not Effect.NO_STACK])
def test_the_table_says_what_the_cli_says(engine_cli: Cli, command: str) -> None:
    if not engine_cli.version.startswith("v3.259."):
        pytest.skip(f"the table is that of 3.259, and this is {engine_cli.version}")
    real = told(engine_cli, command)
    flags = COMMANDS[command].flags
    assert "stack" in real
    assert {text.partition("=")[0] for text in COMMANDS[command].on_production or ()} <= flags.keys()
    for flag in set(flags.values()):
        if (command, flag.name) in HIDDEN:
            continue
        assert flag.name in real, flag
        short, takes_value, bare = real[flag.name]
        # Help puts the name of a value in backquotes, which `--show-secrets false` has as well and takes none.
        if flag.name != "show-secrets":
            assert (flag.takes_value, flag.bare) == (takes_value, bare), flag
        letters = {letter for letter, known in flags.items() if known == flag and len(letter) == 1}
        # What is run says --stack, so its letter may always be read.
        assert letters <= {short} or flag.name == "stack", flag
