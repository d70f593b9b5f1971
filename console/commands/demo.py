"""`millwright demo` and `millwright demo --clean`."""

from typing import Annotated

import typer

from console.session import open_session
from console.show import report_engine


def demo(
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Destroy every stack, prove by boto3 that nothing is left, remove the files."),
    ] = False,
) -> None:
    """Show the main job from one end to the other, on the embedded cloud, without any account."""
    # Imported late: boto3 costs every other command half a second.
    from console.demo import story

    session = open_session(report_engine)
    if clean:
        story.clean(session)
    else:
        story.play(session)


def register(app: typer.Typer) -> None:
    """Add `demo` to `millwright`."""
    app.command(rich_help_panel="Factory")(demo)
