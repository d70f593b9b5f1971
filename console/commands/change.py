"""`millwright change lint|submit|list|show|cancel`: changes and their way through the pipeline."""

from typing import Annotated

import typer
from rich.table import Table

from console.change_view import change_row, lines, who
from console.commands.options import App, Json
from console.follow_change import follow_change
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from console.signing import As, KeyFile, sign
from factory import daemons, signatures
from factory.spec import load_app
from pipeline import client
from pipeline.changefiles import lint_change

changes = typer.Typer(no_args_is_help=True, help="Changes: submit one, follow it, end it.")
Change = Annotated[
    str, typer.Argument(metavar="CHANGE", help="The change: apps/APP/changes/CHANGE.md.", show_default=False)
]


@changes.command()
def submit(app: App, change: Change, person: As, key: KeyFile = None, as_json: Json = False) -> None:
    """Put a change on the line, signed by its author; the worker takes it up."""
    session = open_session(report_engine)
    # A wrong name is told before anything is asked of a key.
    load_app(session.root, app)
    payload = client.submission_payload(session.root, session.settings, app, change, person)
    signature = sign(session, person, key, payload, namespace=signatures.SUBMIT)
    record = client.submit(session.root, session.settings, app, change, person=person, signature=signature)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    OUT.print(f"{escaped(record.id)}: {record.state}, by {who(record.author)}")
    OUT.print(f"  millwright change show {escaped(app)} {escaped(change)} --watch")
    if daemons.read(session.root, daemons.WORKER) is None:
        ERR.print("[yellow]the worker does not run, so it waits:[/] millwright factory up")


@changes.command()
def lint(app: App, change: Change, as_json: Json = False) -> None:
    """Check the files of a change: every mistake, with its place."""
    session = open_session(report_engine)
    load_app(session.root, app)
    lint_change(session.root, app, change)
    if as_json:
        print_json({"app": app, "change": change, "ok": True})
    else:
        OUT.print(f"{escaped(app)}/{escaped(change)}: ok")


@changes.command("list")
def list_changes(
    app: Annotated[str | None, typer.Option("--app", help="Only those of one app.")] = None, as_json: Json = False
) -> None:
    """List the changes that were submitted, oldest first, and what happens to each."""
    session = open_session(report_engine)
    records = client.list_changes(session.root, session.settings, app)
    if as_json:
        for record in records:
            print_json(record.model_dump(mode="json"))
        return
    if not records:
        OUT.print("no change was submitted yet: millwright change submit APP CHANGE --as PERSON")
        return
    table = Table("app", "change", "title", "stage", "state", "now", box=None)
    for record in records:
        table.add_row(*change_row(record))
    OUT.print(table)


@changes.command()
def show(
    app: App,
    change: Change,
    as_json: Json = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Follow it until it ends (exit code 0 when released, else 1) or a person must decide (6).",
        ),
    ] = False,
) -> None:
    """Show a change: where it stands, what it waits for, its tasks, findings, decisions, releases."""
    session = open_session(report_engine)
    if watch:
        code = follow_change(session, app, change, as_json=as_json)
        raise typer.Exit(code)
    view = client.show_change(session.root, session.settings, app, change)
    if as_json:
        print_json(client.as_json(view))
        return
    for line in lines(view):
        OUT.print(line)


@changes.command()
def cancel(
    app: App,
    change: Change,
    person: As,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.", show_default=False)],
    key: KeyFile = None,
    as_json: Json = False,
) -> None:
    """End a change where it stands; what it has released stays."""
    session = open_session(report_engine)
    view = client.show_change(session.root, session.settings, app, change)
    payload = client.cancellation_payload(view.record, person, reason)
    signature = sign(session, person, key, payload, namespace=signatures.SUBMIT)
    record = client.cancel(
        session.root, session.settings, app, change, person=person, reason=reason, signature=signature
    )
    if as_json:
        print_json(record.model_dump(mode="json"))
    else:
        OUT.print(f"{escaped(record.id)}: {record.state}, by {who(person)}")


def register(millwright: typer.Typer) -> None:
    """Add `change` to `millwright`."""
    millwright.add_typer(changes, name="change", rich_help_panel="Factory")
