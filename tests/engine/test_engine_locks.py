"""Locks on stacks: ours between processes, and which of the backend's may be removed."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.locks import clear_dead_locks, engines_at_work, lock_file, stack_lock, wait_for_engines
from factory.errors import Busy
from factory.paths import FactoryRoot
from factory.settings import Settings


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def write_lock(root: FactoryRoot, text: str, stack: str = "links-build") -> Path:
    folder = root.backend / ".pulumi" / "locks" / "organization" / "millwright" / stack
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "an-id.json"
    path.write_text(text)
    return path


def lock_text(pid: int, host: str = "", taken: datetime | None = None) -> str:
    when = (taken or datetime.now(UTC)).isoformat()
    return json.dumps({"pid": pid, "username": "u", "hostname": host or platform.node(), "timestamp": when})


def test_a_dead_engines_lock_is_removed(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    lock = write_lock(root, lock_text(dead_pid()))
    assert clear_dead_locks(root, Settings(), "links-build") == (lock,)
    assert not lock.exists()


def test_a_lock_whose_pid_now_belongs_to_a_younger_process_is_removed(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    lock = write_lock(root, lock_text(os.getpid(), taken=datetime.now(UTC) - timedelta(days=2)))
    assert clear_dead_locks(root, Settings(), "links-build") == (lock,)


@pytest.mark.parametrize(
    "text",
    [
        lock_text(os.getpid()),
        lock_text(2**22, host="another-host"),
        "not json",
        json.dumps({"pid": 2**22}),
        json.dumps(["a", "list"]),
    ],
    ids=["living", "another host", "broken", "incomplete", "no object"],
)
def test_any_other_lock_is_left(tmp_path: Path, text: str) -> None:
    root = FactoryRoot(tmp_path)
    lock = write_lock(root, text)
    assert clear_dead_locks(root, Settings(), "links-build") == ()
    assert lock.read_text() == text


def test_the_locks_of_other_stacks_are_left(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    other = write_lock(root, lock_text(dead_pid()), stack="links-staging")
    assert clear_dead_locks(root, Settings(), "links-build") == ()
    assert other.exists()


def test_a_backend_that_is_no_folder_is_left_alone(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    lock = write_lock(root, lock_text(dead_pid()))
    assert clear_dead_locks(root, Settings(backend="s3://bucket"), "links-build") == ()
    assert lock.exists()


HOLDER = """
import sys
from pathlib import Path
from engine.locks import stack_lock
from factory.paths import FactoryRoot
with stack_lock(FactoryRoot(Path(sys.argv[1])), "links-build"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_stack_and_gets_it_afterwards(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    holders: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(Busy, match=f"links-build .pid {holder.pid}."),
            stack_lock(root, "links-build", timeout_seconds=0),
        ):
            pass
        with stack_lock(root, "links-staging", timeout_seconds=0):
            pass

        def let_go(who: str) -> None:
            holders.append(who)
            assert holder.stdin
            holder.stdin.close()

        with stack_lock(root, "links-build", on_wait=let_go, timeout_seconds=30):
            assert holders == [f"pid {holder.pid}"]


def test_the_lock_of_a_killed_holder_is_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        with stack_lock(FactoryRoot(tmp_path), "links-build", timeout_seconds=0):
            pass


def test_a_qualified_stack_name_is_the_same_lock(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    assert lock_file(root, "organization/millwright/links-build") == lock_file(root, "links-build")
    assert lock_file(root, "..").parent == root.locks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (lock_text(os.getpid()), [os.getpid()]),
        (lock_text(os.getpid(), host="another-host"), []),
        (lock_text(os.getpid(), taken=datetime.now(UTC) - timedelta(days=2)), []),
        ("not json", []),
        (json.dumps({"pid": "x", "hostname": platform.node()}), []),
    ],
    ids=["living", "another host", "dead", "broken", "incomplete"],
)
def test_only_a_living_engine_of_this_machine_is_at_work(tmp_path: Path, text: str, found: list[int]) -> None:
    root = FactoryRoot(tmp_path)
    write_lock(root, text)
    assert engines_at_work(root, Settings(), "links-build") == found
    assert engines_at_work(root, Settings(), "links-staging") == []


def test_an_engine_whose_command_was_killed_is_waited_for(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    engine = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    write_lock(root, lock_text(engine.pid))
    said: list[str] = []
    asked: list[int] = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 3:
            engine.communicate()

    wait_for_engines(root, Settings(), "links-build", on_wait=said.append, check=check)
    assert said == [f"an engine whose command was killed, pid {engine.pid}"]
    assert len(asked) >= 3
