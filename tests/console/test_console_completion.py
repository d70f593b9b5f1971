"""What a shell is offered after a word that was begun."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.paths import FactoryRoot

MILLWRIGHT = Path(sys.executable).parent / "millwright"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("up ", {"links", "platform"}),
        ("up l", {"links"}),
        ("up links st", {"staging"}),
        ("clou", {"cloud"}),
        ("up nosuch", set()),
    ],
)
def test_a_shell_completes_commands_apps_and_environments(root: FactoryRoot, words: str, offered: set[str]) -> None:
    environment = os.environ | {
        "_MILLWRIGHT_COMPLETE": "complete_bash",
        "COMP_WORDS": f"millwright {words}",
        "COMP_CWORD": str(len(f"millwright {words}".split(" ")) - 1),
    }
    answer = subprocess.run(
        [MILLWRIGHT], cwd=root.path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert set(answer.stdout.split()) == offered, answer.stderr


def test_outside_a_factory_nothing_is_offered_and_nothing_breaks(tmp_path: Path) -> None:
    environment = os.environ | {
        "_MILLWRIGHT_COMPLETE": "complete_bash",
        "COMP_WORDS": "millwright up ",
        "COMP_CWORD": "2",
    }
    answer = subprocess.run(
        [MILLWRIGHT], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (answer.stdout.strip(), answer.stderr) == ("", "")
