"""A stack's state as a document: read for a backup or a drawing, and put back where it came from, never elsewhere.

The document is what `pulumi stack export` writes: secrets in it are encrypted, and stay so.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import EngineEnv
from factory.errors import InputError, UpdateFailed
from factory.paths import FactoryRoot
from stacks.driver.cli import run_cli, urn_prefix
from stacks.driver.model import MARK

State = dict[str, Any]
# How the engine encrypts secrets here: by the factory's passphrase, a key in a cloud, or Pulumi Cloud as the backend.
PROVIDERS = frozenset({"passphrase", "cloud", "service"})
PLAINTEXT = "plaintext"
NO_STACK = "no stack named"


def export(root: FactoryRoot, env: EngineEnv, stack: str) -> State:
    """The stack's state as it is now; an update under way is seen half done. Raises InputError when there is none."""
    environment = env.process_environment(os.environ)
    answer = run_cli(env.cli.path, ["stack", "export", "--stack", stack], root, environment=environment)
    if answer.code and NO_STACK in answer.err:
        raise InputError(f"{stack} has no state: it was never updated", hint="millwright up makes it")
    if answer.code:
        raise UpdateFailed(f"the state of {stack} cannot be read: {answer.err.strip()}")
    document: State = json.loads(answer.out)
    return document


def put_back(root: FactoryRoot, cli: Path, stack: str, state: State | None) -> int:
    """Replace the stack's state, and say how many resources it now names. For an operation's process, under the lock.

    Raises InputError, UpdateFailed.
    """
    resources = check(root, stack, state)
    answer = run_cli(cli, ["stack", "import", "--stack", stack], root, json.dumps(state))
    if answer.code:
        raise UpdateFailed(f"the engine does not take this state for {stack}: {(answer.err or answer.out).strip()}")
    return len(resources)


def check(root: FactoryRoot, stack: str, state: Any) -> list[Any]:
    """Refuse what is no state of this very stack; the resources of one that is. Raises InputError that says why."""
    deployment = state.get("deployment") if isinstance(state, dict) else None
    if not isinstance(deployment, dict) or not isinstance(state.get("version"), int):
        raise InputError("this is no exported state", hint="it is what `millwright stack export` writes")
    resources = deployment.get("resources")
    if not isinstance(resources, list) or not resources:
        raise InputError(
            "this state holds no resources, so nothing says whose it is",
            hint="a stack is emptied by `millwright destroy`",
        )
    prefix = urn_prefix(root, stack)
    strange = [urn for urn in _urns(resources, deployment) if not urn.startswith(prefix)]
    if strange:
        raise InputError(
            f"this is not a state of {stack}: it holds {strange[0]!r}, and {len(strange) - 1} more of another stack",
            hint=f"every URN in it has to begin with {prefix}",
        )
    provider = (deployment.get("secrets_providers") or {}).get("type")
    if provider not in PROVIDERS:
        raise InputError(f"its secrets are encrypted by {provider!r}, which is not how this factory encrypts them")
    if _shows_secrets(deployment):
        raise InputError(
            "this state shows secrets in plain text",
            hint="export it without --show-secrets; then remove this file, and give the secrets new values",
        )
    return resources


def _urns(resources: list[Any], deployment: dict[str, Any]) -> Iterator[str]:
    pending = deployment.get("pending_operations") or []
    for resource in [*resources, *(each.get("resource") for each in pending if isinstance(each, dict))]:
        yield str(resource.get("urn", "")) if isinstance(resource, dict) else repr(resource)


def _shows_secrets(value: Any) -> bool:
    if isinstance(value, dict):
        return (MARK in value and PLAINTEXT in value) or any(map(_shows_secrets, value.values()))
    return isinstance(value, list) and any(map(_shows_secrets, value))
