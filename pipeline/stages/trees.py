"""Exported trees: what a check or a build looks at is a plain copy of a commit, never a worktree of an agent."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.paths import private_folder
from factory.spec import source_files
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


@contextmanager
def exported_as_built(context: Context, app: str, commit: str) -> Iterator[Path]:
    """A folder with what an artefact of `commit` would hold: what is tested must not have what is not deployed."""
    with exported(context, app, commit) as tree:
        leave_built(tree)
        yield tree


def leave_built(tree: Path) -> None:
    """Remove what no artefact of `tree` holds: caches and hidden files, and folders that are empty without them."""
    built = set(source_files(tree))
    # What is in a folder comes before the folder.
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_symlink() or not path.is_dir():
            if path not in built:
                path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
