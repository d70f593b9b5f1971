"""`millwright app list|validate|schema`: the apps' own files."""

import json
from typing import Annotated

import typer
from rich.table import Table

from console.commands.options import Json
from console.session import open_session
from console.show import OUT, print_error, print_json, report_engine
from factory.errors import ExitCode, InputError
from factory.spec import AppSpec, app_names, load_app

apps = typer.Typer(no_args_is_help=True, help="The apps' own files.")


@apps.command("list")
def list_apps(as_json: Json = False) -> None:
    """List the apps of this factory and the environments they declare."""
    session = open_session(report_engine)
    specs = [load_app(session.root, name) for name in app_names(session.root)]
    if as_json:
        print_json(
            [{"app": s.name, "owner": s.owner, "environments": [e.value for e in s.environments]} for s in specs]
        )
        return
    table = Table("app", "owner", "target", "region", "environments", box=None)
    for spec in specs:
        table.add_row(spec.name, spec.owner, spec.target, spec.region, ", ".join(e.value for e in spec.environments))
    OUT.print(table)


@apps.command()
def validate(
    names: Annotated[list[str] | None, typer.Argument(metavar="[APP]...", help="Default: all apps.")] = None,
    as_json: Json = False,
) -> None:
    """Check app.yaml files: every mistake of every file, with its place."""
    session = open_session(report_engine)
    wrong = 0
    for name in names or app_names(session.root):
        try:
            spec = load_app(session.root, name)
        except InputError as error:
            wrong += 1
            print_error(error, as_json=as_json)
            continue
        if as_json:
            print_json({"app": name, "ok": True, "spec": spec.digest()})
        else:
            OUT.print(f"{name}: ok ({spec.digest()[:19]})")
    if wrong:
        raise typer.Exit(ExitCode.INVALID_INPUT)


@apps.command()
def schema() -> None:
    """Print the JSON Schema of app.yaml, for editors."""
    typer.echo(json.dumps(AppSpec.model_json_schema(by_alias=True), indent=2))


def register(app: typer.Typer) -> None:
    """Add `app` to `millwright`."""
    app.add_typer(apps, name="app", rich_help_panel="Factory")
