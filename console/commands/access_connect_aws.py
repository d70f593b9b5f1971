"""`millwright access connect aws`: AWS's own clients at what an app has in its cloud, through the signing proxy."""

import os
from typing import Annotated, Final

import typer

from access.grants import Wanted
from console.access_clients import client_of
from console.access_connected import connected, run_below
from console.access_session import AccessSession
from console.commands.access_options import RUNS_ANOTHER, App, HowFar, Minutes, Reason
from console.commands.options import AppEnvironment
from console.identity import OwnKey, Who, identify
from factory.spec import Scope

# A profile, a role or another endpoint of the person's own would win over what the grant says.
OWN: Final = ("AWS_", "BOTO_")
SHELL: Final = "/bin/sh"


def aws(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    resource: Annotated[
        str, typer.Argument(metavar="RESOURCE", help="As app.yaml calls it: queues.jobs.", show_default=False)
    ],
    reason: Reason = "",
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Run a command (after `--`; default: your shell) whose AWS calls go through the proxy. Every call is recorded."""
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=resource,
        scope=scope,
        principal=who.id,
        reason=reason or "aws",
        minutes=minutes,
    )
    with connected(here, wanted, key) as (grant, _):
        told = client_of(here.session.root, grant)["environment"]
        code = run_below(context.args or [os.environ.get("SHELL") or SHELL], told, without=OWN)
    raise typer.Exit(code)


def register(connect: typer.Typer) -> None:
    """Add `aws` to `millwright access connect`."""
    connect.command("aws", context_settings=RUNS_ANOTHER)(aws)
