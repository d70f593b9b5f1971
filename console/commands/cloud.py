"""`millwright cloud start|stop|status|reset|logs|snapshot`: the embedded local cloud's daemon and its state."""

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from console.commands.options import Json
from console.session import Session, open_session
from console.show import OUT, print_json, report_engine
from console.tail import last_lines
from factory import daemons
from factory.errors import CloudUnavailable, InputError
from factory.settings import LOCAL_ACCOUNT
from factory.spec import app_names, load_app
from factory.trees import remove_tree

NOTICE = "the embedded local cloud: a stand-in for AWS on this machine"

app = typer.Typer(no_args_is_help=True, help="The embedded local cloud (a stand-in for AWS).")


@app.command()
def start(as_json: Json = False) -> None:
    """Start it; nothing happens when it runs already."""
    run_file = daemons.ensure(_local_session().root, daemons.LOCAL_CLOUD)
    _show(run_file, as_json=as_json)


@app.command()
def stop(as_json: Json = False) -> None:
    """Stop it, and what runs on it. What it holds is kept, and is there again when it is started."""
    stopped = daemons.stop(_local_session().root, daemons.LOCAL_CLOUD)
    if as_json:
        print_json({"stopped": stopped})
    else:
        OUT.print("stopped" if stopped else "it was not running")


@app.command()
def status(as_json: Json = False) -> None:
    """Show whether it runs, where, and what runs on it; exit code 9 when it does not."""
    run_file = _running()
    told = daemons.call(run_file, "status")
    if as_json:
        print_json(_told(run_file) | {"tasks": told["tasks"], "state": told["state"]})
        return
    table = _table(run_file)
    table.add_row("[bold]state[/]", _state(told["state"]))
    for task in told["tasks"]:
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
    """Empty it for good; the next update of each stack builds again. It need not run, nor be able to."""
    session = _local_session()
    run_file = daemons.read(session.root, daemons.LOCAL_CLOUD)
    if run_file is None:
        claim = daemons.claim(session.root, daemons.LOCAL_CLOUD)
        remove_tree(session.root.local_cloud)
        claim.release()
        if as_json:
            print_json({"running": False})
        else:
            OUT.print("it does not run; what it had kept is removed")
        return
    daemons.call(run_file, "reset")
    after = daemons.read(session.root, daemons.LOCAL_CLOUD)
    if after is None:
        raise CloudUnavailable("the local cloud ended while it was reset", hint="millwright cloud start")
    _show(after, as_json=as_json)


@app.command()
def snapshot(as_json: Json = False) -> None:
    """Write a snapshot of its state now, so that its next start is quick. It does so by itself every 300 calls."""
    state = daemons.call(_running(), "snapshot")
    if as_json:
        print_json(state)
    else:
        OUT.print(_state(state))


@app.command()
def logs(
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is added, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Show its log: what it reported about itself, also why it did not start."""
    path = _local_session().root.logs / f"{daemons.LOCAL_CLOUD}.log"
    if not path.is_file():
        raise CloudUnavailable("the local cloud has no log: it was never started", hint="millwright cloud start")
    for line in last_lines(path, lines, follow=follow):
        if as_json:
            print_json({"line": line})
        else:
            typer.echo(line)


def register(millwright: typer.Typer) -> None:
    """Add these commands to `millwright`."""
    millwright.add_typer(app, name="cloud")


def _running() -> daemons.RunFile:
    run_file = daemons.read(_local_session().root, daemons.LOCAL_CLOUD)
    if run_file is None:
        raise CloudUnavailable("the local cloud does not run", hint="millwright cloud start")
    return run_file


def _state(state: Mapping[str, Any]) -> str:
    told = (
        f"{state['calls']} changes kept on disk ({state['bytes'] / 1024:.0f} KiB), {state['calls_since_snapshot']} of "
        f"them since the last snapshot; recovered in {state['recovered_seconds']} s"
    )
    if state["differing"]:
        told += f"; {len(state['differing'])} calls answered differently when they were done again, see its log"
    return f"{told}; {state['problem']}" if state["problem"] else told


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
    secure = run_file.addresses["ingress-tls"]
    table.add_row("[bold]with TLS[/]", f"{secure} (trust .millwright/local-ca/ca.pem; it is this factory's own)")
    table.add_row("[bold]process[/]", str(run_file.pid))
    return table
