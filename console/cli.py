"""`millwright`: the one command. Exit codes are factory.errors.ExitCode."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from console.commands import (
    app_files,
    change,
    cloud,
    demo,
    engine_room,
    factory,
    history,
    inbox,
    init,
    isolation,
    people,
    policy,
    promote,
    rollback,
    stack,
    stack_secrets,
    stack_tools,
)
from console.show import ERR, print_error
from factory.errors import ExitCode, MillwrightError

app = typer.Typer(
    name="millwright",
    help="An AI software factory as code: one file per app declares its factory; Pulumi builds it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
stack.register(app)
history.register(app)
stack_tools.register(app)
isolation.register(app)
app_files.register(app)
engine_room.register(app)
init.register(app)
demo.register(app)
factory.register(app)
change.register(app)
inbox.register(app)
people.register(app)
policy.register(app)
promote.register(app)
rollback.register(app)
stack_secrets.register(app)
app.add_typer(cloud.app, name="cloud")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"millwright {version('millwright')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    del show_version


def main() -> None:
    """Run the command line; every MillwrightError becomes one message, its hint and its exit code."""
    as_json = "--json" in sys.argv[1:]
    try:
        app()
    except MillwrightError as error:
        print_error(error, as_json=as_json)
        sys.exit(error.exit_code)
    except OSError as error:
        print_error(MillwrightError(str(error), hint="check the file system: rights, space"), as_json=as_json)
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:
        ERR.print("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
