"""`millwright access connect secret`: a command that has a secret in its environment, and nobody else has."""

from typing import Annotated

import typer

from access.client import Access
from access.grants import Wanted
from console.access_connected import connected, run_below
from console.access_session import AccessSession
from console.commands.access_options import RUNS_ANOTHER, App, Minutes, Reason
from console.commands.options import AppEnvironment, WrongUsage
from console.identity import OwnKey, Who, identify
from factory.spec import Scope


def secret(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    named: Annotated[str, typer.Argument(metavar="NAME", help="The secret, as app.yaml names it.", show_default=False)],
    variable: Annotated[
        str | None,
        typer.Option("--variable", metavar="VARIABLE", help="Default: SIGNING_KEY of signing-key.", show_default=False),
    ] = None,
    reason: Reason = "",
    minutes: Minutes = None,
    grant: Annotated[
        str | None,
        typer.Option("--grant", metavar="GRANT", help="By one that is held; asks for its token.", show_default=False),
    ] = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Run the command after `--` with a secret in a variable. That it was read is recorded; the value is never shown.

    The grant ends with the command. What the command does with the value is its own: what has been read stays known.
    """
    command = list(context.args)
    if not command:
        raise WrongUsage("Say which command has it, after --: a value is never shown.")
    if variable is not None and not variable.isidentifier():
        raise WrongUsage(f"{variable!r} cannot be a variable.")
    here = AccessSession.opened()
    access, resource = Access(here.session.root), here.resource(name, "secrets", named)
    if grant is not None:
        held = here.grant(grant)
        read = access.secret(held.id, typer.prompt("token", hide_input=True, err=True))
        raise typer.Exit(run_below(command, {variable or read.variable: read.value}))
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=resource,
        scope=Scope.READ,
        principal=who.id,
        reason=reason or f"secret: {command[0]}",
        minutes=minutes,
    )
    with connected(here, wanted, key) as (given, token):
        read = access.secret(given.id, token)
        code = run_below(command, {variable or read.variable: read.value})
    raise typer.Exit(code)


def register(connect: typer.Typer) -> None:
    """Add `secret` to `millwright access connect`."""
    connect.command("secret", context_settings=RUNS_ANOTHER)(secret)
