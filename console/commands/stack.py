"""`millwright up|preview|destroy|drift|outputs APP ENV`: the driver's door."""

from typing import Annotated

import typer
from rich.table import Table

from console.commands.options import App, EnvironmentName, Json
from console.session import open_session
from console.show import OUT, escaped, print_json, report_engine
from console.watch import follow
from factory.errors import ExitCode, InputError
from stacks.driver import Kind, Result, read_outputs


def up(
    app: App,
    environment: EnvironmentName,
    as_json: Json = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Look up what the cloud holds first.")] = False,
) -> None:
    """Make an environment what its app.yaml declares."""
    _carry_out(Kind.UP, app, environment, as_json=as_json, refresh=refresh)


def preview(app: App, environment: EnvironmentName, as_json: Json = False) -> None:
    """Show what `up` would change, and change nothing."""
    _carry_out(Kind.PREVIEW, app, environment, as_json=as_json)


def destroy(app: App, environment: EnvironmentName, as_json: Json = False) -> None:
    """Remove everything of an environment."""
    _carry_out(Kind.DESTROY, app, environment, as_json=as_json)


def drift(app: App, environment: EnvironmentName, as_json: Json = False) -> None:
    """Show what is no longer in the cloud as it was left; exit code 11 when something is not."""
    result = _carry_out(Kind.DRIFT, app, environment, as_json=as_json)
    if result.changed:
        raise typer.Exit(ExitCode.CHANGES_FOUND)


def outputs(app: App, environment: EnvironmentName, as_json: Json = False) -> None:
    """Show what an environment's last update left."""
    session = open_session(report_engine)
    found = read_outputs(session.root, session.settings, app, environment)
    if found is None:
        raise InputError(f"{app}-{environment} does not stand", hint=f"millwright up {app} {environment}")
    if as_json:
        print_json(found.model_dump())
        return
    table = Table(box=None, show_header=False)
    for key, value in found.model_dump(exclude_none=True).items():
        table.add_row(f"[bold]{key}[/]", escaped(str(value)))
    OUT.print(table)


def register(app: typer.Typer) -> None:
    """Add these commands to `millwright`."""
    for command in (up, preview, destroy, drift, outputs):
        app.command(rich_help_panel="Stacks")(command)


def _carry_out(kind: Kind, app: str, environment: str, *, as_json: bool, refresh: bool = False) -> Result:
    session = open_session(report_engine)
    # Wrong names are refused before anything slow starts.
    session.check(app, environment)
    (result,) = follow([session.driver.start(kind, app, environment, refresh=refresh)], as_json=as_json)
    return result
