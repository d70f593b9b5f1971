"""`millwright up|preview|destroy|drift|outputs APP ENV`, the first two also with `--all`: the driver's door."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from console.commands.options import (
    AppOrPlatform,
    EnvironmentName,
    Everywhere,
    Json,
    OneApp,
    OneEnvironment,
    OnlyApp,
    OnlyEnvironment,
    Parallel,
    Plans,
    WrongUsage,
    named,
    no_stack,
    one_stack,
)
from console.identity import OwnKey, Who, identify
from console.many import Asked, carry_out_all, show_at_risk
from console.session import open_session
from console.show import OUT, escaped, print_json, report_engine
from console.watch import follow
from factory.errors import DecisionRequired, ExitCode, InputError
from factory.spec import Environment
from stacks.driver import Kind, Result, read_outputs, verdict
from stacks.names import declared
from stacks.shared_platform import PLATFORM, stack_of


def up(  # noqa: PLR0913, PLR0917 -- one parameter for each word that a user may say
    app: OneApp = None,
    environment: OneEnvironment = None,
    everywhere: Everywhere = False,
    only: OnlyEnvironment = None,
    only_app: OnlyApp = None,
    parallel: Parallel = None,
    as_json: Json = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Look up what the cloud holds first.")] = False,
) -> None:
    """Make an environment, or every one but production, what its app.yaml declares."""
    if everywhere:
        no_stack(app)
        asked = Asked(kind=Kind.UP, environment=only, app=only_app, parallel=parallel, refresh=refresh)
        raise typer.Exit(carry_out_all(asked, as_json=as_json))
    app, environment = one_stack(app, environment, only, only_app, parallel)
    _carry_out(Kind.UP, app, environment, as_json=as_json, refresh=refresh)


def preview(  # noqa: PLR0913, PLR0917 -- one parameter for each word that a user may say
    app: OneApp = None,
    environment: OneEnvironment = None,
    everywhere: Everywhere = False,
    only: OnlyEnvironment = None,
    only_app: OnlyApp = None,
    parallel: Parallel = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--changed-since",
            metavar="REF",
            help="With --all: only apps that may have changed since this git ref.",
            show_default=False,
        ),
    ] = None,
    plans: Plans = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --all: a table for a pull request.")] = False,
) -> None:
    """Show what `up` would change, and change nothing; exit code 13 when it would lose data."""
    if everywhere:
        no_stack(app)
        if as_json and markdown:
            raise WrongUsage("--json and --markdown are two answers: choose one.")
        asked = Asked(
            kind=Kind.PREVIEW,
            environment=only,
            app=only_app,
            parallel=parallel,
            changed_since=since,
            plans=_absolute(plans),
        )
        raise typer.Exit(carry_out_all(asked, as_json=as_json, markdown=markdown))
    app, environment = one_stack(app, environment, only, only_app, parallel, since, markdown)
    session = open_session(report_engine)
    session.check(Kind.PREVIEW, app, environment)
    (result,) = follow([session.driver.start_preview(app, environment, plans=_absolute(plans))], as_json=as_json)
    show_at_risk(result, as_json=as_json)
    raise typer.Exit(verdict(result))


def destroy(
    app: AppOrPlatform,
    environment: EnvironmentName = None,
    person: Who = None,
    key: OwnKey = None,
    as_json: Json = False,
) -> None:
    """Remove everything of an environment. Production's needs a decision: without one, another person is asked."""
    environment = named(app, environment)
    if environment == Environment.PRODUCTION:
        _ask_before_destroy(app, environment, person, key)
    _carry_out(Kind.DESTROY, app, environment, as_json=as_json)


def drift(app: AppOrPlatform, environment: EnvironmentName = None, as_json: Json = False) -> None:
    """Show what is no longer in the cloud as it was left; exit code 11 when something is not."""
    result = _carry_out(Kind.DRIFT, app, named(app, environment), as_json=as_json)
    if result.changed:
        raise typer.Exit(ExitCode.CHANGES_FOUND)


def outputs(app: AppOrPlatform, environment: EnvironmentName = None, as_json: Json = False) -> None:
    """Show what an environment's last update left."""
    environment = named(app, environment)
    session = open_session(report_engine)
    found = read_outputs(session.root, session.settings, app, environment)
    if found is None:
        stack = stack_of(*declared(session.root, app, environment))
        wanted = app if app == PLATFORM else f"{app} {environment}"
        raise InputError(f"{stack} does not stand", hint=f"millwright up {wanted}")
    if as_json:
        print_json(found.model_dump())
        return
    table = Table(box=None, show_header=False)
    for key, value in found.model_dump(exclude_none=True).items():
        table.add_row(f"[bold]{key}[/]", escaped(str(value)))
    OUT.print(table)


def register(app: typer.Typer) -> None:
    """Add these commands to `millwright`."""
    for command in (up, preview, destroy, drift, outputs):
        app.command(rich_help_panel="Stacks")(command)


def _ask_before_destroy(app: str, environment: str, person: str | None, key: Path | None) -> None:
    """Open the question, signed by who asks, unless it was asked. Raises DecisionRequired until it is decided."""
    # Imported late: other commands need no database and no signature (0.5 s).
    from console.signing import sign
    from factory import db, signatures
    from factory.requests import RequestState
    from stacks import destruction, places

    session = open_session(report_engine)
    spec, which = declared(session.root, app, environment)
    place = places.in_production(
        session.root, session.settings, db.connect(session.root, session.settings), spec, which
    )
    if place is None:
        return
    request = destruction.asked(place)
    if request is None:
        asking, key = identify(session, person, key)
        payload = destruction.payload(place, asking.id)
        signature = sign(session, asking.id, key, payload, namespace=signatures.SUBMIT)
        request = destruction.ask(place, asking.id, signature)
    if request.state is RequestState.OPEN:
        raise DecisionRequired(
            f"{place.stack} is production: destroying it waits for a person's decision, request {request.id}",
            hint=f"millwright review {request.id}; once it is approved, run this command again",
        )


def _absolute(folder: Path | None) -> Path | None:
    """From the folder of the command: the engine works in one of its own."""
    return None if folder is None else Path.cwd() / folder


def _carry_out(kind: Kind, app: str, environment: str, *, as_json: bool, refresh: bool = False) -> Result:
    session = open_session(report_engine)
    # Wrong names are refused before anything slow starts.
    session.check(kind, app, environment)
    (result,) = follow([session.driver.start(kind, app, environment, refresh=refresh)], as_json=as_json)
    return result
