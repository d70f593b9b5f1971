"""`millwright rollback APP ENV`: an environment back to a release that served there before."""

from typing import Annotated

import typer

from console.commands.options import App, AppEnvironment, Json
from console.follow_change import follow_change
from console.identity import OwnKey, Who, identify
from console.session import Session, open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from console.signing import sign
from factory import daemons, signatures
from factory.errors import ExitCode
from pipeline import client, rollbacks
from pipeline.records import ChangeRecord

REFUSED = "rollback.refused"
To = Annotated[
    int | None,
    typer.Option(
        "--to",
        metavar="RELEASE",
        help="The release to go back to, by its number. Default: the one that the newest replaced.",
        show_default=False,
    ),
]


def rollback(
    app: App,
    environment: AppEnvironment,
    to: To = None,
    person: Who = None,
    key: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Bring an environment back to a release that served there before, and follow that to its end.

    Production is asked of a person first: exit code 6 says that the decision is waited for; the same command goes on
    following. Exit code 13: the way back would lose data, so nothing was done.
    """
    session = open_session(report_engine)
    record = rollbacks.under_way(session.root, session.settings, app, environment, to)
    if record is None:
        choice = rollbacks.choose(session.root, session.settings, app, environment, to)
        if choice.release is None:
            _nothing_to_do(app, environment, choice.said, as_json=as_json)
            return
        asking, key = identify(session, person, key)
        ERR.print(escaped("\n  ".join([choice.said, *choice.stays])))
        number = choice.release.id
        payload = rollbacks.payload(session.root, session.settings, app, environment, number, asking.id)
        signature = sign(session, asking.id, key, payload, namespace=signatures.SUBMIT)
        record = rollbacks.ask(
            session.root, session.settings, app, environment, number, person=asking.id, signature=signature
        )
    raise typer.Exit(_follow(session, record, as_json=as_json))


def register(millwright: typer.Typer) -> None:
    """Add `rollback` to `millwright`."""
    millwright.command(rich_help_panel="Stacks")(rollback)


def _nothing_to_do(app: str, environment: str, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"app": app, "environment": environment, "state": "nothing to do", "said": said})
    else:
        OUT.print(f"nothing to do: {escaped(said)}")


def _follow(session: Session, record: ChangeRecord, *, as_json: bool) -> ExitCode:
    if daemons.read(session.root, daemons.WORKER) is None:
        ERR.print("[dim]worker: starting[/]")
    daemons.ensure(session.root, daemons.WORKER)
    try:
        code = follow_change(session, record.app, record.change, as_json=as_json)
    except KeyboardInterrupt:
        named = f"{escaped(record.app)} {escaped(record.change)}"
        ERR.print(f"it goes on without you: millwright change show {named} --watch; millwright change cancel {named}")
        raise
    view = client.show_change(session.root, session.settings, record.app, record.change)
    refused = [event for event in view.events if event.kind == REFUSED]
    return ExitCode(refused[-1].properties["exit_code"]) if refused and code is ExitCode.FAILED else code
