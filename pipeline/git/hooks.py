"""The one hook of an app's repository: people may push branches to it, and main only the factory moves.

The factory's own commands run no hook, and move main by `update-ref`, which asks none.
"""

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


def refuse_pushes_to_main(folder: Path) -> None:
    """Make the repository at `folder` refuse every push that names main, as a whole."""
    hook = folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(PRE_RECEIVE)
    hook.chmod(0o755)
