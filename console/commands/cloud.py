"""`millwright cloud start|stop|status|reset`: the embedded local cloud's daemon."""

import shlex
from typing import Annotated

import typer
from rich.table import Table

from console.commands.options import Json
from console.session import Session, open_session
from console.show import OUT, print_json, report_engine
from factory import daemons
from factory.errors import CloudUnavailable, InputError
from factory.settings import LOCAL_ACCOUNT
from factory.spec import app_names, load_app

NOTICE = "the embedded local cloud: a stand-in for AWS on this machine; it keeps nothing when it stops"

app = typer.Typer(no_args_is_help=True, help="The embedded local cloud (a stand-in for AWS).")


@app.command()
def start(as_json: Json = False) -> None:
    """Start it; nothing happens when it runs already."""
    run_file = daemons.ensure(_local_session().root, daemons.LOCAL_CLOUD)
    _show(run_file, as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop it. What it holds is gone; the next update of each stack looks that up and builds again."""
    stopped = daemons.stop(_local_session().root, daemons.LOCAL_CLOUD)
    if as_json:
        print_json({"stopped": stopped})
    else:
        OUT.print("stopped" if stopped else "it was not running")


@app.command()
def status(as_json: Json = False) -> None:
    """Show whether it runs, where, and what runs on it; exit code 9 when it does not."""
    run_file = daemons.read(_local_session().root, daemons.LOCAL_CLOUD)
    if run_file is None:
        raise CloudUnavailable("the local cloud does not run", hint="millwright cloud start")
    tasks: list[dict[str, str]] = daemons.call(run_file, "status")["tasks"]
    if as_json:
        print_json(_told(run_file) | {"tasks": tasks})
        return
    table = _table(run_file)
    for task in tasks:
        table.add_row("[bold]task[/]", f"{task['service']} {task['task']}: {task['status']}, {task['health']}")
    OUT.print(table)


@app.command()
def env(
    region: Annotated[str, typer.Option(help="Region to work in; default: that of the first app.")] = "",
    as_json: Json = False,
) -> None:
    """Print what AWS tools need to talk to it: eval "$(millwright cloud env)"."""
    root = _local_session().root
    run_file = daemons.ensure(root, daemons.LOCAL_CLOUD)
    region = region or next((load_app(root, app).region for app in app_names(root)), "us-east-1")
    variables = {
        "AWS_ENDPOINT_URL": run_file.addresses["http"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Twelve digits are an account to it; it checks no signature.
        "AWS_ACCESS_KEY_ID": LOCAL_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def reset(as_json: Json = False) -> None:
    """Empty it, and keep it running."""
    session = _local_session()
    run_file = daemons.read(session.root, daemons.LOCAL_CLOUD)
    if run_file is None:
        raise CloudUnavailable(
            "the local cloud does not run, so there is nothing to reset", hint="millwright cloud start"
        )
    daemons.call(run_file, "reset")
    after = daemons.read(session.root, daemons.LOCAL_CLOUD)
    if after is None:
        raise CloudUnavailable("the local cloud ended while it was reset", hint="millwright cloud start")
    _show(after, as_json=as_json)


def _local_session() -> Session:
    session = open_session(report_engine)
    if session.settings.aws != "local":
        raise InputError("this factory uses a real AWS account", hint="`aws: local` in millwright.yaml")
    return session


def _show(run_file: daemons.RunFile, *, as_json: bool) -> None:
    if as_json:
        print_json(_told(run_file))
    else:
        OUT.print(_table(run_file))


def _told(run_file: daemons.RunFile) -> dict[str, object]:
    return {"pid": run_file.pid, "generation": run_file.generation, **run_file.addresses}


def _table(run_file: daemons.RunFile) -> Table:
    table = Table(box=None, show_header=False)
    table.add_row("[bold]what[/]", NOTICE)
    table.add_row("[bold]AWS endpoint[/]", run_file.addresses["http"])
    table.add_row("[bold]provider[/]", run_file.addresses["provider"])
    table.add_row("[bold]ingress[/]", f"{run_file.addresses['ingress']} (a load balancer is chosen by its host name)")
    table.add_row("[bold]process[/]", str(run_file.pid))
    return table
