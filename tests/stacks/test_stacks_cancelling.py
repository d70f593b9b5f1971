"""Who works on a stack is asked to end, once; where nothing works on it, that is said, and nothing is touched."""

import json
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from spec_strategies import factory_in

from engine.locks import lock_file, stack_lock
from factory.errors import Busy, InputError
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.driver.cancelling import Asked, cancel

SETTINGS = Settings()
# Holds the stack's lock until a signal comes, says which one, and lets its caller say when it ends.
HOLDER = """
import signal, sys
from pathlib import Path
from engine import stack_lock
from factory.paths import FactoryRoot

def told(number, frame):
    print(signal.Signals(number).name, flush=True)

signal.signal(signal.SIGINT, told)
signal.signal(signal.SIGTERM, told)
with stack_lock(FactoryRoot(Path(sys.argv[1])), "links-build"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    return factory_in(tmp_path)


@contextmanager
def holder(root: FactoryRoot, *, own_group: bool) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(root.path)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0 if own_group else None,
    ) as process:
        try:
            assert said(process) == "held"
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(root: FactoryRoot, *, again: bool = False) -> Asked:
    return cancel(root, SETTINGS, "links", "build", again=again)


@pytest.mark.parametrize(("own_group", "number"), [(True, signal.SIGINT), (False, signal.SIGTERM)])
def test_the_holder_is_asked_as_a_terminal_would_or_alone(
    root: FactoryRoot, own_group: bool, number: signal.Signals
) -> None:
    with holder(root, own_group=own_group) as process:
        asked = ask(root)
        assert asked.pid == process.pid
        assert said(process) == number.name
        assert asked.as_json()["asked"] is True


def test_it_is_asked_a_second_time_only_on_purpose(root: FactoryRoot) -> None:
    with holder(root, own_group=True) as process:
        ask(root)
        assert said(process) == "SIGINT"
        with pytest.raises(Busy, match="was asked already"):
            ask(root)
        assert ask(root, again=True).pid == process.pid
        assert said(process) == "SIGINT"
    # The next one is another operation.
    with holder(root, own_group=True) as process:
        assert ask(root).pid == process.pid


def test_where_nothing_works_nobody_is_asked(root: FactoryRoot) -> None:
    assert ask(root).as_json() == {"stack": "links-build", "asked": False, "pid": None, "why": "nothing works on it"}
    with stack_lock(root, "links-build"):
        pass
    assert ask(root).pid is None
    # And the look at the lock has left it free.
    with stack_lock(root, "links-build", timeout_seconds=0):
        pass


def test_another_stacks_operation_is_not_asked(root: FactoryRoot) -> None:
    with holder(root, own_group=True):
        assert cancel(root, SETTINGS, "links", "staging").pid is None


def test_one_that_has_only_just_begun_cannot_be_asked_yet(root: FactoryRoot) -> None:
    with stack_lock(root, "links-build"):
        lock_file(root, "links-build").write_text("")
        with pytest.raises(Busy, match="only just begun"):
            ask(root)


def test_a_holder_that_is_gone_is_told_from_one_that_works(root: FactoryRoot) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    # As when a shim was killed whose hooks still hold its lock.
    with stack_lock(root, "links-build"):
        lock_file(root, "links-build").write_text(f"pid {gone.pid}")
        asked = ask(root)
    assert (asked.pid, "has ended" in asked.why) == (None, True)


def test_what_is_not_declared_cannot_be_cancelled(root: FactoryRoot) -> None:
    with pytest.raises(InputError, match="declares no environment 'qa'"):
        cancel(root, SETTINGS, "links", "qa")


def backend_lock(root: FactoryRoot, pid: int) -> None:
    """The lock that an engine with this pid leaves in the backend."""
    folder = root.backend / ".pulumi" / "locks" / "organization" / "my-factory" / "links-build"
    folder.mkdir(parents=True)
    lock = {"pid": pid, "hostname": platform.node(), "timestamp": datetime.now(UTC).isoformat()}
    (folder / "one.json").write_text(json.dumps(lock))


def test_an_engine_whose_command_was_killed_is_asked_itself(root: FactoryRoot) -> None:
    with holder(root, own_group=False) as process:
        # It holds another lock than the stack's own here: who started it is gone.
        lock_file(root, "links-build").unlink()
        backend_lock(root, process.pid)
        assert ask(root).pid == process.pid
        assert said(process) == "SIGINT"


def test_a_dead_engines_lock_needs_nobody(root: FactoryRoot) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    backend_lock(root, gone.pid)
    asked = ask(root)
    assert asked.pid is None
    assert "the next command removes" in asked.why
