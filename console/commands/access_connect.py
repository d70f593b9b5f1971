"""`millwright access connect`: a person walks the way that agents' tasks walk, and it is recorded alike."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from access.certificates import files
from access.grants import Grant, Overtaken, State, Wanted
from console import completion
from console.access_session import AccessSession, program
from console.commands.options import AppEnvironment
from console.identity import OwnKey, Who, identify
from console.show import ERR
from factory.errors import InputError, MillwrightError
from factory.spec import Scope, load_app

connect = typer.Typer(no_args_is_help=True, help="Be let in, work, and be out again when you leave.")
Database = Annotated[
    str | None,
    typer.Option("--database", metavar="NAME", help="Where app.yaml declares several.", show_default=False),
]


@connect.command("psql", context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def psql(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="APP", help="The app.", show_default=False, autocompletion=completion.apps)
    ],
    environment: AppEnvironment,
    database: Database = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.", show_default=False)] = "",
    scope: Annotated[Scope, typer.Option("--scope", help="How far.")] = Scope.READ,
    minutes: Annotated[
        int | None, typer.Option("--minutes", metavar="N", min=1, help="For how long.", show_default=False)
    ] = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Open psql at a database. Every statement is recorded; the grant ends with psql. After `--`: psql's options."""
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, environment),
        resource=f"databases.{_the_database(here, name, database)}",
        scope=scope,
        principal=who.id,
        reason=reason or "psql",
        minutes=minutes,
    )
    client = program("psql")
    here.broker()
    given = here.desk.ask(wanted, here.signs(who.id, key))
    left = "it was left"
    try:
        grant = here.opened_grant(given.grant, decided=True)
        ERR.print(f"[dim]grant {grant.id}: {scope}, recorded, until {str(grant.lease_until)[11:19]} UTC[/]")
        told = client_of(here, grant)["environment"]
        # The password goes by the environment: arguments are for everybody to see.
        ran = subprocess.run(
            [client, *context.args], env={**os.environ, **told, "PGPASSWORD": given.token}, check=False
        )
    except KeyboardInterrupt:
        left = "it was given up"
        raise
    finally:
        with contextlib.suppress(Overtaken, MillwrightError):
            here.desk.end(here.read(given.grant), left, actor=who.id)
    raise typer.Exit(ran.returncode)


def client_of(here: AccessSession, grant: Grant) -> dict[str, Any]:
    """What a client needs to be let in, beside the token: libpq's own environment variables; nothing before it is open.

    https://www.postgresql.org/docs/16/libpq-envars.html
    """
    if grant.state is not State.ACTIVE:
        return {"environment": {}}
    place, _, database = grant.door.partition("/")
    host, _, port = place.rpartition(":")
    return {
        "environment": {
            "PGHOST": host,
            "PGPORT": port,
            "PGUSER": grant.provider_ref,
            "PGDATABASE": database,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(files(here.session.root.access).certificate),
        }
    }


def shell_line(here: AccessSession, grant: Grant) -> str:
    """The same as a line for a shell."""
    told = client_of(here, grant)["environment"]
    return " ".join([*(f"{name}={value}" for name, value in told.items()), "psql"])


def register(access: typer.Typer) -> None:
    """Add `connect` to `millwright access`."""
    access.add_typer(connect, name="connect")


@contextlib.contextmanager
def _interrupted_only_below() -> Iterator[None]:
    """In psql, Ctrl-C ends a query and not psql: whoever waits for it must not end either."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _the_database(here: AccessSession, app: str, named: str | None) -> str:
    known = list(load_app(here.session.root, app).databases)
    if named is None and len(known) == 1:
        return known[0]
    if named not in known:
        what = f"{app} has no database {named!r}" if named else f"{app} has {len(known)} databases"
        raise InputError(what, hint=f"name one: {', '.join(known)}" if known else "it declares none")
    return str(named)
