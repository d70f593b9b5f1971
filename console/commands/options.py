"""Arguments and options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from console import completion
from stacks.shared_platform import PLATFORM, Shared

WHICH_APP = "The app: a folder of apps/; or `platform`, which has no environments."
WHICH_ENVIRONMENT = "build, staging or production."
App = Annotated[
    str, typer.Argument(help="The app: a folder of apps/.", show_default=False, autocompletion=completion.apps)
]
AppOrPlatform = Annotated[
    str, typer.Argument(metavar="APP", help=WHICH_APP, show_default=False, autocompletion=completion.stacks)
]
# `named` says which: only the platform's can be left out.
EnvironmentName = Annotated[
    str | None,
    typer.Argument(metavar="ENV", help=WHICH_ENVIRONMENT, show_default=False, autocompletion=completion.environments),
]
OneApp = Annotated[
    str | None,
    typer.Argument(metavar="APP", help=WHICH_APP, show_default=False, autocompletion=completion.stacks),
]
OneEnvironment = EnvironmentName
# Of an app, so it must be said.
AppEnvironment = Annotated[
    str,
    typer.Argument(metavar="ENV", help=WHICH_ENVIRONMENT, show_default=False, autocompletion=completion.environments),
]
Everywhere = Annotated[bool, typer.Option("--all", help="Every stack of every app, side by side, instead of one.")]
OnlyEnvironment = Annotated[
    str | None,
    typer.Option(
        "--environment",
        "-e",
        metavar="ENV",
        help="With --all: only the stacks of this environment.",
        show_default=False,
        autocompletion=completion.environments,
    ),
]
OnlyApp = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="APP",
        help="With --all: only the stacks of this app.",
        show_default=False,
        autocompletion=completion.apps,
    ),
]
Parallel = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        metavar="N",
        help="With --all: at most so many engines at once. Default: one for each core.",
        show_default=False,
    ),
]
Plans = Annotated[
    Path | None,
    typer.Option(
        "--plans",
        metavar="DIR",
        help="Keep each stack's plan in DIR/STACK.json, for `millwright policy check --state`.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, one document per line.")]


class WrongUsage(typer.BadParameter):
    """Arguments and options that do not go together; ends with the exit code of a wrong command line."""

    def format_message(self) -> str:
        """The message as it is."""
        return self.message


def named(app: str, environment: str | None) -> str:
    """The environment that is meant: the platform has one, which nobody need name. Raises WrongUsage without it."""
    if environment is None and app != PLATFORM:
        raise WrongUsage("Missing argument 'ENV'.")
    return environment or Shared.SHARED


def one_stack(app: str | None, environment: str | None, *only_with_all: object) -> tuple[str, str]:
    """The app and environment of a command on one stack. Raises WrongUsage without them, and for options of --all."""
    if app is None:
        raise WrongUsage("Missing argument 'APP'. Name an app and an environment, or say --all.")
    environment = named(app, environment)
    if any(option is not None and option is not False for option in only_with_all):
        raise WrongUsage("--environment, --app, --parallel, --changed-since and --markdown go with --all.")
    return app, environment


def no_stack(app: str | None) -> None:
    """Raises WrongUsage for an app that is named beside --all."""
    if app is not None:
        raise WrongUsage(
            "--all works on every app: name no app, or one with --app, and an environment with --environment."
        )
