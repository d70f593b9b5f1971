"""`millwright policy`: the policy pack without an engine, its rules, its settings, and what people have accepted."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from console.commands import policy_exceptions
from console.commands.options import Json
from console.show import ERR, OUT, escaped, print_json
from factory.errors import ExitCode, InputError
from factory.located import nearest
from factory.paths import find_root
from policies import CONTROLS, Control, Enforcement, PolicySettings, load_policies
from policies.accepted import accepting_here, project_of
from policies.exported import load_stack
from policies.offline import Checked, Outcome, Told, check
from policies.settings import read_policies, settings_file, template

COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
CODES = {
    Outcome.PASSED: ExitCode.OK,
    Outcome.FAILED: ExitCode.POLICY_VIOLATION,
    Outcome.UNDECIDED: ExitCode.UNDECIDED,
}
policy = typer.Typer(no_args_is_help=True, help="Policies: what may be declared, and what a stack in a file breaks.")


@policy.command("check")
def check_file(
    state: Annotated[
        Path,
        typer.Option("--state", metavar="FILE", help="An exported state, or a plan: `pulumi preview --json`."),
    ],
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings", metavar="FILE", help="A policies.yaml. Default: this factory's.", show_default=False
        ),
    ] = None,
    fail_on: Annotated[
        Enforcement, typer.Option("--fail-on", help="The lowest level at which a finding fails the command.")
    ] = Enforcement.MANDATORY,
    as_json: Json = False,
) -> None:
    """Judge a stack by every rule, from a file and without an engine; nothing is changed.

    Ends with 5 when a rule is broken, and with 3 when mandatory rules stay undecided: secrets in a file are encrypted,
    and a plan does not know what only the cloud will say.
    """
    name, stack = load_stack(state)
    checked = check(CONTROLS, name, stack, _settings(settings), accepting_here(name, project_of(stack)))
    if as_json:
        print_json(checked.as_json())
    else:
        _show(checked)
    if code := CODES[checked.outcome(fail_on)]:
        raise typer.Exit(code)


@policy.command("list")
def list_rules(as_json: Json = False) -> None:
    """List every rule with its severity and what breaking it does."""
    if as_json:
        for control in CONTROLS:
            print_json(_document(control))
        return
    table = Table(box=None)
    for column in ("number", "rule", "severity", "enforcement", "reads", "title"):
        table.add_column(column, overflow="fold", no_wrap=column == "rule")
    for control in CONTROLS:
        severity = control.severity.value
        table.add_row(
            str(control.number),
            control.id,
            f"[{COLOURS[severity]}]{severity}[/]",
            str(control.enforcement),
            control.scope.value,
            escaped(control.title),
        )
    OUT.print(table)


@policy.command()
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule's name or number.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say what a rule is for, what it reads, and how to mend what breaks it."""
    control = _named(rule)
    if as_json:
        print_json(_document(control))
        return
    severity = control.severity.value
    OUT.print(f"[bold]{control.id}[/] (control {control.number}): {escaped(control.title)}")
    OUT.print(f"[{COLOURS[severity]}]{severity}[/], {control.enforcement}; reads a {control.scope.value}")
    OUT.print(f"why: {escaped(control.why)}")
    OUT.print(f"fix: {escaped(control.fix)}")
    for token, properties in control.reads.items():
        OUT.print(f"reads: {escaped(token)}: {escaped(', '.join(properties)) or 'what it is'}")
    for reference in control.references:
        OUT.print(f"compare: {escaped(reference)}")


@policy.command()
def init(as_json: Json = False) -> None:
    """Write this factory's policies.yaml with every key explained; one that is there stays."""
    path = settings_file(find_root(Path.cwd()))
    try:
        with path.open("x") as file:
            file.write(template())
    except FileExistsError:
        raise InputError(f"{path} is there already", hint="edit it, or remove it first") from None
    if as_json:
        print_json({"policies": str(path)})
        return
    OUT.print(f"{escaped(str(path))} says the defaults: list in it what is yours")


def register(millwright: typer.Typer) -> None:
    """Add `policy` to `millwright`."""
    policy_exceptions.add_to(policy)
    millwright.add_typer(policy, name="policy", rich_help_panel="Stacks")


def _settings(file: Path | None) -> PolicySettings:
    """The settings of the file, or of the factory here; outside of any factory the defaults, which allow least."""
    if file is not None:
        return read_policies(file)
    try:
        root = find_root(Path.cwd())
    except InputError:
        return PolicySettings()
    return load_policies(root)


def _named(rule: str) -> Control:
    for control in CONTROLS:
        if rule in (control.id, str(control.number)):
            return control
    guess = nearest(rule, [control.id for control in CONTROLS])
    hint = f"did you mean {guess}?" if guess else "see `millwright policy list`"
    raise InputError(f"no rule is called {rule!r}", hint=hint)


def _document(control: Control) -> dict[str, Any]:
    levels = control.enforcement
    return {
        "control": control.number,
        "rule": control.id,
        "title": control.title,
        "severity": control.severity.value,
        "enforcement": {name: levels.at(name).value for name in ("build", "staging", "production")},
        "scope": control.scope.value,
        "reads": {token: list(properties) for token, properties in control.reads.items()},
        "why": control.why,
        "fix": control.fix,
        "references": list(control.references),
    }


def _show(checked: Checked) -> None:
    for told in checked.findings:
        _show_one(told, f"fix: {told.verdict.control.fix}")
    for told in checked.deferred:
        _show_one(told, "only the engine can decide it: preview, or update")
    for told in checked.accepted:
        _show_one(told, f"{told.exception}: {told.exception.reason}" if told.exception else "")
    counted = f"{checked.resources} resources, {len(checked.findings)} findings, {len(checked.deferred)} undecided"
    counted += f", {len(checked.accepted)} accepted" if checked.accepted else ""
    OUT.print(f"{checked.stack}: {counted}")
    if not checked.findings and not checked.deferred:
        ERR.print("[dim]no rule has anything to say[/]")


def _show_one(told: Told, then: str) -> None:
    control = told.verdict.control
    colour = COLOURS[control.severity.value]
    name = told.urn.rpartition("::")[2] or "the stack"
    place = f"{told.path} " if told.path else ""
    OUT.print(
        f"[{colour}]{control.severity.value} {control.id}[/] ({told.level.value}) {escaped(name)}: "
        f"{escaped(place + told.message)}"
    )
    OUT.print(f"  {escaped(then)}")
