"""Daemons are found by their run file only, have one owner, start on demand, and end when told to."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from tiny_daemon import NAME

from factory import daemons
from factory.errors import Busy, CloudUnavailable, ExitCode
from factory.paths import FactoryRoot


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FactoryRoot]:
    monkeypatch.setitem(daemons.MODULES, NAME, "tiny_daemon")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(daemons, "STOP_SECONDS", 0.5)
    root = FactoryRoot(tmp_path)
    yield root
    left = daemons.read(root, NAME)
    # A test that failed may have left a claim of this very process.
    if left is not None and left.pid != os.getpid():
        daemons.stop(root, NAME)


def _running(root: FactoryRoot) -> list[int]:
    """The processes that are daemons of this root."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if str(root.path) in (process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _only_one_left(root: FactoryRoot) -> int:
    deadline = time.monotonic() + 20
    while len(found := _running(root)) != 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    (pid,) = found
    return pid


def test_what_one_process_claims_another_cannot(root: FactoryRoot) -> None:
    claim = daemons.claim(root, NAME)
    with pytest.raises(Busy, match="already runs") as caught:
        daemons.claim(root, NAME)
    assert caught.value.exit_code is ExitCode.BUSY
    daemons.claim(root, "another").release()
    claim.release()
    daemons.claim(root, NAME).release()


def test_a_claim_is_found_once_it_is_published_and_until_it_is_released(root: FactoryRoot) -> None:
    claim = daemons.claim(root, NAME)
    assert daemons.read(root, NAME) is None
    published = claim.publish({"http": "http://127.0.0.1:1"}, generation="g")
    assert daemons.read(root, NAME) == published
    assert published.pid == os.getpid()
    claim.release()
    assert daemons.read(root, NAME) is None


def test_the_run_file_and_its_folders_are_the_owners_only(root: FactoryRoot) -> None:
    claim = daemons.claim(root, NAME)
    before = os.umask(0)
    try:
        claim.publish({}, generation="g")
    finally:
        os.umask(before)
    path = daemons.run_file_path(root, NAME)
    assert [item.stat().st_mode & 0o777 for item in (path, path.parent, root.state)] == [0o600, 0o700, 0o700]
    claim.release()


def test_every_start_has_a_token_of_its_own(root: FactoryRoot) -> None:
    tokens = set()
    for _ in range(2):
        claim = daemons.claim(root, NAME)
        tokens.add(claim.publish({}, generation="g").token)
        claim.release()
    assert len(tokens) == 2
    assert all(len(token) >= 32 for token in tokens)


def _gone_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"pid": _gone_pid}, False),
        ({"started": 1}, False),
        ({"token": None}, False),
        ({"surprise": "x"}, False),
    ],
    ids=["live", "dead pid", "reused pid", "broken", "of another version"],
)
def test_a_run_file_counts_only_while_its_very_process_lives(
    change: dict[str, object], counts: bool, root: FactoryRoot
) -> None:
    claim = daemons.claim(root, NAME)
    claim.publish({}, generation="g")
    path = daemons.run_file_path(root, NAME)
    values = {key: value() if callable(value) else value for key, value in change.items()}
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    assert (daemons.read(root, NAME) is not None) is counts
    claim.release()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_file_that_is_no_run_file_counts_as_none(content: bytes, root: FactoryRoot) -> None:
    daemons.claim(root, NAME).lock.close()
    daemons.run_file_path(root, NAME).write_bytes(content)
    assert daemons.read(root, NAME) is None
    assert daemons.stop(root, NAME) is False
    assert not daemons.run_file_path(root, NAME).exists()


def test_two_that_need_it_at_once_get_the_same_daemon(root: FactoryRoot) -> None:
    together = threading.Barrier(2)

    def start() -> daemons.RunFile:
        together.wait(10)
        return daemons.ensure(root, NAME)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(start), pool.submit(start)
        assert one.result(30) == other.result(30) == daemons.ensure(root, NAME)
    assert _only_one_left(root) == one.result().pid


def test_a_killed_daemon_is_replaced_and_a_living_one_is_not(root: FactoryRoot) -> None:
    first = daemons.ensure(root, NAME)
    assert daemons.ensure(root, NAME) == first
    psutil.Process(first.pid).kill()
    psutil.wait_procs([psutil.Process(first.pid)], timeout=10)
    second = daemons.ensure(root, NAME)
    assert (second.pid, second.token) != (first.pid, first.token)
    assert second.alive()


def test_a_daemon_that_does_not_start_is_an_error_with_the_end_of_its_log(
    root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY", "broken")
    with pytest.raises(CloudUnavailable, match="tiny did not start") as caught:
        daemons.ensure(root, NAME)
    assert str(caught.value).endswith("tiny: no bytes left in the jar\n")
    assert caught.value.hint
    assert daemons.read(root, NAME) is None


@pytest.mark.parametrize("wayward", ["", "rude", "deaf"])
def test_stop_ends_the_process_and_removes_its_file(
    wayward: str, root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY", wayward)
    started = daemons.ensure(root, NAME)
    assert daemons.stop(root, NAME) is True
    assert not started.alive()
    assert not daemons.run_file_path(root, NAME).exists()
    assert daemons.stop(root, NAME) is False
