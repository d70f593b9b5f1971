"""`millwright isolation [APP...]`: whether the apps that stand are isolated from each other, read from the cloud."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table

from console import completion
from console.commands.options import Json
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from factory.errors import ExitCode
from stacks.isolation import Finding, Proof, Verdict, survey

# More than these are summed up.
PAIRS_SHOWN = 15
# Seconds after which somebody who sees no terminal is told what is going on.
QUIET = 5.0
COLOURS = {Verdict.PROVED: "green", Verdict.REFUTED: "red", Verdict.UNKNOWN: "yellow", Verdict.NOTHING_STANDS: "dim"}
CODES = {
    Verdict.PROVED: ExitCode.OK,
    Verdict.NOTHING_STANDS: ExitCode.OK,
    Verdict.UNKNOWN: ExitCode.UNDECIDED,
    Verdict.REFUTED: ExitCode.NOT_ISOLATED,
}
Apps = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[APP]...", help="Only pairs with one of these. Default: all.", autocompletion=completion.apps
    ),
]


def isolation(apps: Apps = None, as_json: Json = False) -> None:
    """Prove from what the cloud holds that no app or environment reaches another one; nothing is changed."""
    session = open_session(report_engine)
    with ERR.status("") as status:
        report = status.update if ERR.is_terminal else _after(QUIET)
        proof = survey(
            session.root,
            session.settings,
            # Late: only a state that is in no folder here needs the engine.
            lambda app, environment: session.driver.export_state(app, environment),  # noqa: PLW0108
            apps=apps or (),
            report=lambda what: report(f"[dim]isolation: {escaped(what)}[/]"),
        )
    if as_json:
        print_json(proof.as_json())
    else:
        _show(proof)
    if code := CODES[proof.verdict]:
        raise typer.Exit(code)


def _after(seconds: float, clock: Callable[[], float] = time.monotonic) -> Callable[[str], None]:
    """Prints what it is told, once that many seconds have passed."""
    begun = clock()

    def report(what: str) -> None:
        if clock() - begun > seconds:
            ERR.print(what)

    return report


def _show(proof: Proof) -> None:
    for finding in proof.findings:
        _show_finding(finding)
    if len(proof.pairs) <= PAIRS_SHOWN:
        table = Table("one", "other", "isolation", box=None)
        for pair in proof.pairs:
            table.add_row(pair.one, pair.other, f"[{COLOURS[pair.verdict]}]{pair.verdict}[/]")
        if proof.pairs:
            OUT.print(table)
    OUT.print(_summary(proof))


def _show_finding(finding: Finding) -> None:
    between = " and ".join(name for name in (finding.one, finding.other) if name) or "all"
    colour = COLOURS[finding.verdict]
    OUT.print(f"[{colour}]{finding.verdict}[/] [bold]{between}[/] {finding.rule}: {escaped(finding.where)}")
    OUT.print(f"  {escaped(finding.why)}")
    OUT.print(f"  [dim]mend:[/] {escaped(finding.fix)}")


def _summary(proof: Proof) -> str:
    read = sum(proof.read.values())
    if not proof.stacks:
        return f"nothing stands: no stack has anything in the cloud ({read} resources were read)"
    counted = Counter(pair.verdict for pair in proof.pairs)
    told = ", ".join(f"[{COLOURS[each]}]{counted[each]} {each}[/]" for each in Verdict if counted[each])
    if not proof.pairs:
        told = f"only {', '.join(proof.stacks)} stands: there are no two to compare"
    return f"{told}; {len(proof.stacks)} environments, {read} resources read, {len(proof.findings)} findings"


def register(app: typer.Typer) -> None:
    """Add the command to `millwright`."""
    app.command(rich_help_panel="Stacks")(isolation)
