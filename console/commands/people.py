"""`millwright people list|demo`: who may decide what, and the labelled stand-ins of the demo."""

from typing import Annotated

import typer
from rich.table import Table

from console.change_view import plain
from console.commands.options import Json
from console.session import Session, open_session
from console.show import OUT, print_json, report_engine
from factory import demo_people, signatures
from factory.people import load_people

Deputy = Annotated[
    bool, typer.Option("--deputy", help="One more, who holds every role that decides: for gates that ask for two.")
]

people = typer.Typer(no_args_is_help=True, help="People: who may decide what.")


@people.command("list")
def list_people(as_json: Json = False) -> None:
    """List everybody who may act, with roles and keys; every mistake of people.yaml instead, if it has one."""
    _show(open_session(report_engine), as_json=as_json)


@people.command()
def demo(deputy: Deputy = False, as_json: Json = False) -> None:
    """Make the demo people: stand-ins with keys made here, for the local cloud only."""
    session = open_session(report_engine)
    make = demo_people.ensure_with_deputy if deputy else demo_people.ensure
    make(session.root, session.settings)
    _show(session, as_json=as_json)


def register(millwright: typer.Typer) -> None:
    """Add `people` to `millwright`."""
    millwright.add_typer(people, name="people", rich_help_panel="Decisions")


def _show(session: Session, *, as_json: bool) -> None:
    known = list(load_people(session.root, session.settings))
    if as_json:
        for person in known:
            print_json(person.model_dump(mode="json"))
        return
    if not known:
        OUT.print("nobody may act yet: name people in people.yaml, or make stand-ins: millwright people demo")
        return
    table = Table(box=None)
    for title in ("id", "name", "roles", "keys"):
        table.add_column(title, overflow="fold", no_wrap=title == "id")
    for person in known:
        roles = ", ".join(str(held) for held in person.roles) or "none"
        keys = "\n".join(f"{key.split()[0]} {signatures.key_id(key)}" for key in person.keys)
        table.add_row(plain(person.id), plain(person.name), plain(roles), plain(keys))
    OUT.print(table)
