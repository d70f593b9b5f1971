"""What a copy leaves on the machine never keeps the local cloud from starting again."""

import os
from pathlib import Path

from conftest import make_root

from localcloud.runtime.sandboxed import SandboxedProcesses


def test_a_runtime_starts_whatever_a_copy_of_the_last_one_wrote(tmp_path: Path) -> None:
    root = make_root(tmp_path / "factory")
    data = root.state / "services" / "task" / "data"
    data.mkdir(parents=True)
    above = os.open(data, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=above)
        below = os.open("d", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)
    data.parent.chmod(0)
    SandboxedProcesses(root, lambda _: tmp_path)
    assert not (root.state / "services").exists()
