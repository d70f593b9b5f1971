"""`millwright refresh|cancel|graph APP ENV` and `millwright stack export|import`: looking after one stack."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from console.commands.options import WHICH_ENVIRONMENT, AppOrPlatform, EnvironmentName, Json, named
from console.session import Session, open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from console.watch import follow
from factory.errors import InputError
from stacks.driver import Kind, graphs
from stacks.driver.cancelling import cancel as ask_to_end
from stacks.names import declared
from stacks.shared_platform import stack_of

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead.", show_default=False),
]
state = typer.Typer(no_args_is_help=True, help="A stack's state: save it, put it back.")


def refresh(app: AppOrPlatform, environment: EnvironmentName = None, as_json: Json = False) -> None:
    """Bring a stack's state in line with what the cloud holds; the cloud is not changed."""
    environment = named(app, environment)
    session = open_session(report_engine)
    session.check(Kind.REFRESH, app, environment)
    follow([session.driver.start(Kind.REFRESH, app, environment)], as_json=as_json)


def cancel(
    app: AppOrPlatform,
    environment: EnvironmentName = None,
    again: Annotated[
        bool, typer.Option("--again", help="A second time: what is under way is given up, and may exist unrecorded.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask the operation that works on a stack to end what is under way and save its state, as Ctrl-C does."""
    session = open_session(report_engine)
    asked = ask_to_end(session.root, session.settings, app, named(app, environment), again=again)
    if as_json:
        print_json(asked.as_json())
        return
    whom = "nobody is asked" if asked.pid is None else f"process {asked.pid} is asked to end"
    OUT.print(f"{asked.stack}: {whom}: {escaped(asked.why)}")


def graph(app: AppOrPlatform, environment: EnvironmentName = None, output: Output = None) -> None:
    """Draw a stack's resources, with parents and dependencies: as DOT, or what the file's name says."""
    draw = graphs.writer(output.suffix.removeprefix(".") if output else "dot")
    environment = named(app, environment)
    session = _existing(app, environment)
    stack = stack_of(*declared(session.root, app, environment))
    _write(output, draw(graphs.graph_of(stack, session.driver.export_state(app, environment))))


@state.command("export")
def export_state(app: AppOrPlatform, environment: EnvironmentName = None, output: Output = None) -> None:
    """Write a stack's state as JSON; secrets in it are encrypted."""
    environment = named(app, environment)
    session = _existing(app, environment)
    _write(output, json.dumps(session.driver.export_state(app, environment), indent=2) + "\n")


@state.command("import")
def import_state(
    app: AppOrPlatform,
    # Before another argument, it cannot be left out.
    environment: Annotated[str, typer.Argument(metavar="ENV", help=f"{WHICH_ENVIRONMENT} Platform's is `shared`.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Replace a stack's state by one that was exported from it. Production's is never replaced."""
    session = _existing(app, environment)
    session.check(Kind.IMPORT_STATE, app, environment)
    follow([session.driver.start_import(app, environment, _read(file))], as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add these commands to `millwright`."""
    for command in (refresh, cancel, graph):
        app.command(rich_help_panel="Stacks")(command)
    app.add_typer(state, name="stack", rich_help_panel="Stacks")


def _existing(app: str, environment: str) -> Session:
    """The session, once the names are known to be right: before anything slow starts."""
    session = open_session(report_engine)
    declared(session.root, app, environment)
    return session


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no JSON: {error}", hint="it is what `millwright stack export` writes") from None
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None


def _write(output: Path | None, text: str) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    # A state names everything there is: its owner only reads it, as the backend's own files.
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    ERR.print(f"[dim]written: {escaped(str(output))}[/]")
