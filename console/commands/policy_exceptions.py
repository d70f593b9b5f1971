"""`millwright policy except|accept|report`: one person asks to have a finding accepted, another one accepts it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from console.change_view import one_line
from console.commands.options import Json
from console.commands.policy_reports import rules_here
from console.exception_findings import Wanted, found
from console.identity import OwnKey, Who, identify
from console.request_view import said
from console.session import Session, open_session
from console.show import ERR, OUT, print_json, report_engine
from console.signing import agreed, sign
from factory import db, findings, signatures
from factory.errors import ExitCode, InputError
from factory.exception_desk import Desk
from factory.exceptions import Accepted, Requested
from policies.accepted import controls, exceptions_of, utc_now
from policies.exceptions_used import Reported, Use, about, reported, used_in
from policies.exported import load_stack

DAYS = 30
COLOURS = {Use.EXPIRED: "bold red", Use.UNUSED: "yellow", Use.UNSEEN: "dim", Use.USED: "green"}
State = Annotated[
    list[Path] | None,
    typer.Option(
        "--state", metavar="FILE", help="An exported state, or a plan; several may be named.", show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again, on a terminal.")]


def request(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule's name, or `scanner/rule`.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why it is to be accepted.", show_default=False)],
    ticket: Annotated[str, typer.Option("--ticket", help="Where its mending is followed.", show_default=False)],
    urn: Annotated[str | None, typer.Option("--urn", help="The resource, exactly.", show_default=False)] = None,
    pattern: Annotated[
        str | None, typer.Option("--pattern", help="A URN with `*` in the resource's name.", show_default=False)
    ] = None,
    app: Annotated[
        str | None, typer.Option("--app", help="For a scanner's finding: whose file it is in.", show_default=False)
    ] = None,
    state: State = None,
    path: Annotated[
        str | None, typer.Option("--path", help="Which property, or which file.", show_default=False)
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", help="What the finding says, where no file holds it.", show_default=False),
    ] = None,
    days: Annotated[
        int, typer.Option("--expires", metavar="DAYS", min=1, max=90, help="For how many days from now.")
    ] = DAYS,
    id: Annotated[
        str | None, typer.Option("--id", help="Its name. Default: the rule and the day.", show_default=False)
    ] = None,
    person: Who = None,
    key: OwnKey = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Ask to have a finding accepted, signed with your SSH key; somebody of security accepts it, or nobody does.

    The finding is looked up in the file of --state, or (a scanner's) among what was found on changes of the app.
    """
    session = open_session(report_engine)
    now = utc_now()
    stated = found(session, Wanted(rule, urn, pattern, app, path, message), state or [])
    fields = {
        "factory": session.settings.identity or "",
        "id": id or f"{rule.replace('/', '-').lower()}-{now:%Y%m%d}",
        "rule": rule,
        "resource": urn,
        "pattern": pattern,
        "app": app,
        **stated._asdict(),
        "reason": reason,
        "ticket": ticket,
        "requested": now.isoformat(timespec="seconds"),
        "expires": str((now + timedelta(days=days)).date()),
    }
    entry = _requested(session, fields, now, person, key, yes=yes)
    if as_json:
        print_json({"exception": entry.id, "fingerprint": entry.fingerprint, "expires": entry.expires})
        return
    OUT.print(f"requested: {entry.id}; it covers nothing until somebody of security accepts it:")
    OUT.print(f"millwright policy accept {entry.id} --as PERSON")


def accept(
    id: Annotated[str, typer.Argument(metavar="ID", help="What was requested.", show_default=False)],
    person: Who = None,
    key: OwnKey = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Accept a finding that somebody else asked to have accepted, signed with your SSH key; needs the role security."""
    session = open_session(report_engine)
    desk = _desk(session)
    asked = desk.waiting_for(id)
    who, key = identify(session, person, key)
    desk.check_accept(asked, who.id, utc_now())
    _show(asked, f"asked for by {said(asked.requester)}, to be accepted by {said(who.id)}")
    _ask(yes=yes)
    now = utc_now()
    fields = {**asked.model_dump(), "approver": who.id, "approved": now.isoformat(timespec="seconds"), "signature": ""}
    entry = Accepted.model_validate(fields)
    signature = sign(session, who.id, key, entry.payload(), namespace=signatures.EXCEPTION)
    entry = entry.model_copy(update={"signature": signature})
    desk.accept(entry, now)
    if as_json:
        print_json(entry.as_json())
        return
    OUT.print(f"{entry}: from now on")


def report(state: State = None, as_json: Json = False) -> None:
    """List every exception: used, unused, expiring within 14 days, expired; and what waits for an approver.

    Whether one of a stack is used shows only with that stack's --state. Ends with 15 when one has expired.
    """
    session = open_session(report_engine)
    now = utc_now()
    entries = exceptions_of(session.root, session.settings).entries
    stacks = dict(load_stack(file) for file in state or [])
    rules = rules_here(None)
    used = used_in(stacks, entries, rules.controls, rules.settings, utc_now)
    used |= _scanned(session, entries)
    seen = {*stacks, *(entry.app for entry in entries if entry.app)}
    listed = reported(entries, used, seen, now)
    waiting = _desk(session).waiting()
    if as_json:
        for each in listed:
            print_json(each.as_json())
        for asked in waiting:
            print_json(_waiting(asked))
    else:
        _table(listed, waiting, now)
    if any(each.use is Use.EXPIRED for each in listed):
        raise typer.Exit(ExitCode.OVERDUE)


def add_to(policy: typer.Typer) -> None:
    """Add these commands to `millwright policy`."""
    policy.command("except")(request)
    policy.command()(accept)
    policy.command()(report)


def _desk(session: Session) -> Desk:
    return Desk(session.root, session.settings, db.connect(session.root, session.settings), controls(session.root))


def _requested(
    session: Session, fields: dict[str, Any], now: datetime, person: str | None, key: Path | None, *, yes: bool
) -> Requested:
    """Show what is asked for, have it signed, write it down."""
    desk = _desk(session)
    who, key = identify(session, person, key)
    entry = _valid({**fields, "requester": who.id, "request_signature": ""})
    desk.check_request(entry, now)
    _show(entry, f"asked for by {said(who.id)}")
    _ask(yes=yes)
    signature = sign(session, who.id, key, entry.request_payload(), namespace=signatures.EXCEPTION_REQUEST)
    entry = entry.model_copy(update={"request_signature": signature})
    desk.request(entry, now)
    return entry


def _valid(fields: dict[str, Any]) -> Requested:
    try:
        return Requested.model_validate(fields)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise InputError(f"no exception can say this: {told}") from None


def _show(entry: Requested, how: str) -> None:
    """Everything that is signed, as it is; what others wrote is shown letter by letter."""
    ERR.print(f"[bold]exception {one_line(entry.id)}[/], {how}")
    told = {
        "factory": entry.factory,
        "rule": entry.rule,
        "about": entry.urn or f"app {entry.app}",
        "finding": f"{entry.path} {entry.message}".strip(),
        "reason": entry.reason,
        "ticket": entry.ticket,
        "until": f"{entry.expires}, 00:00 UTC",
    }
    for name, text in told.items():
        ERR.print(f"  {name}: {one_line(text)}")
    ERR.print(f"  [dim]{entry.fingerprint}[/]")


def _ask(*, yes: bool) -> None:
    if not agreed(yes=yes):
        ERR.print("nothing was signed")
        raise typer.Exit(ExitCode.FAILED)


def _scanned(session: Session, entries: Iterable[Accepted]) -> set[str]:
    """The ids of the exceptions whose finding a scanner has reported."""
    used = set()
    with db.transaction(db.connect(session.root, session.settings)) as connection:
        for entry in entries:
            rule = entry.rule.partition("/")[2]
            known = findings.of_app(connection, entry.app, tool=entry.tool, rule=rule) if entry.app else []
            if entry.fingerprint in {finding.fingerprint() for finding in known}:
                used.add(entry.id)
    return used


def _waiting(asked: Requested) -> dict[str, Any]:
    return asked.model_dump(exclude={"request_signature", "id"}, exclude_none=True) | {
        "exception": asked.id,
        "state": "requested",
    }


def _table(listed: list[Reported], waiting: Iterable[Requested], now: datetime) -> None:
    rows = [_row(each, now) for each in listed]
    rows += [
        (a.id, "[yellow]requested[/]", a.rule, one_line(a.urn or f"{a.app}: {a.path}"), a.expires, a.requester)
        for a in waiting
    ]
    if not rows:
        OUT.print("nobody has accepted anything")
        return
    table = Table(box=None)
    for column in ("id", "state", "rule", "about", "until", "who"):
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "state"))
    for row in rows:
        table.add_row(*row)
    OUT.print(table)


def _row(each: Reported, now: datetime) -> tuple[str, ...]:
    entry = each.entry
    left = f" ({(entry.ends - now).days} days)" if each.expiring else ""
    state = f"[{COLOURS[each.use]}]{each.use}[/]" + (", [yellow]expiring[/]" if each.expiring else "")
    return (entry.id, state, entry.rule, one_line(about(entry)), entry.expires + left, said(entry.approver))
