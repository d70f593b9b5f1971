"""Operations on many stacks from the command line: live progress, then one summary of all."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.table import Table

from console.markdown import previewed
from console.session import open_session
from console.show import ACTIONS, ERR, OUT, escaped, print_error, print_json, report_engine, short_type
from console.watch import watch
from factory.errors import ExitCode
from stacks.driver import (
    Chosen,
    Effect,
    Kind,
    Outcome,
    Result,
    at_risk,
    checked_parallel,
    counts,
    line_up,
    outcomes,
    select,
    worst,
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be done, and for which stacks; see `stacks.driver.select` and `line_up`.

    `plans` is the folder for the plans of a preview; None: they are not kept.
    """

    kind: Kind
    environment: str | None = None
    app: str | None = None
    changed_since: str | None = None
    parallel: int | None = None
    refresh: bool = False
    plans: Path | None = None


def carry_out_all(asked: Asked, *, as_json: bool, markdown: bool = False) -> ExitCode:
    """Carry it out and show what came of each stack; the exit code of the worst."""
    session = open_session(report_engine)
    parallel = checked_parallel(asked.parallel)
    selection = select(
        session.root,
        session.settings,
        asked.kind,
        environment=asked.environment,
        app=asked.app,
        changed_since=asked.changed_since,
    )
    # Wrong names are refused, and what has nothing to do ends, before anything slow starts.
    operations = (
        line_up(session.driver, asked.kind, selection, parallel=parallel, refresh=asked.refresh, plans=asked.plans)
        if any(isinstance(each, Chosen) for each in selection)
        else []
    )
    watch(operations, as_json=as_json)
    found = outcomes(selection, operations)
    code = worst(found)
    if as_json:
        documents = [outcome.as_json() for outcome in found]
        print_json({"event": "summary", "kind": asked.kind, "outcomes": documents, "exit_code": int(code)})
    elif markdown:
        typer.echo("\n".join(previewed(found)))
    else:
        _show(found)
    return code


def show_at_risk(result: Result, *, as_json: bool = False) -> None:
    """Name what the update would lose; nothing is shown when there is nothing."""
    lost = at_risk(result.steps)
    if lost and as_json:
        steps = [dataclasses.asdict(step) for step in lost]
        print_json({"event": "data_at_risk", "stack": result.stack, "steps": steps})
        return
    for step in lost:
        _, colour = ACTIONS.get(step.action, ("", "red"))
        named = f"{short_type(step.type)} {step.name}"
        ERR.print(f"[bold red]data at risk:[/] {result.stack}: [{colour}]{step.action}[/] {escaped(named)}")


def _show(found: list[Outcome]) -> None:
    for outcome in found:
        if outcome.error:
            ERR.print(f"[bold]{outcome.stack}[/]")
            print_error(outcome.error)
        elif outcome.result and outcome.result.kind is Kind.PREVIEW:
            show_at_risk(outcome.result)
    table = Table("stack", *Effect, "", box=None)
    for outcome in found:
        table.add_row(outcome.stack, *_numbers(outcome), _said(outcome))
    OUT.print(table)
    if not found:
        OUT.print("nothing to do: no app may have changed")


def _numbers(outcome: Outcome) -> list[str]:
    if outcome.result is None:
        return ["" for _ in Effect]
    return [str(number) if number else "-" for number in counts(outcome.result.steps).values()]


def _said(outcome: Outcome) -> str:
    if outcome.error:
        return f"[red]failed:[/] {escaped(str(outcome.error).splitlines()[0])}"
    if outcome.result is None:
        return f"[dim]skipped: {escaped(outcome.skipped)}[/]"
    lost = len(at_risk(outcome.result.steps)) if outcome.result.kind is Kind.PREVIEW else 0
    return f"{outcome.result.duration:.1f} s" + (f" [red]data at risk in {lost}[/]" if lost else "")
