"""`millwright demo --clean` removes everything of a factory, also for a user who is not root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from console.demo.place import demo_root
from factory import artefacts
from factory.paths import FactoryRoot

# Of root, what lets it write where no mode allows it. Nobody else has it.
PLAIN = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


@pytest.mark.skipif(bool(PLAIN) and shutil.which("setpriv") is None, reason="root, and no setpriv to be less")
def test_read_only_artefacts_of_both_factories_are_removed_without_privileges(root: FactoryRoot) -> None:
    demo = demo_root(root)
    shutil.copytree(root.path, demo.path)
    for factory in (root, demo):
        folder = artefacts.folder(factory, artefacts.store(factory, tree_in(root.path.parent)))
        control = subprocess.run([*PLAIN, "touch", str(folder / "x")], check=False, capture_output=True)
        assert control.returncode != 0
    millwright = Path(sys.executable).parent / "millwright"
    command = [*PLAIN, str(millwright), "demo", "--clean"]
    done = subprocess.run(command, cwd=root.path, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not root.state.exists()
    assert not demo.path.exists()
    assert root.settings_file.exists()


def tree_in(folder: Path) -> Path:
    tree = folder / "tree"
    (tree / "app").mkdir(parents=True, exist_ok=True)
    (tree / "app" / "store.py").write_text("VALUE = 1\n")
    return tree
