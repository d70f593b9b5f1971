"""`millwright access connect psql`: psql at a database, through the relay that records every statement."""

from typing import Annotated

import typer

from access.grants import Wanted
from console.access_clients import client_of
from console.access_connected import connected, run_below
from console.access_session import AccessSession, program
from console.commands.access_options import RUNS_ANOTHER, App, HowFar, Minutes, Reason
from console.commands.options import AppEnvironment
from console.identity import OwnKey, Who, identify
from factory.spec import Scope

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="NAME", help="Where app.yaml declares several.", show_default=False),
]


def psql(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    database: Database = None,
    reason: Reason = "",
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Open psql at a database. Every statement is recorded; the grant ends with psql. After `--`: psql's options."""
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=here.resource(name, "databases", database),
        scope=scope,
        principal=who.id,
        reason=reason or "psql",
        minutes=minutes,
    )
    client = program("psql")
    with connected(here, wanted, key) as (grant, token):
        told = client_of(here.session.root, grant)["environment"]
        code = run_below([client, *context.args], {**told, "PGPASSWORD": token})
    raise typer.Exit(code)


def register(connect: typer.Typer) -> None:
    """Add `psql` to `millwright access connect`."""
    connect.command("psql", context_settings=RUNS_ANOTHER)(psql)
