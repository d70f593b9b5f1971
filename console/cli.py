"""`millwright`: the one command. Exit codes are factory.errors.ExitCode."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise
from typing import Annotated, Final

import typer

from console.show import ERR, print_error
from factory.errors import ExitCode, MillwrightError

# Which module of console.commands has which commands, in the order of the help.
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stack": ("up", "preview", "destroy", "drift", "outputs"),
    "history": ("history",),
    "stack_tools": ("refresh", "cancel", "graph", "stack"),
    "isolation": ("isolation",),
    "app_files": ("app",),
    "engine_room": ("doctor", "engine"),
    "init": ("init",),
    "demo": ("demo",),
    "factory": ("factory",),
    "change": ("change",),
    "inbox": ("inbox", "review", "approve", "refuse"),
    "people": ("people",),
    "policy": ("policy",),
    "access": ("access",),
    "audit": ("audit",),
    "promote": ("promote",),
    "rollback": ("rollback",),
    "stack_secrets": ("secrets",),
    "cloud": ("cloud",),
}


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """The command line: whole, or only what the command needs that `words` begin with.

    Together, the commands import nearly every room: that takes longer than most of them work (0.5 s).
    """
    app = typer.Typer(
        name="millwright",
        help="An AI software factory as code: one file per app declares its factory; Pulumi builds it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_options)
    asked_for = [module for module, names in COMMANDS.items() if words and words[0] in names]
    for module in asked_for or COMMANDS:
        import_module(f"console.commands.{module}").register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"millwright {version('millwright')}")
        raise typer.Exit


def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    del show_version


def _wants_json(words: Sequence[str]) -> bool:
    return not {"--json", "--format=json"}.isdisjoint(words) or ("--format", "json") in pairwise(words)


def main() -> None:
    """Run the command line; every MillwrightError becomes one message, its hint and its exit code."""
    as_json = _wants_json(sys.argv[1:])
    try:
        command_line(sys.argv[1:])()
    except MillwrightError as error:
        print_error(error, as_json=as_json)
        sys.exit(error.exit_code)
    except OSError as error:
        print_error(MillwrightError(str(error), hint="check the file system: rights, space"), as_json=as_json)
        sys.exit(ExitCode.FAILED)
    except KeyboardInterrupt:
        ERR.print("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
