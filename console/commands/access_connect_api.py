"""`millwright access connect api`: a command that calls an API whose credential nobody sees, recorded."""

from typing import Annotated

import typer

from access.grants import Wanted
from console.access_clients import client_of
from console.access_connected import connected, run_below
from console.access_session import AccessSession
from console.commands.access_options import RUNS_ANOTHER, App, Minutes, Reason
from console.commands.options import AppEnvironment, WrongUsage
from console.identity import OwnKey, Who, identify
from factory.spec import Scope, variable_name


def api(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    named: Annotated[str, typer.Argument(metavar="NAME", help="The API, as app.yaml names it.", show_default=False)],
    reason: Reason = "",
    scope: Annotated[
        Scope, typer.Option("--scope", help="read: GET, HEAD, OPTIONS; write: also POST, PUT, PATCH; admin: all.")
    ] = Scope.READ,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Run the command after `--`; it finds the API at NAME_URL, with NAME_TOKEN as its bearer. Requests are recorded.

    The grant ends with the command.
    """
    command = list(context.args)
    if not command:
        raise WrongUsage("Say which command calls it, after --.")
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=here.resource(name, "apis", named),
        scope=scope,
        principal=who.id,
        reason=reason or f"api: {command[0]}",
        minutes=minutes,
    )
    with connected(here, wanted, key) as (grant, token):
        told = client_of(here.session.root, grant)["environment"]
        code = run_below(command, {**told, f"{variable_name(named)}_TOKEN": token})
    raise typer.Exit(code)


def register(connect: typer.Typer) -> None:
    """Add `api` to `millwright access connect`."""
    connect.command("api", context_settings=RUNS_ANOTHER)(api)
