"""The table of attacks names tests that there are, and has each of the twelve."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "access-attacks.md"
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
ATTACKS = 12


def rows(text: str) -> list[str]:
    """Of the table, without its head."""
    return [line for line in text.splitlines() if line.startswith("| **")]


def missing(text: str) -> list[str]:
    """Tests that are named and are not there."""
    return [f"{file}::{test}" for file, test in NAMED.findall(text) if test not in functions(file)]


def functions(file: str) -> set[str]:
    """Of the test file of that name, wherever it is: names are unique."""
    found = [path for path in (ROOT / "tests").rglob(file) if path.is_file()]
    trees = [ast.parse(path.read_text()) for path in found]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_test_that_is_named_is_there() -> None:
    text = PAGE.read_text()
    assert missing(text) == []
    assert missing(text + "`test_access_door.py::test_that_nobody_wrote` `test_nowhere.py::test_x`") == [
        "test_access_door.py::test_that_nobody_wrote",
        "test_nowhere.py::test_x",
    ]


def test_each_attack_is_in_the_table_and_each_row_names_a_test() -> None:
    found = rows(PAGE.read_text())
    assert {int(row.split("**")[1]) for row in found} == set(range(1, ATTACKS + 1))
    assert [row for row in found if not NAMED.search(row)] == []
