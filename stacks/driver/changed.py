"""Which apps may become something else by what changed in the factory's git repository since a commit."""

import os
import subprocess
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from factory.errors import InputError
from factory.paths import FactoryRoot
from stacks.infra_code import OF_NO_STACK, TEXT

SECONDS = 60
# What no stack depends on; whatever else changed counts.
OF_NO_APP = frozenset({"docs", "tests"})


def changed_apps(root: FactoryRoot, ref: str, apps: Collection[str]) -> frozenset[str]:
    """Those of `apps` whose stacks may have changed since `ref`: all of them when something shared did.

    Compared is what the folder holds now (committed or not) with the commit where this branch left `ref`. Raises
    InputError outside a git repository, for a ref that names no commit, and where the history does not go back so far.
    """
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    # A range is answered with several.
    if not commit.isalnum():
        raise InputError(
            f"{ref!r} names no commit of the repository that {root.path} is in",
            hint="a branch, a tag or a commit, such as origin/main; CI may have to fetch it first",
        )
    # From the factory's folder on, both names of what was renamed, and nothing run that the repository configures.
    how = ("--merge-base", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--relative", "-z")
    tracked = _git(root, "diff", *how, commit, "--")
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return affected(f"{tracked}{new}".split("\0"), apps)


def affected(paths: Iterable[str], apps: Collection[str]) -> frozenset[str]:
    """Those of `apps` that a change of these files (relative to the factory's root) may concern."""
    found: set[str] = set()
    for path in map(PurePosixPath, filter(None, paths)):
        top, *below = path.parts
        if path.suffix == TEXT or top in OF_NO_APP:
            continue
        if top != "apps" or len(below) < 2:  # noqa: PLR2004 -- an app's folder, and a file in it
            return frozenset(apps)
        app, first, *_ = below
        if app in apps and first not in OF_NO_STACK:
            found.add(app)
    return frozenset(found)


def _git(root: FactoryRoot, *arguments: str) -> str:
    # A hook's GIT_DIR would name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, cwd=root.path, env=environment, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise InputError("there is no `git` to ask what changed", hint="install git, or preview every stack") from None
    # `rev-parse --quiet` says by 1 alone that there is no such commit.
    if ran.returncode and not (arguments[0] == "rev-parse" and not ran.stderr):
        said = ran.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(
            f"git cannot say what changed in {root.path}: {said[0] if said else f'exit code {ran.returncode}'}",
            hint="in a shallow clone, fetch the history first; outside a repository, preview every stack",
        )
    return os.fsdecode(ran.stdout)
