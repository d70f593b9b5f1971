"""`millwright audit prune`: what is older than it has to be kept goes, as a person signs; the log stays provable."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from access import audit, retention
from console import completion
from console.commands.audit_files import known, logged, written
from console.commands.options import Json
from console.identity import OwnKey, Who, identify
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from console.signing import sign
from factory import db, signatures


def prune(
    which: Annotated[
        str, typer.Argument(metavar="APP", help="The app.", show_default=False, autocompletion=completion.apps)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")] = False,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write the whole log here first.", show_default=False),
    ] = None,
    person: Who = None,
    key: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Remove what is older than app.yaml's retention.audit: the entries' content, and recordings. Hashes stay.

    Shown only, without --yes. It takes the role security, is signed, and is in the log itself before anything goes.
    """
    session = open_session(report_engine)
    with logged(session) as database:
        with db.transaction(database) as connection:
            plan = retention.plan(session.root, connection, known(connection, which), datetime.now(UTC))
            if export is not None:
                written(export, audit.lines(connection, which))
        done = None
        if yes and not plan.is_empty:
            who, file = identify(session, person, key)
            signs = lambda message: sign(session, who.id, file, message, namespace=signatures.ACCESS)  # noqa: E731
            done = retention.prune(session.root, session.settings, database, plan, person=who.id, sign=signs)
    if as_json:
        print_json(plan.as_json() | {"pruned": done})
        return
    _tell(plan, done)


def register(app: typer.Typer) -> None:
    """Add `prune` to `millwright audit`."""
    app.command()(prune)


def _tell(plan: retention.Plan, done: int | None) -> None:
    what = f"{plan.entries - plan.gone} entries and {len(plan.recordings)} recordings"
    kept = f"from before {plan.before[:10]} ({plan.days} days are kept)"
    if plan.is_empty:
        OUT.print(f"nothing of {escaped(plan.app)} is {kept}")
    elif done is None:
        OUT.print(f"would go: {what} of {escaped(plan.app)}, {kept}")
        ERR.print("[dim]nothing was removed; --yes does it, --export FILE keeps it elsewhere[/]")
    else:
        OUT.print(f"[green]gone:[/] {what} of {escaped(plan.app)}, {kept}; their hashes and digests stay")
