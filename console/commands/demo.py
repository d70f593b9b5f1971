"""`millwright demo`, `millwright demo --auto` and `millwright demo --clean`."""

from typing import Annotated

import typer

from console.session import open_session
from console.show import report_engine


def demo(
    auto: Annotated[
        bool,
        typer.Option("--auto", help="The labelled demo people decide at the gates, instead of you."),
    ] = False,
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Destroy every stack, prove by boto3 that nothing is left, remove the files."),
    ] = False,
) -> None:
    """Show the main job from one end to the other, on the embedded cloud, without any account."""
    # Imported late: boto3 costs every other command half a second.
    session = open_session(report_engine)
    if clean:
        from console.demo import cleaning

        cleaning.clean(session)
        return
    from console.demo import story

    if auto:
        story.play_by_itself(session)
    else:
        story.play(session)


def register(app: typer.Typer) -> None:
    """Add `demo` to `millwright`."""
    app.command(rich_help_panel="Factory")(demo)
