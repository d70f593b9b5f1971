"""The generated pages of docs/reference, each a function of the code to Markdown."""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from console.cli import command_line
from factory import errors
from factory.errors import ExitCode
from factory.exceptions import FILE, Accepted
from factory.settings import FILE_ONLY, Settings, variable_of
from factory.spec import AppSpec
from localcloud.provider import config as provider
from localcloud.supported import SupportedType, supported_invokes, supported_types
from policies import CONTROLS, PACK_NAME, Control
from policies.accepted import never_excepted
from tests.lint.fields import Row, rows

Lines = Iterator[str]


def settings(root: Path) -> Lines:
    """Every key of millwright.yaml."""
    del root
    yield "# millwright.yaml"
    yield ""
    yield "The factory's settings. Every key has an embedded default; the variable, where set, wins over the file."
    yield "An unknown key is an error."
    yield ""
    for row in rows(Settings):
        yield f"## `{row.key}`"
        yield ""
        yield row.description
        yield ""
        yield from _table(
            ("type", "limits", "default", "variable"),
            [(row.kind, row.limits or "none", row.default or "must be given", _variable(row.key))],
        )
        yield ""


def _variable(key: str) -> str:
    return "none" if key in FILE_ONLY else f"`{variable_of(key)}`"


def app_yaml(root: Path) -> Lines:
    """Every key of apps/<app>/app.yaml, table by table, and a whole example."""
    yield "# app.yaml"
    yield ""
    yield "`apps/<app>/app.yaml` says what an app is and what its factory holds. An unknown key is an error;"
    yield "`millwright app validate` lists every mistake with its place; `millwright app schema` is the JSON Schema."
    models: list[type[BaseModel]] = [AppSpec]
    for model in models:
        fields = list(rows(model))
        models += dict.fromkeys(part for row in fields for part in row.parts if part not in models)
        yield ""
        yield f"## {model.__name__}"
        yield ""
        yield inspect.getdoc(model) or ""
        if fields:
            yield ""
            yield from _table(("key", "type", "limits", "default", "meaning"), [_field_cells(row) for row in fields])
    example = root / "apps" / "links" / "app.yaml"
    yield ""
    yield "## Example"
    yield ""
    yield f"`{example.relative_to(root)}`:"
    yield ""
    yield "```yaml"
    yield from example.read_text().splitlines()
    yield "```"


def exit_codes(root: Path) -> Lines:
    """Every exit code, with the docstring of its member."""
    del root
    yield "# Exit codes"
    yield ""
    yield "What the exit status of a `millwright` command means. With `--json`, an error is one document on stdout."
    yield ""
    meanings = member_docstrings(inspect.getsource(errors), ExitCode.__name__)
    yield from _table(
        ("code", "name", "meaning"),
        [(str(code.value), f"`{code.name}`", meanings[code.name]) for code in ExitCode],
    )


def cli(root: Path) -> Lines:
    """Every command with its arguments and options."""
    del root
    yield "# The `millwright` command"
    yield ""
    yield "Exit codes: [exit-codes.md](exit-codes.md). Plain `pulumi` works on the same stacks: see"
    yield "[two doors](../explanation/two-doors.md)."
    yield from _command("millwright", typer.main.get_command(command_line()))


def policies(root: Path) -> Lines:
    """Every control of the pack."""
    del root
    yield "# Policies"
    yield ""
    yield f"The controls of the policy pack `{PACK_NAME}`. A mandatory one stops the operation before the resource is"
    yield "touched (one that reads the whole stack: at the end of the preview); an advisory one warns. What is not"
    yield "known in a preview is judged in the update. A finding can be [accepted](../how-to/accept-a-finding.md) for a"
    yield "while, but for those of the controls that say never."
    yield ""
    yield from _table(
        ("number", "control", "severity", "enforcement", "reads", "exceptions"),
        [_control_cells(control) for control in sorted(CONTROLS, key=lambda c: c.number)],
    )
    for control in sorted(CONTROLS, key=lambda c: c.number):
        yield ""
        yield from _control(control)


def exceptions_yaml(root: Path) -> Lines:
    """Every key of an entry of exceptions.yaml."""
    del root
    yield f"# {FILE}"
    yield ""
    yield "Findings that people accepted: a list `exceptions:` of entries, which `millwright policy except` and `policy"
    yield "accept` write. A mistake in it stops every operation: see [accept a finding](../how-to/accept-a-finding.md)."
    yield "`exceptions.requested.yaml` has the same entries without the last three keys, and covers nothing."
    yield ""
    fields = Accepted.model_fields.items()
    keys = [(f"`{name}`", "yes" if field.is_required() else "no", field.description or "") for name, field in fields]
    yield from _table(("key", "must be given", "meaning"), keys)


def localcloud(root: Path) -> Lines:
    """Every resource type and function of the local AWS."""
    del root
    types = supported_types()
    yield "# The local cloud"
    yield ""
    yield "What the embedded stand-in for AWS serves to Pulumi programs that use `pulumi_aws`. A property is honoured,"
    yield "kept without effect (with the reason), or refused by name; nothing is dropped silently. A type or function"
    yield "that is not listed is refused by name."
    yield ""
    yield "## Provider"
    yield ""
    yield f"Honoured arguments: {_codes(provider.HONOURED)}. A twelve-digit `accessKey` names the account."
    yield ""
    yield f"Without effect, because there are no credentials to find or check: {_codes(provider.WITHOUT_EFFECT)}."
    yield ""
    yield "## Functions"
    yield ""
    yield from (f"- `{token}`" for token in supported_invokes())
    yield ""
    yield f"## Resource types ({len(types)})"
    for supported in types:
        yield ""
        yield from _supported(supported)


PAGES = {
    "settings.md": settings,
    "app-yaml.md": app_yaml,
    "exit-codes.md": exit_codes,
    "cli.md": cli,
    "policies.md": policies,
    "exceptions-yaml.md": exceptions_yaml,
    "localcloud.md": localcloud,
}


def member_docstrings(source: str, name: str) -> dict[str, str]:
    """The string right under each member of class `name`. Raises KeyError for a member without one."""
    body = next(n.body for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == name)
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            member = node.targets[0].id
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                raise KeyError(f"{name}.{member} has no docstring under it")
            found[member] = " ".join(str(after.value.value).split())
    return found


def _field_cells(row: Row) -> tuple[str, ...]:
    default = "**must be given**" if row.default is None else row.default
    return (f"`{row.key}`", row.kind, row.limits, default, row.description)


def _command(path: str, command: Any) -> Lines:
    if command.hidden:
        return
    yield ""
    yield f"## {path}"
    yield ""
    yield inspect.cleandoc(command.help or "")
    commands: Mapping[str, Any] = getattr(command, "commands", {})
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    yield ""
    yield "```"
    words = [
        path,
        *(_usage(p) for p in arguments),
        *(["[OPTIONS]"] if options else []),
        *(["COMMAND"] if commands else []),
    ]
    yield " ".join(words)
    yield "```"
    if told := [(_usage(p), p.help or "", _parameter_default(p)) for p in arguments]:
        yield ""
        yield from _table(("argument", "meaning", "default"), told)
    if told := [(_option(p), p.help or "", _parameter_default(p)) for p in options]:
        yield ""
        yield from _table(("option", "meaning", "default"), told)
    for name, inner in commands.items():
        yield from _command(f"{path} {name}", inner)


def _usage(parameter: Any) -> str:
    return parameter.metavar or str(parameter.name).upper()


def _option(parameter: Any) -> str:
    value = "" if parameter.is_flag else f" {_usage(parameter)}"
    return ", ".join(f"`{name}{value}`" for name in [*parameter.opts, *parameter.secondary_opts])


def _parameter_default(parameter: Any) -> str:
    if parameter.required:
        return "**must be given**"
    return "none" if parameter.default in (None, False) else f"`{parameter.default}`"


def _control_cells(control: Control) -> tuple[str, ...]:
    name = f"[{control.id}](#{control.number}-{control.id})"
    excepted = "never" if never_excepted(control) else "may be"
    levels = (control.severity.value, str(control.enforcement))
    return (str(control.number), name, *levels, control.scope.value, excepted)


def _control(control: Control) -> Lines:
    yield f"## {control.number} {control.id}"
    yield ""
    yield f"**{control.title}** ({control.severity.value}, {control.enforcement.everywhere()}). {control.why}"
    yield ""
    yield f"To mend it: {control.fix}."
    yield ""
    never = never_excepted(control)
    yield f"No finding of it can be accepted: {never}." if never else "A finding can be accepted for a while."
    yield ""
    yield from _table(
        ("reads", "properties"),
        [(f"`{token}`", _codes(properties)) for token, properties in control.reads.items()],
    )
    yield ""
    yield f"Compare: {', '.join(control.references)}."


def _supported(supported: SupportedType) -> Lines:
    yield f"### `{supported.type}`"
    yield ""
    yield f"Honoured: {_codes(supported.honoured)}"
    if supported.outputs:
        yield ""
        yield f"Outputs: {_codes(supported.outputs)}"
    for title, reasons in (("kept without effect", supported.without_effect), ("refused", supported.refused)):
        if reasons:
            yield ""
            yield from _table((title, "why"), [(f"`{name}`", why) for name, why in sorted(reasons.items())])


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], body: Iterable[tuple[str, ...]]) -> Lines:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for cells in body:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
