"""`millwright factory up|down|status|backup|restore`: the daemons of this factory, and all that it keeps."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psutil
import typer

from console.commands import backup
from console.commands.options import Json
from console.session import Session, open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from factory import daemons
from factory.errors import ExitCode
from pipeline.leftovers import stop_worker

WHAT = {
    daemons.LOCAL_CLOUD: "the embedded local cloud: a stand-in for AWS",
    daemons.ACCESS: "logs what happens, and copies the proof out of reach",
    daemons.WORKER: "moves changes through their stages",
}

app = typer.Typer(no_args_is_help=True, help="This factory as a whole: its daemons, its backup.")


@app.command()
def up(as_json: Json = False) -> None:
    """Start what does not run yet; exit code 9 when one of them does not come up."""
    session = open_session(report_engine)
    for name in _names(session):
        if daemons.read(session.root, name) is None:
            ERR.print(f"[dim]{name}: starting[/]")
        daemons.ensure(session.root, name)
    _show(session, as_json=as_json)


@app.command()
def down(as_json: Json = False) -> None:
    """Stop them, the worker first. Changes go on where they were when it is started again."""
    session = open_session(report_engine)
    # What uses a daemon goes before it.
    for name in reversed(daemons.MODULES):
        if daemons.read(session.root, name) is not None:
            ERR.print(f"[dim]{name}: stopping[/]")
        stopped = _stop(session, name)
        if as_json:
            print_json({"name": name, "stopped": stopped})
        else:
            OUT.print(f"{name}: {'stopped' if stopped else 'it was not running'}")


@app.command()
def status(as_json: Json = False) -> None:
    """Show which of them run, since when and where; exit code 9 when one does not."""
    session = open_session(report_engine)
    if not all(_show(session, as_json=as_json)):
        raise typer.Exit(ExitCode.CLOUD_UNAVAILABLE)


backup.register(app)


def register(millwright: typer.Typer) -> None:
    """Add `factory` to `millwright`."""
    millwright.add_typer(app, name="factory", rich_help_panel="Factory")


def _stop(session: Session, name: str) -> bool:
    # Agents that a killed worker has left end as well.
    return stop_worker(session.root) if name == daemons.WORKER else daemons.stop(session.root, name)


def _names(session: Session) -> list[str]:
    """The daemons that this factory's settings ask for, in the order they are started."""
    return [name for name in daemons.MODULES if name != daemons.LOCAL_CLOUD or session.settings.aws == "local"]


def _show(session: Session, *, as_json: bool) -> list[bool]:
    """Show every daemon; for each, whether it runs."""
    rows = list(_rows(session))
    if as_json:
        for row in rows:
            print_json(row)
    else:
        for row in rows:
            _print(row)
    return [row["state"] == "running" for row in rows]


def _print(row: dict[str, Any]) -> None:
    stopped = row["pid"] is None
    state = "[yellow]stopped[/]" if stopped else f"[green]running[/]  pid {row['pid']}, since {row['since']}"
    OUT.print(f"[bold]{row['name']:<12}[/] {state}  [dim]{row['what']}[/]")
    for door, address in row["addresses"].items():
        OUT.print(f"  {escaped(door):<10} {escaped(address)}")


def _rows(session: Session) -> Iterator[dict[str, Any]]:
    for name in _names(session):
        run_file = daemons.read(session.root, name)
        yield {
            "name": name,
            "state": "stopped" if run_file is None else "running",
            "pid": None if run_file is None else run_file.pid,
            "since": None if run_file is None else _since(run_file.pid),
            "addresses": {} if run_file is None else run_file.addresses,
            "what": WHAT.get(name, ""),
        }


def _since(pid: int) -> str | None:
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        # It has ended since its run file was read.
        return None
    return datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds")
