"""What a stack would become, in a file: the engine's own plan, as `millwright policy check` reads it."""

import json
import os
from pathlib import Path

from engine import EngineEnv
from factory.errors import InputError, UpdateFailed
from factory.paths import FactoryRoot
from stacks.driver.cli import run_cli


def write_plan(root: FactoryRoot, env: EngineEnv, stack: str, folder: Path) -> Path:
    """Preview `stack` once more, and keep what the engine says in `folder`, whole or not at all; the file.

    The policy pack takes part, and what it refuses has a plan all the same. Raises UpdateFailed where there is none,
    InputError for a folder that cannot be written to.
    """
    # Without what stays the same, rules over a whole stack would not see it.
    asked = ["preview", "--stack", stack, "--json", "--show-sames"]
    answer = run_cli(env.cli.path, asked, root, environment=env.process_environment(os.environ))
    if not _is_plan(answer.out):
        raise UpdateFailed(f"there is no plan of {stack}: {answer.err.strip() or 'the engine said nothing'}")
    file = folder / f"{stack}.json"
    draft = folder / f".{stack}.json.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(answer.out)
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError(f"{file} cannot be written: {error.strerror}", hint="name another folder") from None
    return file


def _is_plan(text: str) -> bool:
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and "steps" in document
