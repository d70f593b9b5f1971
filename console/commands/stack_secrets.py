"""`millwright secrets list|status|rotate`: how old the apps' secrets are, and what encrypts the stacks' secrets."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from console import completion
from console.commands.options import EnvironmentName, Json
from console.session import Session, open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from engine.environment import prepare_any
from factory.errors import ExitCode
from factory.spec import AppSpec, Environment, app_names, load_app
from stacks.driver.client import UNATTESTED
from stacks.names import declared
from stacks.program.keys import secret_key

if TYPE_CHECKING:
    from stacks.rotation import Standing
    from stacks.secret_ages import SecretAge

app = typer.Typer(no_args_is_help=True, help="The apps' secrets, and what encrypts the stacks' secrets.")
WhichApp = Annotated[
    str | None,
    typer.Argument(metavar="APP", help="Only this app. Default: all.", autocompletion=completion.apps),
]


@app.command("list")
def list_secrets(which: WhichApp = None, environment: EnvironmentName = None, as_json: Json = False) -> None:
    """Show how old the value of each app's secret is, and which are older than app.yaml says; no value is read."""
    # Imported late: with it comes the database (0.5 s).
    from factory import db
    from stacks.secret_ages import Age, secret_ages

    session = open_session(report_engine)
    chosen = _chosen(session, which, environment)
    database = db.connect(session.root, session.settings)
    found = [
        each
        for spec, where in chosen
        for each in secret_ages(session.root, session.settings, database, spec, where, now())
    ]
    _show_ages(found, as_json=as_json)
    if any(each.age is Age.OVERDUE for each in found):
        raise typer.Exit(ExitCode.OVERDUE)


@app.command()
def status(as_json: Json = False) -> None:
    """Show for each stack what encrypts its secrets, and whether the settings say so."""
    # Imported late: with it comes the database (0.5 s).
    from stacks import rotation

    session = open_session(report_engine)
    if (session.root.rotation / rotation.PLAN).exists():
        ERR.print("[yellow]a rotation was stopped half-way:[/] `millwright secrets rotate` goes on")
    _show(rotation.standing(session.root, session.settings), as_json=as_json)


@app.command()
def rotate(
    production: Annotated[
        bool, typer.Option("--production", help="Also production's; what is decided there must be decided anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give the secrets of every stack a new key, of what `secrets_provider` names. Stopped, it goes on when run again.

    The values of the secrets stay as they are.
    """
    # Imported late: with it comes the database (0.5 s).
    from stacks import rotation

    session = open_session(report_engine)
    env = prepare_any(session.root, session.settings, policy_pack=None, progress=report_engine)
    rotated = rotation.rotate(
        session.root,
        session.settings,
        env,
        actor=UNATTESTED,
        production=production,
        report=lambda line: ERR.print(f"[dim]{escaped(line)}[/]"),
    )
    _show(rotated, as_json=as_json)


def register(millwright: typer.Typer) -> None:
    """Add `secrets` to `millwright`."""
    millwright.add_typer(app, name="secrets", rich_help_panel="Factory")


def now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def _chosen(session: Session, app: str | None, environment: str | None) -> list[tuple[AppSpec, Environment]]:
    """The environments that are meant. Raises InputError for what no app declares."""
    if app is not None and environment is not None:
        spec, which = declared(session.root, app, environment)
        return [(spec, which)] if isinstance(spec, AppSpec) and isinstance(which, Environment) else []
    specs = [load_app(session.root, name) for name in ([app] if app else app_names(session.root))]
    return [(spec, which) for spec in specs for which in spec.environments]


def _show_ages(found: list["SecretAge"], *, as_json: bool) -> None:
    from stacks.secret_ages import Age

    if as_json:
        for each in found:
            print_json(each.as_json())
        return
    table = Table("app", "environment", "secret", "value since", "another by", "age", box=None)
    for each in found:
        since, due = (f"{time:%Y-%m-%d}" if time else "-" for time in (each.since, each.due))
        told = f"[red]{each.age}[/]" if each.age is Age.OVERDUE else each.age
        table.add_row(each.app, each.environment, each.secret, since, due, told)
    OUT.print(table if found else "no app here declares a secret")
    for each in (each for each in found if each.age is Age.OVERDUE):
        stack = f"{each.app}-{each.environment}"
        ERR.print(
            f"[dim]{stack}: pulumi config set --secret {secret_key(each.secret)} -s {stack}, then "
            f"millwright up {each.app} {each.environment}[/]"
        )


def _show(found: list["Standing"], *, as_json: bool) -> None:
    for each in found:
        if as_json:
            print_json(each.as_json())
            continue
        note = "" if each.expected else "  [yellow]not what secrets_provider says: millwright secrets rotate[/]"
        OUT.print(f"[bold]{escaped(each.stack):<24}[/] {escaped(each.provider)}{note}")
