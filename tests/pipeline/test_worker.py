"""The worker's process ends as a whole, whatever fails in it; one failed look for changes does not end it."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from factory import daemons
from factory.paths import FactoryRoot
from pipeline import service, task_process, worker

# The real worker with a service that fails as `raises` says, while a flow waits in a thread of its own.
WORKER = """
import sys, threading, time
from pipeline import service, worker

class Service:
    def __init__(self, claim, die_at):
        claim.publish({}, generation="g")
    def run(self, stop):
        threading.Thread(target=time.sleep, args=(60,)).start()
        raises

service.Service = Service
sys.argv[1:] = ["--root", sys.argv[1]]
worker.run_to_the_end()
"""


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    (tmp_path / "millwright.yaml").touch()
    return FactoryRoot(tmp_path)


def ended(root: FactoryRoot, fails: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WORKER.replace("raises", fails), str(root.path)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=40)


@pytest.mark.parametrize(
    ("fails", "code", "told"),
    [
        ("raise OSError('disk I/O error')", 1, "disk I/O error"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
        ("from factory.errors import Busy; raise Busy('taken')", 8, "taken"),
        ("return", 0, ""),
    ],
)
def test_whatever_ends_its_loop_no_thread_of_the_worker_lives_on(
    root: FactoryRoot, fails: str, code: int, told: str
) -> None:
    done = ended(root, fails)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert daemons.read(root, daemons.WORKER) is None
    daemons.claim(root, daemons.WORKER).release()


def test_wrong_arguments_end_it_as_they_end_any_command(root: FactoryRoot) -> None:
    command = [sys.executable, "-m", "pipeline.worker", "--root", str(root.path), "--die-at", "nowhere"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=40).returncode == 2


def test_a_withdrawn_claim_is_held_until_the_process_ends(root: FactoryRoot) -> None:
    holds = f"""
import gc, pathlib
from factory import daemons
from factory.errors import Busy
from factory.paths import FactoryRoot
root = FactoryRoot(pathlib.Path({str(root.path)!r}))
daemons.claim(root, "worker").withdraw()
gc.collect()
try:
    daemons.claim(root, "worker")
except Busy:
    print("held")
"""
    done = subprocess.run([sys.executable, "-c", holds], check=True, capture_output=True, text=True, timeout=40)
    assert done.stdout == "held\n"
    daemons.claim(root, daemons.WORKER).release()


def test_a_look_that_fails_is_logged_and_repeated_more_and_more_rarely(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "MOST_SECONDS", 1.0)
    waited: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0)
            return len(waited) > 7

    looks: list[int] = []

    def look() -> None:
        looks.append(len(looks))
        if len(looks) in (2, 3, 4, 5):
            raise OSError("the database is away")

    with caplog.at_level(logging.ERROR):
        service.watch(look, Stop())
    assert waited == [0.25, 0.25, 0.5, 1.0, 1.0, 1.0, 0.25, 0.25]
    assert caplog.text.count("OSError: the database is away") == 4


@pytest.mark.e2e
def test_a_worker_that_starts_ends_what_a_killed_one_left(root: FactoryRoot) -> None:
    folder = root.tasks / "links.tags.coder.1"
    folder.mkdir(parents=True)
    left = subprocess.Popen(["sleep", "60"], start_new_session=True)  # noqa: S607 -- the user's own
    (folder / "process").write_text(f"{left.pid} {task_process.start_ticks(left.pid)}")
    (root.apps).mkdir()
    started = subprocess.Popen([sys.executable, "-P", "-m", "pipeline.worker", "--root", str(root.path)])
    try:
        assert left.wait(60) == -9
        deadline = time.monotonic() + 60
        while daemons.read(root, worker.NAME) is None and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        started.terminate()
        code = started.wait(30)
        daemons.stop(root, daemons.LOCAL_CLOUD)
    assert code == 0
