"""The CrossGuard policy pack: rules as records of a table, pure checks over plain data, and the pack the engine runs.

Stacks and the console may import it (it stands beside engine, above factory). Importing it loads no Pulumi code.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from policies.context import Context, context_of
from policies.model import PACK_NAME, UNKNOWN, Control, Enforcement, Fail, Finding, Levels, Scope, Severity, Unknown
from policies.resources import Options, Provider, Resource, Stack
from policies.settings import PolicySettings, load_policies

if TYPE_CHECKING:
    from policies.table import CONTROLS

__all__ = [
    "CONTROLS",
    "PACK_NAME",
    "UNKNOWN",
    "Context",
    "Control",
    "Enforcement",
    "Fail",
    "Finding",
    "Levels",
    "Options",
    "PolicySettings",
    "Provider",
    "Resource",
    "Scope",
    "Severity",
    "Stack",
    "Unknown",
    "context_of",
    "load_policies",
    "pack_folder",
]


def __getattr__(name: str) -> Any:
    # Every command of ours imports this package, and few of them judge anything: the rules take a tenth of a second.
    if name != "CONTROLS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from policies.table import CONTROLS

    return CONTROLS


def pack_folder() -> Path:
    """The folder that `--policy-pack` and `PULUMI_OPTION_POLICY_PACK` take; it holds PulumiPolicy.yaml."""
    return Path(__file__).resolve().parent
