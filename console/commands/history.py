"""`millwright history APP ENV`: what was done to a stack, when, by whom, through which door."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from console.commands.options import AppOrPlatform, EnvironmentName, Json, named
from console.session import open_session
from console.show import OUT, escaped, print_json, report_engine
from stacks.driver import Ending, Kind, Update, read_history
from stacks.driver.history import CHANGING, LIMIT
from stacks.names import declared
from stacks.shared_platform import stack_of

COLOURS = {Ending.SUCCEEDED: "green", Ending.FAILED: "red", Ending.OPEN: "yellow"}
# As many letters of a digest as people compare.
DIGEST = len("sha256:") + 12


def history(
    app: AppOrPlatform,
    environment: EnvironmentName = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="The last so many.")] = LIMIT,
    with_previews: Annotated[bool, typer.Option("--with-previews", help="Also what changed nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Show what was done to a stack, newest first: updates by either door, also failed and killed ones."""
    environment = named(app, environment)
    session = open_session(report_engine)
    kinds = CHANGING | ({Kind.PREVIEW, Kind.DRIFT} if with_previews else set())
    found = read_history(session.root, session.settings, app, environment, limit=limit, kinds=kinds)
    if as_json:
        for update in found:
            print_json(update.as_json())
        return
    if not found:
        stack = stack_of(*declared(session.root, app, environment))
        OUT.print(f"nothing was done to {stack} yet")
        return
    table = Table("started", "kind", "result", "took", "by", "door", "changes", "spec", "release", box=None)
    for update in found:
        table.add_row(*_cells(update))
    OUT.print(table)


def _cells(update: Update) -> Iterator[str]:
    yield update.started.partition(".")[0].replace("T", " ")
    yield update.kind.value
    told = f": {escaped(update.reason)}" if update.reason else ""
    yield f"[{COLOURS[update.ending]}]{update.ending.value}[/]{told}"
    yield _took(update)
    yield escaped(update.actor)
    yield escaped(update.door)
    counts = (f"{number} {action}" for action, number in sorted(update.changes.items()) if action != "same" and number)
    yield escaped(", ".join(counts) or ("-" if update.ending is Ending.SUCCEEDED else ""))
    yield (update.spec or "")[:DIGEST]
    yield escaped(_release(update))


def _release(update: Update) -> str:
    if update.release is None:
        return ""
    way = ""
    if update.returned:
        way = f": returned by itself from {update.returned['from']}"
    elif update.rollback:
        way = f": back from {update.rollback['from']} to {update.rollback['to']}"
    by = f", approved by {', '.join(update.approved_by)}" if update.approved_by else ""
    return f"{update.release} ({update.change or 'no change'}){way}{by}"


def _took(update: Update) -> str:
    if update.ended is None:
        return ""
    seconds = datetime.fromisoformat(update.ended) - datetime.fromisoformat(update.started)
    return f"{seconds.total_seconds():.1f} s"


def register(app: typer.Typer) -> None:
    """Add `history` to `millwright`."""
    app.command(rich_help_panel="Stacks")(history)
