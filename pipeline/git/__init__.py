"""The apps' git repositories, over the `git` command: bare repos, worktrees, commits of agent steps, merges.

Only the factory writes refs, and git never looks into a folder that an agent wrote: the factory reads such a folder
itself, as data, and hands git what the guard let through.
"""

from pipeline.git.command import visible
from pipeline.git.guard import CommitRefused, Entry, Limits
from pipeline.git.merging import Conflicts, MergeCheck, Moved
from pipeline.git.repository import Repository
from pipeline.git.worktrees import Worktree

__all__ = [
    "CommitRefused",
    "Conflicts",
    "Entry",
    "Limits",
    "MergeCheck",
    "Moved",
    "Repository",
    "Worktree",
    "visible",
]
