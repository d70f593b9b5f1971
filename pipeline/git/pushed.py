"""`python -m pipeline.git.pushed`: the repository's check of a push by git's door, before it takes the objects.

Git runs it as the hook `pre-receive` (githooks(5)): what was pushed lies in a quarantine that only this process's git
sees, and is thrown away unless it ends with 0. What it prints the client is shown.
"""

import os
import sys
from pathlib import Path

from factory.errors import MillwrightError
from pipeline.git.command import Git, visible
from pipeline.git.guard import Limits
from pipeline.git.pushes import check_push

# What the door judged and recorded; git is held to exactly that.
JUDGED = "MILLWRIGHT_PUSH"
QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
MOST_BYTES = 10_000


def main() -> int:
    """Check what standard input names. Returns the process's exit status."""
    told = sys.stdin.read(MOST_BYTES)
    judged = os.environ.get(JUDGED, "")
    if not judged or told != f"{judged}\n":
        print("this is not the push that the door judged", file=sys.stderr)
        return 1
    old, new, ref = judged.split(" ")
    inside = {name: os.environ[name] for name in QUARANTINE if name in os.environ}
    git = Git(Path(os.environ.get("GIT_DIR", ".")).resolve(), environment=inside)
    try:
        check_push(git, ref, old, new, Limits())
    except MillwrightError as error:
        print(visible(error.rendered()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
