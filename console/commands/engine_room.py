"""`millwright doctor` and `millwright engine install|env|shim`: the Pulumi engine on this machine."""

import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import engine
from console.commands.options import Json
from console.doctor import checks
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine
from factory.errors import ExitCode, InputError

engines = typer.Typer(no_args_is_help=True, help="The Pulumi engine on this machine.")


@engines.command()
def install(
    version: Annotated[
        str,
        typer.Option(
            help="This one (3.X.Y, at least 3.208.0); to work with it, set engine_version in millwright.yaml."
        ),
    ] = "",
    yaml: Annotated[
        bool,
        typer.Option("--yaml", help="Also what programs in YAML need (built in a minute, if the engine was built)."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the engine, or build it (minutes, the first time on a machine)."""
    settings = open_session(report_engine).settings
    if version:
        if re.fullmatch(r"v?3\.\d+\.\d+", version) is None:
            raise InputError(f"{version!r} is no version of Pulumi 3", hint="like 3.259.0")
        settings = settings.model_copy(update={"engine_version": version})
    cli = engine.find_or_build(settings, progress=report_engine)
    host = engine.yaml_host(settings, cli, progress=report_engine) if yaml else None
    if as_json:
        found = {"path": str(cli.path), "version": cli.version, "source": cli.source}
        print_json(found | ({"yaml": str(host)} if host else {}))
    else:
        OUT.print(f"Pulumi {cli.version} ({cli.source}): {escaped(str(cli.path))}")
        if host:
            OUT.print(f"programs in YAML: {escaped(str(host))}")


@engines.command()
def env(
    cloud_only: Annotated[
        bool,
        typer.Option(
            "--cloud-only", help="Only what another Pulumi program needs to work on this factory's local cloud."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Print what any `pulumi` command of this factory needs: eval "$(millwright engine env)"."""
    session = open_session(report_engine)
    if cloud_only and session.settings.aws != "local":
        raise InputError("this factory uses a real AWS account", hint="leave --cloud-only out, or `aws: local`")
    lasting = session.env_that_lasts
    variables = lasting.cloud_variables() if cloud_only else lasting.variables()
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    if cloud_only:
        # As after `pulumi login --local`: this home knows no other login.
        typer.echo('export PULUMI_BACKEND_URL="${PULUMI_BACKEND_URL:-file://~}"')
    typer.echo(f'export PATH={shlex.quote(str(session.env_that_lasts.cli.path.parent))}:"$PATH"')


@engines.command()
def shim(
    folder: Annotated[Path | None, typer.Option(help="Where to write it; default: beside this Python.")] = None,
) -> None:
    """Write the `pulumi` command that runs the engine for the factory it is called in (`make setup` does)."""
    target = folder or Path(sys.executable).parent
    engine.write_shim(target, sys.executable)
    ERR.print(f"[dim]{escaped(str(target / 'pulumi'))} runs the engine for the factory it is called in[/]")


def doctor(as_json: Json = False) -> None:
    """Check this machine and this factory; exit code 1 when something needs mending."""
    session = open_session(report_engine)
    found = checks(session.root, session.settings)
    if as_json:
        for check in found:
            print_json({"name": check.name, "ok": check.ok, "detail": check.detail, "fix": check.fix})
    else:
        table = Table("", "check", "found", "fix", box=None)
        for check in found:
            mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
            table.add_row(mark, check.name, escaped(check.detail), "" if check.ok else escaped(check.fix))
        OUT.print(table)
    if not all(check.ok for check in found):
        raise typer.Exit(ExitCode.FAILED)


def register(app: typer.Typer) -> None:
    """Add these commands to `millwright`."""
    app.command(rich_help_panel="Engine and cloud")(doctor)
    app.add_typer(engines, name="engine", rich_help_panel="Engine and cloud")
