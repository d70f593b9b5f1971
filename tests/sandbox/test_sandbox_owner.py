"""Whoever starts a sandbox may be killed at any moment: nothing of it is left, also in the first milliseconds."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from file_locks import is_taken

from sandbox import Confined, bubblewrap, owner, python_binds, start_service

REPOSITORY = Path(__file__).parents[2]
# Starts a service, and is killed so many seconds after the first process was begun. {guard} may take the guard away.
KILLED = """
import os, signal, subprocess, sys, time
from pathlib import Path
from sandbox import Confined, owner, python_binds, running, serving
{guard}
running.probe()
begin = subprocess.Popen.__init__
def begun(self, *words, **named):
    begin(self, *words, **named)
    time.sleep({seconds})
    os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen.__init__ = begun
folder = Path({folder!r})
serving.start_service(
    Confined(argv=("/usr/bin/sleep", "5331"), binds=python_binds(), cwd="/"),
    port=1, socket=folder / "s", log=folder / "log",
)
"""


def left(folder: Path) -> list[int]:
    """The processes that have a folder of the test on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def killed(folder: Path, seconds: float, guard: str = "") -> list[int]:
    """What is left a moment after the owner was killed."""
    code = KILLED.format(seconds=seconds, folder=str(folder), guard=guard)
    script = folder.with_suffix(".py")
    script.write_text(code)
    ran = subprocess.run(
        [sys.executable, str(script)], cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY)}, check=False
    )
    assert ran.returncode == -signal.SIGKILL
    # In the middle of an exec a process has no command line to find it by.
    time.sleep(1)
    deadline = time.monotonic() + 3
    while left(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left(folder)


@pytest.mark.parametrize("seconds", [0, 0.002, 0.004, 0.008])
def test_nothing_is_left_however_early_the_owner_is_killed(tmp_path: Path, seconds: float) -> None:
    for number in range(3):
        folder = tmp_path / f"owned-{number}"
        folder.mkdir()
        assert not killed(folder, seconds)


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """Has the sandbox started by a bubblewrap that takes its time before it asks the kernel for anything."""
    script = tmp_path / "slow"
    script.write_text(f'#!/bin/sh\nsleep 0.3\nexec {bubblewrap.program()} "$@"\n')
    script.chmod(0o755)
    return f"serving.program = lambda: Path({str(script)!r})"


def test_nothing_is_left_of_one_that_was_slow_to_start(tmp_path: Path, slow: str) -> None:
    folder = tmp_path / "owned"
    folder.mkdir()
    assert not killed(folder, 0.1, guard=slow)


def test_a_control_without_the_watcher_it_is_left(tmp_path: Path, slow: str) -> None:
    folder = tmp_path / "owned"
    folder.mkdir()
    found = killed(folder, 0.1, guard=f"{slow}\nowner.watched = lambda _: ()")
    for pid in found:
        # One may end with another.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert found


def test_what_is_kept_is_open_until_the_last_process_has_ended(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()

    with (tmp_path / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        confined = Confined(argv=("/usr/bin/sleep", "60"), binds=python_binds(), cwd="/", keeps=(lock.fileno(),))
        service = start_service(confined, port=1, socket=tmp_path / "s", log=tmp_path / "log")
    time.sleep(0.5)
    assert service.alive(), (tmp_path / "log").read_text()
    assert is_taken(tmp_path / "lock")
    service.stop(0.1)
    deadline = time.monotonic() + 3
    while is_taken(tmp_path / "lock") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_taken(tmp_path / "lock")


def test_each_process_has_an_end_of_its_own() -> None:
    assert owner.pipe() == owner.pipe()
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"%d" % (owner.pipe() != -1 and len(owner._pipes)))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"2"
    os.close(read)
    os.close(write)
