"""Exported trees: what a check or a build looks at is a plain copy of a commit, never a worktree of an agent."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.paths import private_folder
from factory.trees import remove_tree
from pipeline.context import Context


@contextmanager
def exported(context: Context, app: str, commit: str) -> Iterator[Path]:
    """A folder with the tree of `commit`; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tree-", dir=private_folder(context.root.work)))
    try:
        tree = folder / "tree"
        context.repository(app).export(commit, tree)
        yield tree
    finally:
        remove_tree(folder)
