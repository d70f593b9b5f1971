"""Single `pulumi` commands, for what the Automation API has no call for. The process environment is EngineEnv's."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from factory.errors import UpdateFailed
from factory.paths import FactoryRoot
from factory.project import project_name

SECONDS = 300


class Answer(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str


def run_cli(
    cli: Path,
    arguments: list[str],
    root: FactoryRoot,
    stdin: str = "",
    *,
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Run one command in the factory's root; secrets go by `stdin`, never by argument.

    `environment`: EngineEnv's, where it is not the process's own.
    """
    ran = subprocess.run(
        [str(cli), *arguments, "--non-interactive"],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=root.path,
        env=environment,
        timeout=SECONDS,
        check=False,
    )
    return Answer(ran.returncode, ran.stdout, ran.stderr)


def unprotect(root: FactoryRoot, stack: str, cli: Path) -> None:
    """Take the protection off a stack's resources, for a destroy that a person decided. Raises UpdateFailed."""
    answer = run_cli(cli, ["state", "unprotect", "--all", "--yes", "--stack", stack], root)
    if answer.code:
        raise UpdateFailed(f"{stack}: the protection of its resources cannot be taken off: {answer.err.strip()}")


def state_file(root: FactoryRoot, stack: str) -> Path | None:
    """The stack's state in a file backend (there or not yet); None when the state is elsewhere."""
    url = os.environ.get("PULUMI_BACKEND_URL", "")
    if not url.startswith("file://"):
        return None
    return Path(url.removeprefix("file://")) / ".pulumi" / "stacks" / project_name(root) / f"{stack}.json"


def urn_prefix(root: FactoryRoot, stack: str) -> str:
    """What the URN of each resource of the stack begins with."""
    return f"urn:pulumi:{stack}::{project_name(root)}::"


def may_be_pending(root: FactoryRoot, stack: str, *, elsewhere: bool = True) -> bool:
    """Whether the state may say that something was begun and not ended; no process is started to know.

    `elsewhere`: the answer for a state that is no file here.
    """
    # Asking the CLI costs half a second; the file backend's state says it at a glance.
    path = state_file(root, stack)
    if path is None:
        return elsewhere
    return path.is_file() and b'"pending_operations"' in path.read_bytes()
