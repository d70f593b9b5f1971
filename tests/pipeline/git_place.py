"""A repository of a small app with one worktree, on disk: what the tests of `pipeline.git` start from."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from factory.paths import FactoryRoot
from pipeline.git import CommitRefused, Limits, Repository

GIT = str(shutil.which("git"))
WHO = {
    f"GIT_{role}_{what}": "" if what == "EMAIL" else "A person"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
APP = "links"
BRANCH = "change/add-tags"
SOURCE = {
    "README.md": "# links\n",
    "links/__init__.py": "",
    "links/store.py": "LINKS = {}\n",
    ".gitignore": "build/\n*.log\n",
    ".github/workflows/check.yml": "on: push\n",
}
TRAILERS = {"Change": "links/add-tags", "Task": "t1", "Function": "coder", "Model": "m (scripted)"}


@dataclass
class Place:
    """`tree` is the worktree; `at` is what the repository's clock says next."""

    root: FactoryRoot
    limits: Limits = field(default_factory=Limits)
    at: float = 1_000_000_000.0

    @property
    def source(self) -> Path:
        return self.root.apps / APP / "source"

    @property
    def repository(self) -> Repository:
        return Repository(self.root, APP, limits=self.limits, clock=self.now)

    @property
    def tree(self) -> Path:
        return self.root.tasks / "t1" / "worktree"

    def now(self) -> float:
        self.at += 1
        return self.at

    def work(self, branch: str = BRANCH, folder: Path | None = None) -> Path:
        return self.repository.worktree(folder or self.tree, branch, self.repository.head())

    def write(self, path: str, text: str = "x = 1\n") -> Path:
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self, number: int = 1, message: str = "Add tags", folder: Path | None = None) -> str | None:
        return self.repository.commit_step(
            folder or self.tree, BRANCH, message=message, trailers=TRAILERS, key=f"t1/{number}"
        )

    def refused(self, number: int = 1) -> list[str]:
        """The paths for which the commit is refused, [] when it is made; nothing is written when it is refused."""
        before = self.repository.head(BRANCH)
        try:
            self.commit(number)
        except CommitRefused as error:
            assert self.repository.head(BRANCH) == before
            return [problem.file for problem in error.problems]
        assert self.repository.head(BRANCH) != before
        return []

    def merge(self, head: str, base: str | None = None) -> str:
        return self.repository.merge(
            BRANCH,
            expected_head=head,
            expected_base=base or self.repository.head(),
            message="Tags for links",
            trailers={"Change": "links/add-tags", "Decided-by": "demo-maintainer"},
        )

    def git(self, *arguments: str, data: str = "", index: Path | None = None) -> str:
        """What a person's git says of the bare repository."""
        environment = {"PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, **WHO}
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        command = [GIT, f"--git-dir={self.repository.folder}", *arguments]
        ran = subprocess.run(
            command, input=data, capture_output=True, text=True, timeout=30, check=True, env=environment
        )
        return ran.stdout

    def push_by_hand(self, path: str, branch: str = BRANCH, *, mode: str = "100644", data: str = "by hand\n") -> str:
        """A commit that nobody looked at: it adds a file at `path` to the branch."""
        index = self.root.path / "index-by-hand"
        blob = self.git("hash-object", "-w", "--stdin", data=data).strip()
        self.git("read-tree", branch, index=index)
        self.git("update-index", "--index-info", data=f"{mode} {blob}\t{path}\n", index=index)
        tree = self.git("write-tree", index=index).strip()
        sha = self.git("commit-tree", "-p", branch, "-m", "by hand", tree).strip()
        self.git("update-ref", f"refs/heads/{branch}", sha)
        return sha


def place(folder: Path, limits: Limits | None = None) -> Place:
    """A factory in `folder` whose one app has a repository."""
    made = Place(FactoryRoot(folder / "factory"), limits or Limits())
    for path, text in SOURCE.items():
        file = made.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    made.repository.ensure(made.source)
    return made
