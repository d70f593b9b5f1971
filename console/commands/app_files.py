"""`millwright app init|list|show|validate|upgrade|schema`: the apps' own files."""

import difflib
import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from console.commands.init import make_app
from console.commands.options import App, Json
from console.session import open_session
from console.show import OUT, escaped, print_error, print_json, report_engine
from factory.access_rules import accesses
from factory.errors import ExitCode, InputError
from factory.people import load_people
from factory.spec import HOW_GRANTED, VERSION, AppSpec, app_names, load_app
from stacks import app_files

apps = typer.Typer(no_args_is_help=True, help="The apps' own files.")
Names = Annotated[list[str] | None, typer.Argument(metavar="[APP]...", help="Default: all apps.")]


@apps.command("init")
def init_app(app: Annotated[str, typer.Argument(help="Name of the new app.")], as_json: Json = False) -> None:
    """Add an app to this factory: app.yaml with a network of its own, and a first source."""
    session = open_session(report_engine)
    cidr = app_files.free_network(session.root)
    folder = make_app(session.root, app, cidr)
    if as_json:
        print_json({"app": app, "folder": str(folder), "network": cidr})
        return
    OUT.print(f"{escaped(str(folder))} is an app, in {cidr}. Next: millwright up {app} build")


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
    table = Table("app", "owner", "target", "region", "network", "environments", box=None)
    for spec in specs:
        environments = ", ".join(e.value for e in spec.environments)
        table.add_row(spec.name, spec.owner, spec.target, spec.region, spec.network.cidr, environments)
    OUT.print(table)


@apps.command()
def show(app: App, as_json: Json = False) -> None:
    """Show what an app's file means, with every default written out."""
    spec = load_app(open_session(report_engine).root, app)
    agents = {f: agent.model_copy(update={"tools": list(spec.tools_of(f))}) for f, agent in spec.agents.items()}
    filled = spec.model_copy(update={"cost_center": spec.payer, "agents": agents})
    # An empty key is a mistake in app.yaml, so what is unset is no key where a person may copy it.
    meant = filled.model_dump(mode="json", by_alias=True, exclude_none=not as_json)
    if as_json:
        allowed = [vars(access) for access in accesses(spec)]
        print_json({"spec": meant, "digest": spec.digest(), "access": {"note": HOW_GRANTED, "rules": allowed}})
        return
    typer.echo(f"# {spec.digest()}")
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(meant, sys.stdout)
    _show_access(spec)


def _show_access(spec: AppSpec) -> None:
    """As comments, so that what is shown stays a file."""
    table = Table("function", "resource", "environment", "scope", "longest lease", "approval", "why", box=None)
    for each in accesses(spec):
        lease = f"{each.lease} minutes"
        why = "its tasks need it" if each.needed else "app.yaml"
        table.add_row(each.function, each.resource, each.environment, each.scope, lease, each.approval or "-", why)
    typer.echo(f"# Access. {HOW_GRANTED}")
    lines = Console(width=200, no_color=True)
    with lines.capture() as shown:
        lines.print(table)
    typer.echo("".join(f"#{line}\n" for line in shown.get().splitlines()), nl=False)


@apps.command()
def validate(names: Names = None, as_json: Json = False) -> None:
    """Check app.yaml files: every mistake of every file, with its place."""
    session = open_session(report_engine)
    people = load_people(session.root, session.settings)
    known = people if list(people) else None
    wrong = 0
    for name in names or app_names(session.root):
        try:
            spec = load_app(session.root, name)
            app_files.check(session.root, spec, known)
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
def upgrade(
    names: Names = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Rewrite app.yaml files of an older format; comments, order and quotes stay."""
    root = open_session(report_engine).root
    # All are read before one is written.
    found = {name: app_files.upgraded_file(root, name) for name in names or app_names(root)}
    for name, (old, new) in found.items():
        if old != new and not dry_run:
            app_files.write_app(root, name, new)
        if as_json:
            print_json(
                {"app": name, "apiVersion": VERSION, "changed": old != new, "written": old != new and not dry_run}
            )
        elif old == new:
            OUT.print(f"{name}: is {VERSION} already")
        else:
            OUT.print(f"{name}: {'would be' if dry_run else 'is now'} {VERSION}")
            lines = (old.splitlines(keepends=True), new.splitlines(keepends=True))
            typer.echo("".join(difflib.unified_diff(lines[0], lines[1], "before", "after")))


@apps.command()
def schema() -> None:
    """Print the JSON Schema of app.yaml, for editors."""
    typer.echo(json.dumps(AppSpec.model_json_schema(by_alias=True), indent=2))


def register(app: typer.Typer) -> None:
    """Add `app` to `millwright`."""
    app.add_typer(apps, name="app", rich_help_panel="Factory")
