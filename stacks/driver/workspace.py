"""Where the engine runs for one operation: a work folder of its own, on the files that the plain door uses too."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pulumi import automation as auto

from factory.paths import FactoryRoot, private_folder
from factory.project import project_name
from stacks.driver.known import KnownCommand
from stacks.driver.model import Kind, Request
from stacks.driver.plans import PlanningCommand
from stacks.program.build import as_run_errors, build_stack


def workspace(request: Request, folder: Path, variables: Mapping[str, str]) -> auto.LocalWorkspace:
    """The project with its inline program, in `folder`; the engine's processes get `variables` too."""
    project = {
        "name": project_name(request.root),
        "runtime": "python",
        # The same files that the plain door uses. The Automation API's own ProjectSettings has no such key.
        "stackConfigDir": os.path.relpath(request.root.stack_config, folder),
    }
    (folder / "Pulumi.yaml").write_text(json.dumps(project))
    return auto.LocalWorkspace(
        work_dir=str(folder),
        program=lambda: _declare(request),
        # Given to each engine process anew: what the app's own code does to this process's environment does not count.
        env_vars=request.env.variables() | dict(variables),
        pulumi_command=_command(request),
    )


def _command(request: Request) -> KnownCommand:
    cli = request.env.cli
    if request.plans is None or request.kind is not Kind.PREVIEW:
        return KnownCommand(cli.path, cli.version)
    return PlanningCommand(cli.path, cli.version, request.plans / f"{request.stack}.json")


def _declare(request: Request) -> None:
    with as_run_errors():
        build_stack(request.root, request.settings, request.spec, request.environment, request.release)


@contextlib.contextmanager
def work_folder(root: FactoryRoot, name: str) -> Iterator[Path]:
    """A folder that is there while the block runs."""
    folder = private_folder(root.work / name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
