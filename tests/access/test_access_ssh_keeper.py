"""A session's keeper, without a host: what begins when it waits no more runs nothing, and nobody has to find it.

A process has its mark only a while after sshd has begun it; a session that ends in between is what this is about.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ssh_place import running

from access.ssh import keeper

MARK = keeper.marked("mw-test", "one")


def begun(command: str) -> "subprocess.Popen[bytes]":
    """As sshd begins it: by the account's shell, in a session of its own."""
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )


@contextmanager
def kept(mark: str) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """A keeper that waits, and its process as it says it."""
    process = begun(keeper.keeper(mark))
    assert process.stdout is not None
    try:
        said = keeper.process_of(process.stdout.readline())
        assert said == process.pid
        yield process, said
    finally:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[bytes]") -> bytes:
    """What a keeper says when its input has ended."""
    return process.communicate(timeout=60)[0]


def test_what_begins_while_its_keeper_waits_runs_and_ends_with_it() -> None:
    with kept(MARK) as (process, pid):
        session = begun(keeper.command(MARK, pid, "echo runs; nohup setsid sleep 7501 & exec sleep 7502"))
        assert session.stdout is not None
        assert session.stdout.readline() == b"runs\n"
        assert ended(process) == keeper.GONE
        session.communicate(timeout=60)
    assert not running("sleep 7501")
    assert not running("sleep 7502")


def test_what_begins_after_its_keeper_has_looked_runs_nothing(tmp_path: Path) -> None:
    with kept(MARK) as (process, pid):
        assert ended(process) == keeper.GONE
        done = begun(keeper.command(MARK, pid, f"touch {tmp_path}/ran"))
        assert done.communicate(timeout=60)[0] == b""
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())


def test_what_begins_while_its_keeper_looks_runs_nothing_or_is_found(tmp_path: Path) -> None:
    with kept(MARK) as (process, pid):
        assert process.stdin is not None
        # Its looks take a moment each, and all of these begin in that moment.
        process.stdin.close()
        process.stdin = None
        sessions = [begun(keeper.command(MARK, pid, "exec sleep 7503")) for _ in range(20)]
        assert ended(process) == keeper.GONE
        for each in sessions:
            each.communicate(timeout=60)
    assert not running("sleep 7503")


def test_the_keeper_of_another_session_is_none(tmp_path: Path) -> None:
    with kept(keeper.marked("mw-test", "other")) as (_, pid):
        done = begun(keeper.command(MARK, pid, f"touch {tmp_path}/ran"))
        done.communicate(timeout=60)
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("said", [b"", b"ready\n", b"ready x\n", b"ready -1\n", b"12\n"])
def test_what_no_keeper_says_is_no_process(said: bytes) -> None:
    assert keeper.process_of(said) is None
