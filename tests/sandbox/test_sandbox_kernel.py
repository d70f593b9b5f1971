"""What a confined process finds of the kernel: nothing of the machine can be changed through /proc."""

import os
from pathlib import Path

import pytest

from factory.errors import SandboxUnavailable
from sandbox import Confined, bubblewrap, python_binds, run, running

SYSCTL = Path("/proc/sys/kernel/core_pattern")
WRITABLE = """
import os
found = []
for folder, below, files in os.walk("/proc"):
    if folder == "/proc":
        below[:] = [name for name in below if not name.isdigit() or name == "1"]
    for name in files:
        try:
            os.close(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
        except OSError:
            continue
        found.append(f"{folder}/{name}")
print(found)
os.close(os.open("/dev/null", os.O_WRONLY))
print("the null device")
"""


def test_no_file_of_proc_opens_for_writing_inside() -> None:
    ran = run(Confined(argv=("python", "-c", WRITABLE), binds=python_binds(), cwd="/"))
    assert (ran.out.splitlines(), ran.err) == (["[]", "the null device"], "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's sandbox could write a sysctl")
def test_where_a_sysctl_is_writable_inside_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    running.probe()
    original = bubblewrap.command_line

    def writable(*given: object) -> list[str]:
        words = original(*given)  # type: ignore[arg-type]
        at = words.index("/proc/sys") - 1
        # As it was before the attack was known: the sandbox's own /proc, as the kernel makes it.
        return [*words[:at], *words[at + 5 :]]

    monkeypatch.setattr(running, "command_line", writable)
    running.probe.cache_clear()
    try:
        with pytest.raises(SandboxUnavailable, match="core_pattern can be written"):
            running.probe()
    finally:
        running.probe.cache_clear()
