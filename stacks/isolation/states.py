"""What the stacks' states know: the ids and ARNs of everything that each stack has made."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.locks import backend_folder
from factory.errors import InputError, UpdateFailed
from factory.paths import FactoryRoot
from factory.project import project_name
from factory.settings import Settings
from factory.spec import app_names, load_app
from stacks.isolation.records import Owner, Stack

# Exports the state of one environment of an app, where states are in no folder here. Raises InputError: it has none.
Export = Callable[[str, str], Mapping[str, Any]]
# What EC2 calls its things; a mere name would be anybody's.
_ID = re.compile(r"[a-z]+-[0-9a-f]{8,}")
# Of the engine itself, or components, whose parts are resources too.
_NO_CLOUD = ("pulumi:", "millwright:")


def read_stacks(root: FactoryRoot, settings: Settings, export: Export) -> list[Stack]:
    """Every stack that has something in the cloud, as far as its state knows, sorted.

    A file backend is read as it lies there, so also stacks that no app declares any more. Any other backend is asked
    for the declared ones by `export`. Raises UpdateFailed when a state cannot be read.
    """
    folder = backend_folder(root, settings)
    found = _files(folder, root) if folder is not None else _exported(root, export)
    stacks = [_stack(name, deployment) for name, deployment in found]
    return sorted((stack for stack in stacks if stack.known or stack.pending), key=lambda stack: str(stack.owner))


def _files(folder: Path, root: FactoryRoot) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted((folder / ".pulumi" / "stacks" / project_name(root)).glob("*.json")):
        try:
            state = json.loads(path.read_bytes())
            yield path.stem, state["checkpoint"].get("latest") or {}
        except (ValueError, KeyError, OSError) as error:
            raise UpdateFailed(
                f"the state {path} cannot be read: {error}", hint="an update may be writing it: try again"
            ) from None


def _exported(root: FactoryRoot, export: Export) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for spec in (load_app(root, app) for app in app_names(root)):
        for environment in spec.environments:
            try:
                state = export(spec.name, environment.value)
            except InputError:
                continue
            yield spec.stack(environment), state["deployment"]


def _stack(name: str, deployment: Mapping[str, Any]) -> Stack:
    app, _, environment = name.rpartition("-")
    known = {
        identifier: resource["type"]
        for resource in deployment.get("resources") or ()
        if resource.get("custom") and not resource["type"].startswith(_NO_CLOUD)
        for identifier in _identifiers(resource)
    }
    return Stack(
        owner=Owner(app=app, environment=environment),
        known=known,
        pending=bool(deployment.get("pending_operations")),
    )


def _identifiers(resource: Mapping[str, Any]) -> Iterator[str]:
    """Its id and ARN, where they say which one it is; else its URN, so that its type at least is known."""
    named = [resource.get("id"), (resource.get("outputs") or {}).get("arn")]
    found = [each for each in named if isinstance(each, str) and (each.startswith("arn:") or _ID.fullmatch(each))]
    yield from found or [resource["urn"]]
