"""`millwright audit`: the log of everything that happened, and whether it is whole."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection

from access import audit
from console import completion
from console.commands import audit_prove, audit_prune
from console.commands.audit_files import known, logged, written
from console.commands.options import Json
from console.session import Session, open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from factory import db, environments
from factory.cloud_clients import client
from factory.errors import CloudUnavailable, ExitCode

app = typer.Typer(no_args_is_help=True, help="The audit log: what was done, by whom, and the proof that it is whole.")
Log = Annotated[
    str,
    typer.Argument(
        metavar="APP",
        help=f"The app; `{audit.SHARED}` for what belongs to none.",
        show_default=False,
        autocompletion=completion.apps,
    ),
]


@app.command()
def show(
    which: Log,
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="Only these: `update.failed`, or `update`.", show_default=False),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The last so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what is in an app's log, oldest first."""
    session = open_session(report_engine)
    with logged(session) as database, db.snapshot(database) as connection:
        found = audit.entries(connection, known(connection, which), kind=kind, limit=limit)
    if as_json:
        for entry in found:
            print_json(entry.as_json())
        return
    table = Table("entry", "time", "what", "by", "change", "properties", box=None)
    for entry in found:
        table.add_row(*_cells(entry))
    OUT.print(table)


@app.command()
def verify(
    which: Annotated[
        str | None,
        typer.Argument(metavar="APP", help="Only this log.", show_default=False, autocompletion=completion.apps),
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove that the logs are what they were, and tell all that happened; exit code 16 when one does not.

    Whoever holds the database and the key could write both anew. What shows that is outside: `audit verifier`.
    """
    session = open_session(report_engine)
    # Imported late, as other commands do: it reads keys.
    from factory.people import load_people

    people = load_people(session.root, session.settings)
    public = audit.raw(audit.signing_key(session.root).public_key())
    with logged(session) as database, db.snapshot(database) as connection:
        names = audit.apps(connection) if which is None else [known(connection, which)]
        found = [audit.verify(connection, name, public, _copies(session, connection, name), people) for name in names]
    for each in found:
        if as_json:
            print_json(each.as_json())
        else:
            _tell(each)
    if any(each.faults for each in found):
        raise typer.Exit(ExitCode.AUDIT_BROKEN)


@app.command()
def export(
    which: Log,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.", show_default=False),
    ] = None,
) -> None:
    """Write an app's log with its checkpoints, for a verifier outside: JSON, a document per line."""
    session = open_session(report_engine)
    with logged(session) as database, db.snapshot(database) as connection:
        lines = audit.lines(connection, known(connection, which))
        if output is None:
            for line in lines:
                typer.echo(line)
            return
        counted = written(output, lines)
    ERR.print(f"[dim]{escaped(str(output))}: {counted} lines[/]")


@app.command()
def key() -> None:
    """Print the public key that checkpoints are signed by. Give it to the verifier once, by a way you trust."""
    typer.echo(audit.public_pem(audit.signing_key(open_session(report_engine).root)), nl=False)


@app.command()
def verifier() -> None:
    """Print the verifier for elsewhere: one Python file with nothing of Millwright's in it."""
    typer.echo(audit.outside_verifier(), nl=False)


def register(millwright: typer.Typer) -> None:
    """Add `audit` to `millwright`."""
    audit_prove.register(app)
    audit_prune.register(app)
    millwright.add_typer(app, name="audit", rich_help_panel="Access")


def _copies(session: Session, connection: Connection, name: str) -> Sequence[str]:
    """What the platform's audit store holds of a log; nothing before there is one."""
    if environments.platform(connection) is None:
        return ()
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return audit.copied(connection, partial(client, session.root, session.settings), name)
    except (BotoCoreError, ClientError) as error:
        raise CloudUnavailable(f"the copies of {name}'s checkpoints cannot be read: {error}") from None


def _tell(found: audit.Verified) -> None:
    expired = f", {found.expired} pruned and known by their hashes alone" if found.expired else ""
    copies = f", {found.copies} copies out of reach" if found.copies else ""
    counted = f"{found.size} entries{expired}, {found.checkpoints} signed checkpoints{copies}, root {found.root[:16]}"
    if not found.faults:
        OUT.print(f"[green]whole[/]   [bold]{escaped(found.app)}[/]: {counted}")
        return
    OUT.print(f"[bold red]broken[/]  [bold]{escaped(found.app)}[/]: {counted}")
    for fault in found.faults:
        OUT.print(f"  {escaped(fault)}")


def _cells(entry: audit.Entry) -> Iterator[str]:
    yield str(entry.index)
    yield entry.time.partition(".")[0].replace("T", " ")
    if entry.event is None:
        yield from ("[dim]pruned[/]", "", "", "")
        return
    yield escaped(str(entry.event["kind"]))
    yield escaped(str(entry.event["actor"]))
    yield escaped(str(entry.event["change"] or ""))
    yield escaped(json.dumps(entry.event["properties"], ensure_ascii=True))
