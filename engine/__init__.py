"""The Pulumi engine on any machine: find or build the CLI, the language host, EngineEnv, stack locks, the shim.

`components`, `stacks`, `localcloud` and `console` may import it; it imports only `factory`. Public names load on first
use, because the language host starts with every command and needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.cli import Cli, find, find_or_build
    from engine.doctor import Check, checks
    from engine.environment import EngineEnv, prepare
    from engine.locks import clear_dead_locks, dead_locks, engines_at_work, stack_lock, wait_for_engines
    from engine.pending import PendingOperation, pending_operations, without_pending_creates
    from engine.progress import Progress
    from engine.shim import write_shim
    from engine.wreckage import clear_wreckage
    from engine.yaml_host import yaml_host

_HOMES = {
    "Check": "engine.doctor",
    "Cli": "engine.cli",
    "EngineEnv": "engine.environment",
    "PendingOperation": "engine.pending",
    "Progress": "engine.progress",
    "checks": "engine.doctor",
    "clear_dead_locks": "engine.locks",
    "clear_wreckage": "engine.wreckage",
    "dead_locks": "engine.locks",
    "engines_at_work": "engine.locks",
    "find": "engine.cli",
    "find_or_build": "engine.cli",
    "pending_operations": "engine.pending",
    "prepare": "engine.environment",
    "stack_lock": "engine.locks",
    "wait_for_engines": "engine.locks",
    "without_pending_creates": "engine.pending",
    "write_shim": "engine.shim",
    "yaml_host": "engine.yaml_host",
}

__all__ = [
    "Check",
    "Cli",
    "EngineEnv",
    "PendingOperation",
    "Progress",
    "checks",
    "clear_dead_locks",
    "clear_wreckage",
    "dead_locks",
    "engines_at_work",
    "find",
    "find_or_build",
    "pending_operations",
    "prepare",
    "stack_lock",
    "wait_for_engines",
    "without_pending_creates",
    "write_shim",
    "yaml_host",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
