"""Names, docstrings and sizes: what a room and a module may look like."""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

HERE = "tests/lint/layout.py"
FILE_LINES = 350
FUNCTION_LINES = 60
ROOM_DOCSTRING = range(2, 7)
PACKAGE_DOCSTRING = range(1, 7)
# Long for a reason. A file, or `file:function`.
LONGER: Mapping[str, str] = {
    "access/audit/outside.py": "one file that runs anywhere, with nothing of ours beside it: that is what it is for",
    "tests/localcloud/localcloud_cases_core.py": "a table: one case per resource type",
    "tests/localcloud/test_localcloud_engine.py:everything": "a program: one declaration of every resource type",
}
# Folders of tables: the good and bad cases of every control, a module for each group.
TABLES = frozenset({"tests/policies/policy_cases"})
# Folders of scripts that a tool runs by their path, so they are no packages.
RUN_BY_PATH = frozenset({"factory/migrations/versions"})


def rooms(root: Path) -> list[str]:
    """The top-level packages, as pyproject.toml lists them."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    return list(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def offences(root: Path, files: Sequence[str], longer: Mapping[str, str] = LONGER) -> Iterator[str]:
    """Every offence of the layout. `files` are the repository's, by path relative to `root`."""
    packages = rooms(root)
    python = [PurePosixPath(name) for name in files if name.endswith(".py")]
    yield from undescribed(root, packages, python)
    for path in python:
        if path.parts[0] in packages:
            yield from shadowing(path)
    yield from too_long(root, python, longer)


def undescribed(root: Path, packages: Sequence[str], python: Sequence[PurePosixPath]) -> Iterator[str]:
    """Packages without the docstring that says what they are for and who may import them."""
    folders = sorted({path.parent for path in python if path.parts[0] in packages})
    for folder in folders:
        init = folder / "__init__.py"
        if init not in python:
            if folder.as_posix() not in RUN_BY_PATH:
                yield f"{init}: missing: a package says in about three lines what it is for and who may import it"
            continue
        text = ast.get_docstring(ast.parse((root / init).read_text())) or ""
        lines = len([line for line in text.splitlines() if line.strip()])
        allowed = ROOM_DOCSTRING if folder.as_posix() in packages else PACKAGE_DOCSTRING
        if lines not in allowed:
            yield f"{init}: its docstring has {lines} lines; about three say what it is for and who may import it"


def shadowing(path: PurePosixPath) -> Iterator[str]:
    """Modules and packages named like one of the standard library's."""
    names = [*path.parts[:-1], path.stem]
    for name in names:
        if name in sys.stdlib_module_names:
            yield f"{path}: {name} is a module of the standard library: choose another name"


def too_long(root: Path, python: Sequence[PurePosixPath], longer: Mapping[str, str]) -> Iterator[str]:
    """Files and functions that no longer fit in the head, and exceptions that are none any more."""
    used = set()
    for path in python:
        if path.parent.as_posix() in TABLES:
            continue
        text = (root / path).read_text()
        for place, lines, limit in _sizes(path, text):
            if lines <= limit:
                continue
            if place in longer:
                used.add(place)
            else:
                yield f"{place}: {lines} lines, the limit is {limit}: split it, or list it with its reason in {HERE}"
    for place in longer:
        if place not in used:
            yield f"{HERE}: {place} is within the limit (or gone): take it off the list"


def _sizes(path: PurePosixPath, text: str) -> Iterator[tuple[str, int, int]]:
    yield str(path), len(text.splitlines()), FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, FUNCTION_LINES
