"""A factory with state, and a file for its backup: what the tests of backups start from."""

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from spec_strategies import factory_in

from factory.errors import MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings
from pipeline.backup import restore, save

SETTINGS = Settings()
KEPT = {
    "passphrase": "secret",
    "backend/.pulumi/stacks/my-factory/links-build.json": "{}",
    "stacks/Pulumi.links-build.yaml": "encryptionsalt: v1\n",
    "demo-people/demo-author.key": "key",
    "locks/links-build.begun": "{}",
    "reports/links.tags.json": "{}",
    "tasks/links.tags.coder.1/trajectory.jsonl": "{}\n",
    "what-a-newer-room/keeps": "x" * 300_000,
}
MADE_AGAIN = {
    "run/worker.json": "{}",
    "logs/worker.log": "started",
    "pulumi-home/credentials.json": "{}",
    "locks/links-staging.lock": "",
    "backend/.pulumi/locks/organization/my-factory/links-build/1.json": "{}",
    "work/tree-1/main.py": "",
}


@dataclass
class Place:
    """A factory with state, a file for its backup, and the factory without state in which that is restored."""

    root: FactoryRoot
    file: Path

    def save(self, **how: object) -> None:
        save(self.root, SETTINGS, self.file, **how)

    def lose(self) -> dict[str, str | None]:
        before = tree(self.root.state)
        shutil.rmtree(self.root.state)
        return before

    def refused(self, settings: Settings = SETTINGS) -> MillwrightError:
        """How the restore is refused; nothing is there after it that was not there before."""
        before = tree(self.root.path)
        with pytest.raises(MillwrightError) as caught:
            restore(self.root, settings, self.file)
        assert tree(self.root.path) == before
        return caught.value


def tree(folder: Path) -> dict[str, str | None]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_text("latin-1") if path.is_file() else None
    return found


def place(folder: Path) -> Place:
    root = factory_in(folder / "factory")
    for name, text in (KEPT | MADE_AGAIN).items():
        path = root.state / name
        private_folder(path.parent)
        path.write_text(text)
        path.chmod(0o600)
    (root.state / "artefacts").mkdir(mode=0o555)
    with contextlib.closing(sqlite3.connect(root.database)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
    return Place(root, folder / "backup.tgz")
