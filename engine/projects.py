"""Which Pulumi project a folder belongs to."""

import contextlib
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from factory.paths import FactoryRoot

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def is_another_project(folder: Path, root: FactoryRoot) -> bool:
    """Whether `folder` belongs to another Pulumi project. The name decides: it is what the state is kept under."""
    folder = folder.resolve()
    files = (f / name for f in (folder, *folder.parents) for name in PROJECT_FILES)
    found = next((file for file in files if file.is_file()), None)
    return found is None or (found != root.project_file and name_in(found) != name_in(root.project_file))


def name_in(file: Path) -> object:
    """The name that a project file gives; None when it cannot be read."""
    with contextlib.suppress(OSError, YAMLError, AttributeError):
        return YAML(typ="safe").load(file.read_text()).get("name")
    return None
