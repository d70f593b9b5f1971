"""`millwright policy`: rules without an engine, a factory's settings and own rules, and what people have accepted."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from console.commands import policy_exceptions
from console.commands import policy_reports as reports
from console.commands.options import Json
from console.commands.policy_score import show_scores
from console.commands.policy_tests import run_cases
from console.show import ERR, OUT, escaped, print_json
from factory.errors import ExitCode, InputError
from factory.exceptions import LONGEST
from factory.located import nearest
from factory.paths import find_root
from policies import Control, Enforcement
from policies.accepted import never_excepted
from policies.offline import Checked, Outcome, Told
from policies.settings import settings_file, template
from policies.texts import one_line

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
        list[Path],
        typer.Option(
            "--state", metavar="FILE", help="An exported state, or a plan: `pulumi preview --json`. One for each stack."
        ),
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
    form: reports.Format = reports.Form.TABLE,
    output: reports.Output = None,
    as_json: Json = False,
) -> None:
    """Judge stacks by every rule, from files and without an engine; nothing is changed.

    Ends with 5 when a rule is broken, and with 3 when mandatory rules stay undecided: secrets in a file are encrypted,
    and a plan does not know what only the cloud will say. JSON is one document for each stack.
    """
    form = reports.chosen(form, as_json=as_json, output=output)
    rules = reports.rules_here(settings)
    judged = reports.judged(state, rules)
    if form is reports.Form.TABLE:
        for checked in judged.values():
            _show(checked)
    else:
        reports.write(judged, rules, form, fail_on, output)
    outcomes = [checked.outcome(fail_on) for checked in judged.values()]
    # The worst of them: a failure is certain.
    if code := CODES[next((each for each in reports.WORST_FIRST if each in outcomes), Outcome.PASSED)]:
        raise typer.Exit(code)


@policy.command("list")
def list_rules(as_json: Json = False) -> None:
    """List every rule with its severity and what breaking it does."""
    controls = reports.rules_here(None).controls
    if as_json:
        for control in controls:
            print_json(_document(control))
        return
    table = Table(box=None)
    for column in ("number", "rule", "severity", "enforcement", "reads", "title"):
        table.add_column(column, overflow="fold", no_wrap=column == "rule")
    for control in controls:
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
    """Say what a rule is for, what it reads, where it stops what, whether it can be excepted, and how to mend it."""
    control = _named(rule)
    if as_json:
        print_json(_document(control))
        return
    severity = control.severity.value
    OUT.print(f"[bold]{control.id}[/] (control {control.number}): {escaped(control.title)}")
    OUT.print(f"[{COLOURS[severity]}]{severity}[/], {control.enforcement.everywhere()}; reads a {control.scope.value}")
    OUT.print(f"why: {escaped(control.why)}")
    OUT.print(f"fix: {escaped(control.fix)}")
    OUT.print(f"exceptions: {_exceptions(control)}")
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


policy.command("test")(run_cases)
policy.command("score")(show_scores)
policy_exceptions.add_to(policy)


def register(millwright: typer.Typer) -> None:
    """Add `policy` to `millwright`."""
    millwright.add_typer(policy, name="policy", rich_help_panel="Stacks")


def _named(rule: str) -> Control:
    controls = reports.rules_here(None).controls
    for control in controls:
        if rule in (control.id, str(control.number)):
            return control
    guess = nearest(rule, [control.id for control in controls])
    hint = f"did you mean {guess}?" if guess else "see `millwright policy list`"
    raise InputError(f"no rule is called {rule!r}", hint=hint)


def _exceptions(control: Control) -> str:
    if never := never_excepted(control):
        return f"never: {never}"
    return f"two people may accept a finding, for at most {LONGEST.days} days (millwright policy except)"


def _document(control: Control) -> dict[str, Any]:
    levels = control.enforcement
    return {
        "control": control.number,
        "rule": control.id,
        "title": control.title,
        "severity": control.severity.value,
        "enforcement": {name: levels.at(name).value for name in ("build", "staging", "production")},
        "elsewhere": levels.strictest.value,
        "exceptable": not never_excepted(control),
        "never_excepted_because": never_excepted(control),
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
    OUT.print(f"{escaped(one_line(checked.stack))}: {counted}")
    if not checked.findings and not checked.deferred:
        ERR.print("[dim]no rule has anything to say[/]")


def _show_one(told: Told, then: str) -> None:
    control = told.verdict.control
    colour = COLOURS[control.severity.value]
    name = one_line(told.urn.rpartition("::")[2] or "the stack")
    place = f"{told.path} " if told.path else ""
    OUT.print(
        f"[{colour}]{control.severity.value} {control.id}[/] ({told.level.value}) {escaped(name)}: "
        f"{escaped(one_line(place + told.message))}"
    )
    OUT.print(f"  {escaped(then)}")
