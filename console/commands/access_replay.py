"""`millwright access replay`: what was said over a grant, and whether its recordings are what they were."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.text import Text

from access.recordings import Held, Recorded, recorded
from access.said import Said
from access.ssh.terminal import SUFFIX as CAST
from console import terminal_player
from console.access_session import AccessSession
from console.change_view import plain
from console.commands.options import Json
from console.show import ERR, OUT, print_json
from factory import db
from factory.errors import ExitCode
from pipeline.git import visible

COLOURS = {Held.WHOLE: "green", Held.OPEN: "dim", Held.REMOVED: "dim", Held.CHANGED: "bold red", Held.GONE: "bold red"}
WORDS = {
    Held.WHOLE: "as the audit log has it",
    Held.REMOVED: "removed, its time was over; its digest is in the audit log",
    Held.OPEN: "not ended, so nothing to hold it against",
    Held.CHANGED: "NOT what the audit log has",
    Held.GONE: "its file is gone",
}


class Pace(NamedTuple):
    """How a terminal is played: so many times as fast, and no pause longer than `idle` seconds."""

    speed: float
    idle: float


def replay(
    id: Annotated[
        str, typer.Argument(metavar="GRANT", help="Its id, or so much of its beginning or end.", show_default=False)
    ],
    speed: Annotated[float, typer.Option("--speed", metavar="N", min=0.1, help="A terminal: N times as fast.")] = 1,
    idle: Annotated[float, typer.Option("--idle", metavar="SECONDS", min=0, help="Longest pause shown.")] = 2,
    as_json: Json = False,
) -> None:
    """Show what was said over a grant, and play a terminal. Exit code 16 when a recording is not what the log tells."""
    here = AccessSession.opened()
    grant = here.grant(id)
    with db.transaction(here.database) as connection:
        found = recorded(here.session.root, connection, grant)
    for each in found:
        if as_json:
            print_json(each.as_json())
        else:
            _show(each, Pace(speed, idle))
    if not found and not as_json:
        OUT.print("nobody was in by it")
    if broken := [each.session for each in found if each.held in (Held.CHANGED, Held.GONE)]:
        ERR.print(f"[red]not what was recorded:[/] {plain(', '.join(broken))}")
        raise typer.Exit(ExitCode.AUDIT_BROKEN)


def register(access: typer.Typer) -> None:
    """Add `replay` to `millwright access`."""
    access.command()(replay)


def _show(session: Recorded, pace: Pace) -> None:
    began = datetime.fromtimestamp(session.began, UTC)
    OUT.print(
        Text.assemble(
            (f"{began:%Y-%m-%d %H:%M:%S} UTC  ", "bold"),
            visible(f"session {session.session} from {session.client or 'nobody knows where'}  "),
            (WORDS[session.held], COLOURS[session.held]),
        )
    )
    for said in session.said:
        OUT.print(_line(session.began, said))
    if session.file.endswith(CAST) and session.held is not Held.CHANGED:
        _play(Path(session.file), pace)
    if session.ended is not None:
        OUT.print(Text(f"  ended: {visible(session.ended)}", "dim"))
    OUT.print()


def _play(file: Path, pace: Pace) -> None:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    if sys.stdout.isatty():
        terminal_player.play(file, write, speed=pace.speed, idle=pace.idle)
    else:
        terminal_player.printed(file, write)


def _line(began: float, said: Said) -> Text:
    line = Text.assemble((f"  {said.at - began:8.3f} s  ", "dim"), visible(" ".join(said.text.split())))
    if said.values:
        line.append(visible(f"  {_values(said.values)}"), "cyan")
    line.append("  ")
    if said.refused:
        line.append(visible(f"refused: {said.refused}"), "red")
    elif said.sqlstate is None or said.skipped:
        line.append("skipped" if said.skipped else "no answer", "yellow")
    elif said.sqlstate:
        line.append(f"error {said.sqlstate}", "red")
    else:
        line.append(f"{', '.join(said.tags)}  {said.ms:.1f} ms", "green")
    return line


def _values(values: list[Any]) -> str:
    return ", ".join(f"${number}={value!r}" for number, value in enumerate(values, start=1))
