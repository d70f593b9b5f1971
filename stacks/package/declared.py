"""Which app a program means: one of the factory's by name, or a spec in the program's own text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory.document import Document, Location, Place, load_document
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.spec import AppSpec, app_names, load_app, require_apart
from factory.spec.loading import spec_from

# Where a program in YAML stands, under its folder.
PROGRAMS = ("Pulumi.yaml", "Main.yaml", "Pulumi.yml")


def declared_spec(root: FactoryRoot, folder: Path, resource: str, app: str | None, spec: Any) -> AppSpec:
    """The app's spec: of the factory's `app`, or the mapping `spec` of the program in `folder`.

    Raises InputError: neither or both are given, or every mistake of the spec, with its place where it has one.
    """
    if (app is None) == (spec is None):
        raise InputError(f"{resource}: give either app (a folder in {root.apps}) or spec", hint="one of the two")
    if app is not None:
        loaded = load_app(root, app)
        require_apart(root, loaded)
        return loaded
    document = _document(folder, resource, whole(spec))
    found = spec_from(document)
    if found.name in app_names(root):
        raise InputError(
            f"{resource}: {found.name} is an app of {root.path}", hint=f"write `app: {found.name}` instead"
        )
    require_apart(root, found, document)
    return found


def _document(folder: Path, resource: str, spec: Any) -> Document:
    """The spec as a document: with its places when the program's text is found, else as a file without lines."""
    if not isinstance(spec, Mapping):
        raise InputError(f"{resource}: spec must be a mapping, as an app.yaml is")
    for program in (folder / name for name in PROGRAMS):
        if program.is_file() and (found := _in_program(program, dict(spec))):
            return found
    nowhere: dict[Location, Place] = {(): (0, 0)}
    return Document(_named(folder / resource, spec), dict(spec), nowhere, nowhere)


def _in_program(program: Path, spec: dict[str, Any]) -> Document | None:
    try:
        text = load_document(program)
    except InputError:
        # What the program may say is its language's business.
        return None
    resources = text.data.get("resources")
    for name in resources if isinstance(resources, dict) else ():
        at: Location = ("resources", name, "properties", "spec")
        if _value(text.data, at) == spec:
            return Document(program, spec, _below(text.keys, at), _below(text.values, at))
    return None


def _named(path: Path, spec: Mapping[str, Any]) -> Path:
    return path / str(spec.get("name")) / "spec"


def _value(data: Any, at: Location) -> Any:
    for part in at:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _below(places: Mapping[Location, Place], at: Location) -> dict[Location, Place]:
    return {place[len(at) :]: where for place, where in places.items() if place[: len(at)] == at}


def whole(value: Any) -> Any:
    """The value with its whole numbers as such: between processes every number is a fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    return [whole(each) for each in value] if isinstance(value, list) else value
