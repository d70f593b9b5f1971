"""Arguments and options that several commands share, so that they read the same everywhere."""

from typing import Annotated

import typer

from console import completion

App = Annotated[
    str, typer.Argument(help="The app: a folder of apps/.", show_default=False, autocompletion=completion.apps)
]
EnvironmentName = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        help="build, staging or production.",
        show_default=False,
        autocompletion=completion.environments,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, one document per line.")]
