"""What must be there before the engine runs on a stack: the stack itself, a value for each declared secret."""

import contextlib
import secrets
from pathlib import Path

from ruamel.yaml import YAML

from engine.environment import PASSPHRASE
from factory import daemons
from factory.errors import UpdateFailed
from factory.paths import FactoryRoot, private_folder
from factory.project import project_name
from factory.settings import Settings
from stacks.driver.cli import run_cli, state_file
from stacks.program.keys import secret_keys
from stacks.shared_platform import Spec, Which, stack_of

SECRET_BYTES = 32


def ensure_stack(
    root: FactoryRoot, spec: Spec, environment: Which, cli: Path, *, secrets_provider: str = PASSPHRASE
) -> None:
    """Create the stack if it does not exist, and give each declared secret and password that has no value a random one.

    `secrets_provider` encrypts the secrets of a stack that is made; one that is there keeps its own.
    Values go to the engine by standard input, never by argument, and are stored encrypted in the stack's
    configuration. Raises UpdateFailed when the engine refuses.
    """
    stack = stack_of(spec, environment)
    private_folder(root.stack_config)
    # Asking the CLI costs half a second; the file backend answers by a file's presence.
    state = state_file(root, stack)
    if state is None or not state.is_file():
        encrypted = [] if secrets_provider == PASSPHRASE else [f"--secrets-provider={secrets_provider}"]
        created = run_cli(cli, ["stack", "init", stack, "--no-select", *encrypted], root)
        if created.code and "already exists" not in created.err:
            raise UpdateFailed(f"the stack {stack} cannot be created: {created.err.strip()}")
    present = _configured(root, stack)
    for key in secret_keys(spec):
        if f"{project_name(root)}:{key}" in present:
            continue
        value = secrets.token_urlsafe(SECRET_BYTES)
        stored = run_cli(cli, ["config", "set", "--secret", key, "--stack", stack], root, value)
        if stored.code:
            raise UpdateFailed(f"the value of {key} cannot be stored for {stack}: {stored.err.strip()}")


def cloud_generation(root: FactoryRoot, settings: Settings) -> str | None:
    """Which life of the local cloud runs now (started if need be); None on a real cloud."""
    return daemons.ensure(root, daemons.LOCAL_CLOUD).generation if settings.aws == "local" else None


def _configured(root: FactoryRoot, stack: str) -> set[str]:
    with contextlib.suppress(FileNotFoundError):
        document = YAML(typ="safe").load((root.stack_config / f"Pulumi.{stack}.yaml").read_text())
        return set((document or {}).get("config") or {})
    return set()
