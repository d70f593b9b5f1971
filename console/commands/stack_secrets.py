"""`millwright secrets status|rotate`: what encrypts the stacks' secrets, and another key for it."""

from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.options import Json
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from engine.environment import prepare_any
from stacks.driver.client import UNATTESTED

if TYPE_CHECKING:
    from stacks.rotation import Standing

app = typer.Typer(no_args_is_help=True, help="What encrypts the stacks' secrets.")


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


def _show(found: list["Standing"], *, as_json: bool) -> None:
    for each in found:
        if as_json:
            print_json(each.as_json())
            continue
        note = "" if each.expected else "  [yellow]not what secrets_provider says: millwright secrets rotate[/]"
        OUT.print(f"[bold]{escaped(each.stack):<24}[/] {escaped(each.provider)}{note}")
