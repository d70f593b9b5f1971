"""`millwright init DIR`: a factory of your own, outside this repository, that uses the installed code."""

import re
import shutil
import tempfile
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from console.commands.options import Json
from console.show import OUT, escaped, print_json
from factory.errors import InputError
from factory.paths import MARKER, FactoryRoot
from factory.settings import new_factory_id
from factory.spec import AppName
from policies.settings import FILE, template

TEMPLATES = Path(__file__).parent.parent / "templates"
FIRST_NETWORK = "10.30.0.0/16"
# Kept under another name here: Python files would be taken for code of this package, and git would obey .gitignore.
RENAMED = {"gitignore.txt": ".gitignore"}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)],
    app: Annotated[str, typer.Option(help="Name of the first app.")] = "hello",
    as_json: Json = False,
) -> None:
    """Make a factory of your own in DIR: settings, policies.yaml, a two-line program, and a first app."""
    make_factory(folder, app)
    if as_json:
        print_json({"factory": str(folder), "app": app})
        return
    shown = escaped(str(folder))
    OUT.print(f"{shown} is a factory. Next:")
    OUT.print(f"  cd {shown} && millwright up {app} build")


def make_factory(folder: Path, app: str) -> FactoryRoot:
    """Write a whole factory to `folder`, or nothing at all.

    Raises InputError when the folder is not empty or cannot be made, or the app's name is none.
    """
    _require_name(app)
    target = folder.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} exists and is not empty", hint="name a new folder")
    project = re.sub(r"[^a-z0-9-]+", "-", target.name.lower()).strip("-") or "factory"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise InputError(f"{target} cannot be made: {error.strerror}", hint="name another folder") from None
    try:
        _copy(TEMPLATES / "factory", draft, project=project, factory_id=new_factory_id())
        (draft / FILE).write_text(template())
        _copy(TEMPLATES / "app", draft / "apps" / app, app=app, cidr=FIRST_NETWORK)
        draft.chmod(0o755)
        _publish(draft, target)
    except OSError as error:
        raise InputError(f"{target} cannot be made: {error.strerror}", hint="name another folder") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return FactoryRoot(target)


def make_app(root: FactoryRoot, app: str, cidr: str) -> Path:
    """Add an app with this network to a factory, whole or not at all; its folder.

    Raises InputError when there is one already, its folder cannot be made, or the name is none.
    """
    _require_name(app)
    target = root.apps / app
    if target.exists():
        raise InputError(f"{target} exists already", hint="give the new app another name")
    try:
        root.apps.mkdir(exist_ok=True)
        # Apps are the folders with an app.yaml: this one is none until it has its name.
        draft = Path(tempfile.mkdtemp(prefix=f".{app}-", dir=root.apps))
    except OSError as error:
        raise InputError(f"{target} cannot be made: {error.strerror}") from None
    try:
        _copy(TEMPLATES / "app", draft / "app", app=app, cidr=cidr)
        (draft / "app").rename(target)
    except OSError as error:
        raise InputError(f"{target} cannot be made: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _require_name(app: str) -> None:
    try:
        TypeAdapter(AppName).validate_python(app)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{app!r} cannot be the name of an app: {message}") from None


def _publish(draft: Path, target: Path) -> None:
    """Make `draft` the factory at `target`, whole or not at all."""
    if not target.exists():
        draft.rename(target)
        return
    # An empty folder stays the one it is: a shell may stand in it. What makes it a factory comes last.
    for child in sorted(draft.iterdir(), key=lambda path: path.name == MARKER):
        child.rename(target / child.name)


def _copy(source: Path, target: Path, **values: str) -> None:
    for path in sorted(p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        relative = path.relative_to(source)
        name = RENAMED.get(relative.name, relative.name.removesuffix(".txt"))
        copy = target / relative.parent / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(Template(path.read_text()).safe_substitute(values))


def register(app: typer.Typer) -> None:
    """Add `init` to `millwright`."""
    app.command(rich_help_panel="Factory")(init)
