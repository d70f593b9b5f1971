"""`millwright inbox|review|approve|refuse`: what waits for a person, everything it is decided on, and the decision."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Engine

from console.change_view import one_line, plain
from console.commands.options import Json
from console.identity import OwnKey, Who, identify
from console.request_view import able, commands, deciders, place, progress, review_lines, said
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from console.signing import agreed, sign
from factory import daemons, db, decisions, requests, signatures
from factory.decisions import Decision, Verdict
from factory.errors import DecisionRequired, ExitCode, InputError
from factory.fingerprints import fingerprint as fingerprint_of
from factory.gates import Gate
from factory.people import People, load_people
from factory.requests import Request, RequestState
from factory.spec import load_app

Id = Annotated[int, typer.Argument(metavar="ID", help="The request, as the inbox numbers it.", show_default=False)]
Fingerprint = Annotated[
    str | None,
    typer.Option(
        "--fingerprint",
        help="What you were shown; refused when it is another now.",
        metavar="SHA256",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again, on a terminal.")]
NEXT: dict[tuple[Gate, Verdict], str] = {
    (Gate.ARCHITECTURE, Verdict.APPROVE): "nothing by itself; the same update may lose this now, once",
    (Gate.ARCHITECTURE, Verdict.REFUSE): "it stays as it is",
    (Gate.SECURITY_EXCEPTION, Verdict.APPROVE): "the change goes on, with these findings accepted",
    (Gate.SECURITY_EXCEPTION, Verdict.REFUSE): "the findings and your reason go back to the coder",
    (Gate.MERGE, Verdict.APPROVE): "this very commit is merged, tested as merged, and goes to staging",
    (Gate.MERGE, Verdict.REFUSE): "your reason goes back to the coder",
    (Gate.PRODUCTION, Verdict.APPROVE): "it goes to production, and returns by itself when it is bad",
    (Gate.PRODUCTION, Verdict.REFUSE): "it stays in staging, and production as it is",
    (Gate.DESTROY, Verdict.APPROVE): "nothing by itself; what it allows is `millwright destroy`",
    (Gate.DESTROY, Verdict.REFUSE): "it stays as it is",
}


def inbox(
    app: Annotated[str | None, typer.Option("--app", help="Only that of one app.")] = None, as_json: Json = False
) -> None:
    """List what waits for a person, oldest first, and who may decide it."""
    session = open_session(report_engine)
    if app is not None:
        load_app(session.root, app)
    people = load_people(session.root, session.settings)
    with db.transaction(db.connect(session.root, session.settings)) as connection:
        waiting = requests.open_requests(connection, app=app)
        made = {request.id: decisions.decisions_of(connection, request.id) for request in waiting}
    if as_json:
        for request in waiting:
            print_json(_told(request, people, made[request.id], without={"shown", "nonce"}))
        return
    if not waiting:
        OUT.print("nothing waits for a person")
        return
    table = Table(box=None)
    for title in ("id", "gate", "about", "what", "who decides", "since"):
        table.add_column(title, overflow="fold", no_wrap=title in ("id", "gate", "who decides"))
    for request in waiting:
        how = f", {told}" if (told := progress(request, made[request.id])) else ""
        who = plain("\n".join([f"{request.role}{how}:", *deciders(request, people, made[request.id])]))
        since = request.opened[:16].replace("T", " ")
        table.add_row(str(request.id), request.gate, plain(place(request)), one_line(request.title), who, since)
    OUT.print(table)
    OUT.print(f"\n[dim]everything it is decided on:[/] millwright review {waiting[0].id}")


def review(identifier: Id, as_json: Json = False) -> None:
    """Show everything that a request is decided on, and the commands that decide it."""
    session = open_session(report_engine)
    database = db.connect(session.root, session.settings)
    request = _request(database, identifier)
    people = load_people(session.root, session.settings)
    with db.transaction(database) as connection:
        made = decisions.decisions_of(connection, request.id)
    if as_json:
        said_so_far = {"decisions": [decision.model_dump(mode="json") for decision in made]}
        print_json(_told(request, people, made) | said_so_far | {"commands": commands(request, people, made)})
        return
    for line in review_lines(request, people, made):
        OUT.print(line)


def approve(
    identifier: Id,
    person: Who = None,
    key: OwnKey = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.", show_default=False)] = "",
    fingerprint: Fingerprint = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Approve what a request shows, signed with your SSH key."""
    desk = _Desk(identifier, fingerprint)
    _announce(desk, desk.decide(Verdict.APPROVE, reason, person, key, yes=yes), as_json=as_json)


def refuse(
    identifier: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why; others act on it.", show_default=False)],
    person: Who = None,
    key: OwnKey = None,
    fingerprint: Fingerprint = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Refuse what a request shows, signed with your SSH key."""
    desk = _Desk(identifier, fingerprint)
    _announce(desk, desk.decide(Verdict.REFUSE, reason, person, key, yes=yes), as_json=as_json)


def register(millwright: typer.Typer) -> None:
    """Add these commands to `millwright`."""
    for command in (inbox, review, approve, refuse):
        millwright.command(rich_help_panel="Decisions")(command)


class _Desk:
    """One request before one person. Raises InputError when it shows something else than `fingerprint`."""

    def __init__(self, identifier: int, fingerprint: str | None) -> None:
        self.session = open_session(report_engine)
        self.database = db.connect(self.session.root, self.session.settings)
        self.request = _request(self.database, identifier)
        if fingerprint is not None and fingerprint != self.request.fingerprint:
            raise InputError(
                f"request {identifier} shows {self.request.fingerprint}, and you were shown {fingerprint}",
                hint=f"look again: millwright review {identifier}",
            )

    def decide(self, verdict: Verdict, reason: str, person: str | None, key: Path | None, *, yes: bool) -> Decision:
        """Say what is decided, ask where somebody can answer, sign, record."""
        who, key = identify(self.session, person, key)
        request = self.request
        ERR.print(f"[bold]{verdict}[/] request {request.id}, {request.gate}: {one_line(request.title)}")
        ERR.print(f"  about {plain(place(request))}, as {plain(said(who.id))}")
        ERR.print(f"  [dim]{request.fingerprint}[/]")
        if not agreed(yes=yes):
            ERR.print("nothing was decided")
            raise typer.Exit(ExitCode.FAILED)
        payload = decisions.payload(request, verdict, who.id, reason)
        signature = sign(self.session, who.id, key, payload, namespace=signatures.DECISION)
        return decisions.decide(
            self.database,
            # Read again: whoever was asked may have taken their time.
            load_people(self.session.root, self.session.settings),
            request.id,
            verdict=verdict,
            person=who.id,
            reason=reason,
            signature=signature,
        )


def _announce(desk: _Desk, made: Decision, *, as_json: bool) -> None:
    request = _request(desk.database, desk.request.id)
    with db.transaction(desk.database) as connection:
        so_far = decisions.decisions_of(connection, request.id)
    people = load_people(desk.session.root, desk.session.settings)
    waits = request.state is RequestState.OPEN
    follows = _more(request, people, so_far) if waits else _next(request, made.verdict)
    if as_json:
        approved = {"state": request.state.value, "approvals": request.approvals, "approved_by": _approved_by(so_far)}
        print_json(made.model_dump(mode="json") | approved | {"next": follows})
        return
    OUT.print(f"request {request.id}: {plain(said(made.person))} decided [bold]{made.verdict}[/]")
    OUT.print(f"  next: {plain(follows)}")
    if request.change is not None:
        OUT.print(f"  millwright change show {escaped(request.app)} {escaped(request.change)} --watch")
        if daemons.read(desk.session.root, daemons.WORKER) is None:
            ERR.print("[yellow]the worker does not run, so it waits:[/] millwright factory up")


def _next(request: Request, verdict: Verdict) -> str:
    """What this verdict leads to. At the gate `attention` the request itself says what either means."""
    if request.gate is Gate.PRODUCTION and verdict is Verdict.REFUSE and request.shown.get("restores"):
        return "production stays as it is"
    told = NEXT.get((request.gate, verdict)) or request.shown.get(verdict)
    return told if isinstance(told, str) else "the change goes on accordingly"


def _more(request: Request, people: People, made: list[Decision]) -> str:
    """What an approval leads to while others are needed beside it."""
    return f"{progress(request, made)}; it waits for {', '.join(deciders(request, people, made))}"


def _approved_by(made: list[Decision]) -> list[str]:
    return [decision.person for decision in made if decision.verdict is Verdict.APPROVE]


def _told(request: Request, people: People, made: list[Decision], without: set[str] | None = None) -> dict[str, Any]:
    told = request.model_dump(mode="json", exclude=without)
    return told | {"may_decide": able(request, people, made), "approved_by": _approved_by(made)}


def _request(database: Engine, identifier: int) -> Request:
    with db.transaction(database) as connection:
        request = requests.read(connection, identifier)
    if request is None:
        raise InputError(f"there is no request {identifier}", hint="millwright inbox shows the open ones")
    if fingerprint_of(request.shown) != request.fingerprint:
        raise DecisionRequired(
            f"request {identifier} does not show what its fingerprint says: its row was changed after it was asked",
            hint="nothing of it can be believed: cancel the change and submit it anew",
        )
    return request
