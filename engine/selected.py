"""Which stack a command without `-s` means: PULUMI_STACK, or the one selected in this factory."""

import contextlib
import hashlib
import json
from collections.abc import Mapping

from engine.environment import EngineEnv
from factory.paths import FactoryRoot


def selected_stack(root: FactoryRoot, env: EngineEnv, base: Mapping[str, str]) -> str | None:
    """The stack that `pulumi stack select` chose, as the CLI notes it; None when there is none.

    The note is `$PULUMI_HOME/workspaces/<project>-<SHA-1 of the project file's path>-workspace.json`.
    """
    if chosen := base.get("PULUMI_STACK"):
        return chosen
    digest = hashlib.sha1(str(root.project_file).encode(), usedforsecurity=False).hexdigest()
    for note in (env.home / "workspaces").glob(f"*-{digest}-workspace.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            noted = json.loads(note.read_text())
            name = (noted.get("stacks") or {}).get(env.backend_url) or noted.get("stack")
            if isinstance(name, str) and name:
                return name
    return None
