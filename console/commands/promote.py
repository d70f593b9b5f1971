"""`millwright promote APP`: staging's artefact on its way to production, where a person decides."""

import typer

from console.change_view import one_line, plain, who
from console.commands.options import App, Json
from console.identity import OwnKey, Who, identify
from console.session import open_session
from console.show import ERR, OUT, print_json, report_engine
from console.signing import sign
from factory import daemons, signatures
from pipeline import client


def promote(app: App, person: Who = None, key: OwnKey = None, as_json: Json = False) -> None:
    """Ask for what serves in staging to serve in production; a person decides there."""
    session = open_session(report_engine)
    artefact = client.serving_in_staging(session.root, session.settings, app)
    asking, key = identify(session, person, key)
    payload = client.promotion_payload(session.root, session.settings, app, asking.id)
    signature = sign(session, asking.id, key, payload, namespace=signatures.SUBMIT)
    record = client.promote(session.root, session.settings, app, person=asking.id, signature=signature)
    if daemons.read(session.root, daemons.WORKER) is None:
        ERR.print("[dim]worker: starting[/]")
    daemons.ensure(session.root, daemons.WORKER)
    view = client.show_change(session.root, session.settings, app, record.change)
    if as_json:
        print_json(view.record.model_dump(mode="json") | {"waits_for": view.waits_for})
        return
    OUT.print(f"{plain(record.id)}: {plain(artefact)} is to serve in production, asked by {who(record.author)}")
    OUT.print(f"  waits for: {one_line(view.waits_for)}")
    OUT.print(f"  millwright change show {plain(app)} {plain(record.change)} --watch")


def register(millwright: typer.Typer) -> None:
    """Add `promote` to `millwright`."""
    millwright.command(rich_help_panel="Stacks")(promote)
