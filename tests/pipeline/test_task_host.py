"""The tasks' host: a process has nothing of the worker's or the host's, and its end is always told."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agents.task import LATER, WRONG
from pipeline.task_host import Forked, Host

SECONDS = 60


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


class Started:
    """A task without a brief, which waits for its token."""

    def __init__(self, host: Host, folder: Path) -> None:
        given, self.giving = os.pipe()
        with (folder / "log").open("ab") as log:
            self.process = host.start(folder, given, log.fileno())
        os.close(given)

    def tell(self, text: bytes) -> None:
        if text:
            os.write(self.giving, text)
        os.close(self.giving)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_task_has_nothing_of_its_workers_or_its_hosts(
    host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    with socket.create_server(("127.0.0.1", 0)):
        started = Started(host, folder)
        beside = Started(host, folder)
        seen = Path("/proc", str(started.process.pid))
        wait_for(lambda: (seen / "cwd").readlink() == folder)
        assert {word.split(b"=")[0] for word in (seen / "environ").read_bytes().split(b"\0") if word} == {
            b"PATH",
            b"LANG",
        }
        assert sorted(path.name for path in (seen / "fd").iterdir()) == ["0", "1", "2"]
        assert os.getsid(started.process.pid) == started.process.pid
        assert started.process.poll() is None
        for each in (started, beside):
            each.tell(b"")
            assert each.process.wait(SECONDS) == WRONG
    assert "no token" in (folder / "log").read_text()


def test_what_a_task_raises_is_in_its_log_and_does_not_end_the_host(host: Host, folder: Path) -> None:
    first, second = Started(host, folder), Started(host, folder)
    first.tell(b"token\n")
    assert first.process.wait(SECONDS) == 1
    assert "brief.json" in (folder / "log").read_text()
    second.tell(b"")
    assert second.process.wait(SECONDS) == WRONG


def test_a_task_that_is_killed_ends_as_a_process_of_ours_would(host: Host, folder: Path) -> None:
    started = Started(host, folder)
    with pytest.raises(subprocess.TimeoutExpired):
        started.process.wait(0.05)
    os.killpg(started.process.pid, signal.SIGKILL)
    assert started.process.wait(SECONDS) == -signal.SIGKILL
    assert started.process.poll() == -signal.SIGKILL


def test_a_host_that_dies_takes_its_tasks_along_to_be_taken_up_later(host: Host, folder: Path) -> None:
    started = Started(host, folder)
    assert host._process is not None
    host._process.kill()
    assert started.process.wait(SECONDS) == LATER
    wait_for(lambda: not alive(started.process.pid))
    # And the next task has a new host.
    again = Started(host, folder)
    again.tell(b"")
    assert again.process.wait(SECONDS) == WRONG


def test_the_host_ends_with_whoever_started_it(folder: Path) -> None:
    host = Host()
    host.warm()
    assert host._process is not None
    assert host._connection is not None
    # As the kernel does it for a worker that was killed.
    host._connection.close()
    assert host._process.wait(SECONDS) == 0
    host.close()


def test_no_process_is_told_as_such() -> None:
    status, told = os.pipe()
    os.close(told)
    with pytest.raises(EOFError):
        Forked(status)
    os.close(status)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
