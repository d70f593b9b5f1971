"""What must be there before the engine runs on a stack: the stack itself, and a value for each declared secret."""

import contextlib
import os
import secrets
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from factory import daemons
from factory.errors import InputError, UpdateFailed
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import AppSpec, Environment
from stacks.program.keys import secret_key

CLI_SECONDS = 120
SECRET_BYTES = 32


def project_name(root: FactoryRoot) -> str:
    """The Pulumi project of this factory, which both doors share. Raises InputError when Pulumi.yaml is not there."""
    try:
        return str(YAML(typ="safe").load(root.project_file.read_text())["name"])
    except (FileNotFoundError, KeyError, TypeError):
        raise InputError(
            f"{root.project_file} is missing or names no project", hint="`millwright init DIR` shows a whole factory"
        ) from None


def ensure_stack(root: FactoryRoot, spec: AppSpec, environment: Environment, cli: Path) -> None:
    """Create the stack if it does not exist, and give each declared secret that has no value a random one.

    The process environment is EngineEnv's. Values go to the engine by standard input, never by argument, and are
    stored encrypted in the stack's configuration. Raises UpdateFailed when the engine refuses.
    """
    stack = spec.stack(environment)
    project = project_name(root)
    root.stack_config.mkdir(parents=True, exist_ok=True)
    if not _known_to_file_backend(project, stack):
        created = _run(cli, ["stack", "init", stack, "--no-select"], root)
        if created.returncode and "already exists" not in created.stderr:
            raise UpdateFailed(f"the stack {stack} cannot be created: {created.stderr.strip()}")
    present = _configuration(root, stack)
    for secret in spec.secrets:
        if f"{project}:{secret_key(secret)}" in present:
            continue
        value = secrets.token_urlsafe(SECRET_BYTES)
        stored = _run(cli, ["config", "set", "--secret", secret_key(secret), "--stack", stack], root, value)
        if stored.returncode:
            raise UpdateFailed(f"the value of {secret} cannot be stored for {stack}: {stored.stderr.strip()}")


def cloud_generation(root: FactoryRoot, settings: Settings) -> str | None:
    """Which life of the local cloud runs now (started if need be); None on a real cloud."""
    return daemons.ensure(root, "localcloud").generation if settings.aws == "local" else None


def _known_to_file_backend(project: str, stack: str) -> bool:
    # Asking the CLI costs half a second; the file backend answers by a file's presence.
    url = os.environ.get("PULUMI_BACKEND_URL", "")
    folder = Path(url.removeprefix("file://"))
    state = folder / ".pulumi" / "stacks" / project / f"{stack}.json"
    return url.startswith("file://") and state.is_file()


def _configuration(root: FactoryRoot, stack: str) -> set[str]:
    with contextlib.suppress(FileNotFoundError):
        document = YAML(typ="safe").load((root.stack_config / f"Pulumi.{stack}.yaml").read_text())
        return set((document or {}).get("config") or {})
    return set()


def _run(cli: Path, args: list[str], root: FactoryRoot, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(cli), *args, "--non-interactive"],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=root.path,
        timeout=CLI_SECONDS,
        check=False,
    )
