"""`millwright access`: who is let into what, for how long, and what ends it."""

from typing import Annotated

import typer
from rich.table import Table

from access import rules
from access.grants import OVER, Given, Grant, State, Wanted, store
from console import completion
from console.access_clients import client_of, shell_line
from console.access_session import AccessSession
from console.change_view import one_line, plain
from console.commands import access_connect, access_replay, access_ssh, inbox
from console.commands.access_connect_git import Change, named
from console.commands.access_options import App, HowFar, Minutes, Reason
from console.commands.inbox import Yes
from console.commands.options import AppEnvironment, Json, WrongUsage
from console.identity import OwnKey, Who, identify
from console.request_view import said
from console.show import ERR, OUT, escaped, print_json
from console.signing import agreed
from factory import db, events
from factory.document import load_document
from factory.errors import ExitCode, InputError
from factory.spec import Function, Scope, app_names

app = typer.Typer(no_args_is_help=True, help="Access: leases on what apps have, recorded, and ended in time.")
Resource = Annotated[
    str, typer.Argument(metavar="RESOURCE", help="As app.yaml calls it: databases.database.", show_default=False)
]
Id = Annotated[
    str, typer.Argument(metavar="GRANT", help="Its id, or so much of its beginning or end.", show_default=False)
]
COLOURS = {State.ACTIVE: "green", State.REQUESTED: "yellow", State.REVOKE_FAILED: "bold red", State.DENIED: "red"}


@app.command()
def request(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    name: App,
    environment: AppEnvironment,
    resource: Resource,
    reason: Reason,
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    change: Change = None,
    person: Who = None,
    key: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Ask to be let into something, signed with your SSH key. The token is shown once, and kept nowhere."""
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=resource,
        scope=scope,
        principal=who.id,
        change=named(change),
        reason=reason,
        minutes=minutes,
    )
    # First of all: without what logs and opens, nothing is given.
    here.broker()
    given = here.desk.ask(wanted, here.signs(who.id, key))
    given = Given(here.opened_grant(given.grant, decided=False), given.token)
    if as_json:
        print_json(given.grant.shown() | {"token": given.token} | client_of(here.session.root, given.grant))
        return
    _tell_given(here, given)


@app.command()
def why(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked about
    name: App,
    environment: AppEnvironment,
    resource: Resource,
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    function: Annotated[
        Function | None, typer.Option("--function", help="For a task of this function.", show_default=False)
    ] = None,
    person: Who = None,
    as_json: Json = False,
) -> None:
    """Say whether the rules let somebody in, and why; nothing is asked for. Exit code 17 when they do not."""
    if (function is None) == (person is None):
        raise WrongUsage("Say for whom: --function FUNCTION, or --as PERSON.")
    here = AccessSession.opened()
    principal = person if function is None else f"agent:{name}/{function}/why"
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=resource,
        scope=scope,
        principal=str(principal),
        function=function,
        minutes=minutes,
    )
    verdict = here.desk.verdicts.why(wanted)
    if as_json:
        print_json(rules.as_json(verdict))
    else:
        file = here.session.root.apps / name / "app.yaml"
        OUT.print(rules.explain(verdict, load_document(file)), markup=False)
    if not verdict.allowed:
        raise typer.Exit(ExitCode.ACCESS_DENIED)


@app.command("list")
def list_(
    name: Annotated[
        str | None, typer.Option("--app", metavar="APP", help="Only those of one app.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="With --all: the last so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List what is held and asked for, oldest first."""
    here = AccessSession.opened()
    with db.transaction(here.database) as connection:
        if everything:
            found = store.newest(connection, app=name, limit=limit)
        else:
            found = store.in_states(connection, set(State) - OVER, app=name)
    if as_json:
        for grant in found:
            print_json(grant.shown())
        return
    if not found:
        OUT.print("nothing is held" if not everything else "nothing was ever asked for")
        return
    table = Table("grant", "who", "what", "scope", "state", "until", box=None)
    for grant in found:
        state = f"[{COLOURS.get(grant.state, 'dim')}]{grant.state}[/]"
        where = plain(f"{grant.app} {grant.environment} {grant.resource}")
        table.add_row(grant.id, plain(said(grant.principal)), where, grant.scope, state, _time(grant.lease_until))
    OUT.print(table)


@app.command()
def show(id: Id, as_json: Json = False) -> None:
    """Show a grant, and everything that happened to it."""
    here = AccessSession.opened()
    grant = here.grant(id)
    with db.transaction(here.database) as connection:
        happened = [
            each
            for each in events.of_kinds(connection, sorted(store.KINDS_TOLD), app=grant.app)
            if each.properties.get("grant") == grant.id
        ]
    if as_json:
        print_json(grant.shown() | {"events": [each.model_dump(mode="json") for each in happened]})
        return
    table = Table(box=None, show_header=False)
    for title, value in grant.shown().items():
        if value not in (None, "", 0):
            table.add_row(f"[dim]{title}[/]", plain(str(value)))
    OUT.print(table)
    if line := shell_line(here.session.root, grant):
        OUT.print(f"  {escaped(line)}  [dim](the password is the token)[/]")
    OUT.print()
    for each in happened:
        told = each.properties.get("why") or ""
        OUT.print(f"{_time(each.time)}  {each.kind:<20} {escaped(each.actor)}  [dim]{escaped(one_line(str(told)))}[/]")


@app.command()
def approve(
    id: Id,
    person: Who = None,
    key: OwnKey = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.", show_default=False)] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let somebody in who waits for it: the same signed decision as `millwright approve`."""
    inbox.approve(_asked(id), person, key, reason, None, yes, as_json)


@app.command()
def deny(
    id: Id, reason: Reason, person: Who = None, key: OwnKey = None, yes: Yes = False, as_json: Json = False
) -> None:
    """Do not let somebody in who waits for it: the same signed decision as `millwright refuse`."""
    inbox.refuse(_asked(id), reason, person, key, None, yes, as_json)


@app.command()
def revoke(id: Id, reason: Reason, person: Who = None, key: OwnKey = None, as_json: Json = False) -> None:
    """End a grant, and every session under it, within two seconds; its holder may, and who answers for the app."""
    here = AccessSession.opened()
    grant = here.grant(id)
    who, key = identify(here.session, person, key)
    here.broker()
    after = here.desk.revoke(grant, reason, who.id, here.signs(who.id, key))
    _tell_ended(here, [after], as_json=as_json)


@app.command()
def stop(
    reason: Reason,
    name: Annotated[
        str | None,
        typer.Argument(metavar="APP", help="The app.", show_default=False, autocompletion=completion.apps),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of every app.")] = False,
    person: Who = None,
    key: OwnKey = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Emergency stop: end all that is held or asked for of an app, or of all, and every session, within two seconds."""
    if (name is None) != everything:
        raise WrongUsage("Name an app, or say --all.")
    here = AccessSession.opened()
    with db.transaction(here.database) as connection:
        known = {
            *app_names(here.session.root),
            *(grant.app for grant in store.in_states(connection, set(State) - OVER)),
        }
    if name is not None and name not in known:
        raise InputError(f"no app named {name!r}", hint=f"there are: {', '.join(sorted(known))}")
    who, key = identify(here.session, person, key)
    if not agreed(yes=yes):
        ERR.print("nothing was stopped")
        raise typer.Exit(ExitCode.FAILED)
    here.broker()
    stopped = here.desk.stop(name, reason, who.id, here.signs(who.id, key))
    _tell_ended(here, stopped, as_json=as_json)


# Once, not at each `register`: the group outlives a command line.
access_connect.register(app)
access_replay.register(app)
access_ssh.register(app)


def register(millwright: typer.Typer) -> None:
    """Add `access` to `millwright`."""
    millwright.add_typer(app, name="access", rich_help_panel="Access")


def _asked(id: str) -> int:
    grant = AccessSession.opened().grant(id)
    if grant.request is None:
        raise InputError(f"nobody is asked about the grant {grant.id}: it is {grant.state}")
    return grant.request


def _tell_given(here: AccessSession, given: Given) -> None:
    grant = given.grant
    if grant.state is State.REQUESTED:
        OUT.print(f"[yellow]waits for a person:[/] millwright access approve {grant.id}")
    else:
        OUT.print(f"[green]open until[/] {_time(grant.lease_until)}  (at most {_time(grant.hard_until)})")
        OUT.print(f"  {escaped(shell_line(here.session.root, grant))}")
    OUT.print(f"  grant  {grant.id}")
    OUT.print(f"  token  {given.token}  [dim](the password; shown once)[/]")
    OUT.print(f"  [dim]end it:[/] millwright access revoke {grant.id} --reason done")


def _tell_ended(here: AccessSession, grants: list[Grant], *, as_json: bool) -> None:
    ended = [here.ended_grant(grant) for grant in grants]
    if as_json:
        for grant in ended:
            print_json(grant.shown())
        return
    for grant in ended:
        OUT.print(f"{grant.id}  {grant.state}  {plain(said(grant.principal))}")
    if not ended:
        OUT.print("nothing was held")


def _time(moment: str | None) -> str:
    return "" if moment is None else f"{moment[:19].replace('T', ' ')} UTC"
