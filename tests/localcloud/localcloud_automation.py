"""Stacks under the real engine, driven by the Automation API with programs in the test's own process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulumi import automation

from factory.daemons import RunFile

PASSWORD = "S3cret-and-long-enough"
MakeStack = Callable[..., automation.Stack]


def counts(result: Any) -> dict[str, int]:
    summary = getattr(result, "change_summary", None)
    found = summary if summary is not None else result.summary.resource_changes
    return {str(getattr(kind, "value", kind)): number for kind, number in found.items()}


@contextmanager
def stacks_in(tmp_path: Path, cloud: RunFile, pulumi_cli: Path) -> Iterator[MakeStack]:
    """Makes stacks attached to the running provider; what they made is destroyed afterwards."""
    stacks: list[automation.Stack] = []

    def make(
        program: Callable[[], None], name: str = "dev", attach: bool = True, backend: str = "", **config: str
    ) -> automation.Stack:
        work = tmp_path / f"work-{name}"
        place = tmp_path / f"backend-{backend or name}"
        work.mkdir()
        place.mkdir(exist_ok=True)
        environment = {
            "PULUMI_BACKEND_URL": f"file://{place}",
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        if attach:
            environment["PULUMI_DEBUG_PROVIDERS"] = f"aws:{cloud.addresses['provider'].rpartition(':')[2]}"
        stack = automation.create_stack(
            stack_name=name,
            project_name="localcloud",
            program=program,
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(work), env_vars=environment, pulumi_command=command(tmp_path, pulumi_cli)
            ),
        )
        # Together: each call is an engine's process, which derives the passphrase's key.
        values = {"aws:region": ("eu-central-1", False), "password": (PASSWORD, True)}
        stack.set_all_config({key: automation.ConfigValue(value, secret) for key, (value, secret) in values.items()})
        stacks.append(stack)
        return stack

    yield make
    for stack in reversed(stacks):
        stack.destroy()


def command(folder: Path, executable: Path) -> automation.PulumiCommand:
    """The Automation API looks for `bin/pulumi` below a root."""
    link = folder / "cli" / "bin" / "pulumi"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(executable)
    return automation.PulumiCommand(root=str(folder / "cli"))
