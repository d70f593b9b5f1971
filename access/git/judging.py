"""What a push may do under a grant: a pure decision over the refs that it names."""

import re
from collections.abc import Sequence
from typing import Final

from access.git.pktline import NOTHING, Command
from access.git.refusals import Reason, Refused

HEADS: Final = "refs/heads/"
MAIN: Final = "main"
# Branches of changes: made by the factory when the change's work begins, and gone when it ends.
CHANGES: Final = "change/"
BELOW: Final = "/*"
EVERY: Final = "*"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
NAME_LENGTH: Final = 160


def judge(commands: Sequence[Command], branches: Sequence[str]) -> Command:
    """The one command that may be carried out. `branches`: one each, all below one (`people/ada/*`), or all (`*`).

    Raises Refused.
    """
    if len(commands) != 1:
        raise Refused(Reason.SEVERAL, "one branch at a time: the push names several")
    (command,) = commands
    branch = command.ref.removeprefix(HEADS)
    if command.ref == HEADS + MAIN:
        raise Refused(Reason.MAIN, "main is moved by the factory only, and a person decides on each merge")
    if branch == command.ref or not is_branch(branch):
        raise Refused(Reason.BRANCH, "only branches are pushed here: no tags, no other refs")
    if not branches:
        raise Refused(Reason.SCOPE, "the grant is for reading")
    if not any(_holds(allowed, branch) for allowed in branches):
        raise Refused(Reason.BRANCH, f"the grant is for {' and '.join(branches)}, not for {branch}")
    if command.new == NOTHING:
        raise Refused(Reason.DELETE, "no branch is deleted by a push")
    if command.old == NOTHING and branch.startswith(CHANGES):
        raise Refused(Reason.MISSING, "the branch of a change is made by the factory, when work on it begins")
    return command


def is_branch(name: str) -> bool:
    """Whether the factory would give this name to a branch."""
    parts = name.split("/")
    plain = NAME.fullmatch(name) is not None and len(name) <= NAME_LENGTH
    return plain and not any(".." in part or part.endswith((".", ".lock")) for part in parts)


def _holds(allowed: str, branch: str) -> bool:
    if allowed == EVERY:
        return True
    if allowed.endswith(BELOW):
        return branch.startswith(allowed.removesuffix(EVERY))
    return branch == allowed
