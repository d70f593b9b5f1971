"""What `millwright policy check` says to programs: JSON, SARIF for code scanning, JUnit for CI; and by which rules."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from console.commands.options import WrongUsage
from console.show import ERR, escaped
from factory.errors import InputError
from factory.paths import FactoryRoot, find_root
from factory.spec import app_names
from policies import CONTROLS, Control, Enforcement, PolicySettings, context_of, load_policies
from policies.accepted import accepting_here, project_of
from policies.exported import load_stack
from policies.junit import as_junit
from policies.offline import Checked, Outcome, check
from policies.own import controls_of
from policies.sarif import as_sarif
from policies.settings import read_policies, settings_file
from policies.texts import one_line

WORST_FIRST: Final = (Outcome.FAILED, Outcome.UNDECIDED)
GIT: Final = ".git"
APP_YAML: Final = "app.yaml"


class Form(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


Format = Annotated[
    Form,
    typer.Option("--format", help="For people, for programs, for code scanning (SARIF 2.1.0), for CI (JUnit XML)."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write the report there, whole or not at all.", show_default=False),
]


@dataclass(frozen=True)
class Rules:
    """What is judged by: the pack's rules, the factory's own, and its settings. `root`: None outside of any factory."""

    controls: tuple[Control, ...]
    settings: PolicySettings
    root: FactoryRoot | None


def rules_here(file: Path | None) -> Rules:
    """The rules and settings of the policies.yaml `file`, or of the factory here; outside of any the pack's alone.

    Raises InputError for a mistake in the settings or in a rule.
    """
    try:
        root = find_root(Path.cwd())
    except InputError:
        root = None
    if file is not None:
        settings = read_policies(file)
        return Rules(controls_of(file, settings), settings, root)
    if root is None:
        return Rules(CONTROLS, PolicySettings(), None)
    settings = load_policies(root)
    return Rules(controls_of(settings_file(root), settings), settings, root)


def chosen(form: Form, *, as_json: bool, output: Path | None) -> Form:
    """The form that the options ask for. Raises WrongUsage where they contradict each other."""
    if as_json and form not in (Form.TABLE, Form.JSON):
        raise WrongUsage(f"--json means --format json: leave it out, or --format {form}.")
    form = Form.JSON if as_json else form
    if output is not None and form is Form.TABLE:
        raise WrongUsage("--output goes with --format json, sarif or junit.")
    return form


def judged(files: Sequence[Path], rules: Rules) -> dict[Path, Checked]:
    """What the rules say of the stack in each file. Raises InputError for a file without one, and for a stack twice."""
    found: dict[Path, Checked] = {}
    stacks: dict[str, Path] = {}
    for file in files:
        name, stack = load_stack(file)
        if name in stacks:
            raise InputError(f"{stacks[name]} and {file} both hold the stack {name}", hint="name one of them")
        stacks[name] = file
        found[file] = check(rules.controls, name, stack, rules.settings, accepting_here(name, project_of(stack)))
    return found


def write(judged: Mapping[Path, Checked], rules: Rules, form: Form, fail_on: Enforcement, output: Path | None) -> None:
    """Write the report to standard output, or to the file `output`. Raises InputError where that cannot be written."""
    text = _text(judged, rules, form, fail_on)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(output)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise InputError(f"{output} cannot be written: {error.strerror}", hint="name another file") from None
    for checked in judged.values():
        counted = f"{len(checked.findings)} findings, {len(checked.deferred)} undecided"
        ERR.print(f"{escaped(one_line(checked.stack))}: {counted}; the report is in {escaped(str(output))}")


def _text(judged: Mapping[Path, Checked], rules: Rules, form: Form, fail_on: Enforcement) -> str:
    checked = tuple(judged.values())
    if form is Form.JUNIT:
        return as_junit(checked, rules.controls, fail_on)
    if form is Form.SARIF:
        files = {one.stack: quote(_shown_at(rules.root, one.stack, file)) for file, one in judged.items()}
        return json.dumps(as_sarif(checked, rules.controls, files, version("millwright")), indent=2) + "\n"
    return "".join(json.dumps(one.as_json()) + "\n" for one in checked)


def _shown_at(root: FactoryRoot | None, stack: str, judged: Path) -> str:
    """The file that says what the stack declares: of an app's its app.yaml, else the judged file itself."""
    context = context_of(stack)
    # The name is the file's: it may say anything.
    if root is not None and context.environment and context.app in app_names(root):
        return (root.apps / context.app / APP_YAML).relative_to(_checkout(root)).as_posix()
    path = judged.resolve()
    top = Path.cwd() if root is None else _checkout(root)
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else path.name


def _checkout(root: FactoryRoot) -> Path:
    """The folder of the git repository that the factory is in: what a code scanning service takes paths from."""
    return next((folder for folder in (root.path, *root.path.parents) if (folder / GIT).exists()), root.path)
