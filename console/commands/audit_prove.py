"""`millwright audit prove`: that an entry is in the log, and that it only grew, for whoever has the key alone."""

import json
from pathlib import Path
from typing import Annotated

import typer

from access import audit
from console import completion
from console.commands.audit_files import known, logged, written
from console.commands.options import WrongUsage
from console.session import open_session
from console.show import ERR, escaped, report_engine
from factory import db


def prove(
    which: Annotated[
        str, typer.Argument(metavar="APP", help="The app.", show_default=False, autocompletion=completion.apps)
    ],
    entry: Annotated[
        str | None,
        typer.Argument(metavar="ENTRY", help="Its number in the log, or the event's id.", show_default=False),
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(
            "--since", metavar="SIZE", min=1, help="Also that it only grew since a checkpoint.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.", show_default=False),
    ] = None,
) -> None:
    """Write what proves that an entry is in the log, and that the log only grew; `audit verifier --proof` checks it."""
    if entry is None and since is None:
        raise WrongUsage("Name an entry, or say --since SIZE.")
    session = open_session(report_engine)
    with logged(session) as database, db.transaction(database) as connection:
        name = known(connection, which)
        at = None if entry is None else int(entry) if entry.isdecimal() else audit.entry_of(connection, name, entry)
        proof = json.dumps(audit.prove(connection, name, entry=at, since=since), ensure_ascii=False)
    if output is None:
        typer.echo(proof)
        return
    written(output, iter([proof]))
    ERR.print(f"[dim]{escaped(str(output))}[/]")


def register(app: typer.Typer) -> None:
    """Add `prove` to `millwright audit`."""
    app.command()(prove)
