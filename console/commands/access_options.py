"""Arguments and options that the commands of access share."""

from typing import Annotated, Final

import typer

from console import completion
from factory.spec import Scope

App = Annotated[str, typer.Argument(metavar="APP", help="The app.", show_default=False, autocompletion=completion.apps)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.", show_default=False)]
HowFar = Annotated[Scope, typer.Option("--scope", help="How far: each holds the one before.")]
Minutes = Annotated[
    int | None,
    typer.Option("--minutes", metavar="N", min=1, help="For how long. Default: the most there is.", show_default=False),
]
# Of a command that runs another one: what comes after `--` is the other's.
RUNS_ANOTHER: Final = {"allow_extra_args": True, "ignore_unknown_options": False}
