"""`millwright cloud start|stop|status|reset`: the embedded local cloud's daemon."""

import json
import shlex
import urllib.error
import urllib.request
from typing import Annotated

import typer
from rich.table import Table

from console.commands.options import Json
from console.session import Session, open_session
from console.show import OUT, print_json, report_engine
from factory import daemons
from factory.errors import CloudUnavailable, InputError

NAME = "localcloud"
NOTICE = "the embedded local cloud: a stand-in for AWS on this machine; it keeps nothing when it stops"
SECONDS = 30.0
ACCOUNT = "123456789012"

app = typer.Typer(no_args_is_help=True, help="The embedded local cloud (a stand-in for AWS).")


@app.command()
def start(as_json: Json = False) -> None:
    """Start it; nothing happens when it runs already."""
    run_file = daemons.ensure(_local_session().root, NAME)
    _show(run_file, as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop it. What it holds is gone; the next update of each stack looks that up and builds again."""
    stopped = daemons.stop(_local_session().root, NAME)
    if as_json:
        print_json({"stopped": stopped})
    else:
        OUT.print("stopped" if stopped else "it was not running")


@app.command()
def status(as_json: Json = False) -> None:
    """Show whether it runs, and where; exit code 9 when it does not."""
    run_file = daemons.read(_local_session().root, NAME)
    if run_file is None:
        raise CloudUnavailable("the local cloud does not run", hint="millwright cloud start")
    _show(run_file, as_json=as_json)


@app.command()
def env(
    region: Annotated[str, typer.Option(help="Region to work in.")] = "us-east-1",
    as_json: Json = False,
) -> None:
    """Print what AWS tools need to talk to it: eval "$(millwright cloud env)"."""
    run_file = daemons.ensure(_local_session().root, NAME)
    variables = {
        "AWS_ENDPOINT_URL": run_file.addresses["http"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Twelve digits are an account to it; it checks no signature.
        "AWS_ACCESS_KEY_ID": ACCOUNT,
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
    run_file = daemons.read(session.root, NAME)
    if run_file is None:
        raise CloudUnavailable(
            "the local cloud does not run, so there is nothing to reset", hint="millwright cloud start"
        )
    request = urllib.request.Request(  # noqa: S310 -- the address is our own daemon's, from its run file
        f"{run_file.addresses['http']}/_millwright/reset",
        method="POST",
        headers={"x-millwright-token": run_file.token},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 -- as above
            json.load(answer)
    except (OSError, urllib.error.URLError) as error:
        raise CloudUnavailable(f"the local cloud does not answer: {error}", hint="millwright cloud stop") from None
    after = daemons.read(session.root, NAME)
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
        print_json({"pid": run_file.pid, "generation": run_file.generation, **run_file.addresses})
        return
    table = Table(box=None, show_header=False)
    table.add_row("[bold]what[/]", NOTICE)
    table.add_row("[bold]AWS endpoint[/]", run_file.addresses["http"])
    table.add_row("[bold]provider[/]", run_file.addresses["provider"])
    table.add_row("[bold]process[/]", str(run_file.pid))
    OUT.print(table)
