"""The hooks of an app's repository: people may push branches to it, and main only the factory moves.

The factory's own commands run no hook, and move main by `update-ref`, which asks none. Git's door (`access.git`) has a
hook of its own, which looks at all that a push brings (`pipeline.git.pushed`).
"""

import os
import shlex
import sys
from pathlib import Path

from pipeline.git.refs import MAIN

# Names of refs hold no blanks (git-check-ref-format(1)).
PRE_RECEIVE = f"""#!/bin/sh
while read -r old new ref; do
    if [ "$ref" = refs/heads/{MAIN} ]; then
        echo "{MAIN} is moved by the factory only: push to a change's branch, and a person decides on its merge" >&2
        exit 1
    fi
done
"""
# Where the door looks for it; without it the door takes no push.
DOOR_HOOKS = "door-hooks"
AT_THE_DOOR = f"""#!/bin/sh
exec {shlex.quote(sys.executable)} -P -m pipeline.git.pushed
"""


def ensure_hooks(folder: Path) -> None:
    """Make the repository at `folder` refuse every push that names main, as a whole, and look at those by the door."""
    for place, text in (("hooks", PRE_RECEIVE), (DOOR_HOOKS, AT_THE_DOOR)):
        hook = folder / place / "pre-receive"
        if hook.is_file() and hook.read_text() == text:
            continue
        hook.parent.mkdir(exist_ok=True)
        draft = hook.with_name(f".pre-receive.{os.getpid()}")
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(hook)
