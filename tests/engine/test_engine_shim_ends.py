"""A `pulumi` command that is interrupted, ended or killed: the engine is asked to end, and the stack stays locked."""

import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_factory import DOOR, Factory
from engine_helpers import gone, until

from engine import shim
from engine.arguments import parse
from engine.locks import lock_file

pytestmark = pytest.mark.engine


def test_ctrl_c_is_left_to_the_engine_and_the_door_is_told(factory: Factory) -> None:
    (factory.root.path / "__main__.py").write_text("import time\nprint('asleep')\ntime.sleep(60)\n")
    running = factory.start("up", "-y", "-f", "-s", "links-build")
    assert running.stdout
    assert any("asleep" in line for line in running.stdout)
    family = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode not in (0, None)
    assert "canceled" in out
    assert "Traceback" not in out + err
    assert until(lambda: factory.door()[-1] == f"after up links-build {running.returncode}")
    assert gone(family)


def test_a_termination_becomes_an_interrupt(factory: Factory) -> None:
    (factory.root.path / "__main__.py").write_text("import time\nprint('asleep')\ntime.sleep(60)\n")
    running = factory.start("up", "-y", "-f", "-s", "links-build")
    assert running.stdout
    assert any("asleep" in line for line in running.stdout)
    running.terminate()
    out, _ = running.communicate(timeout=60)
    assert "canceled" in out
    assert factory.door()[-1].startswith("after up links-build")


def test_what_the_door_does_is_alone_also_when_the_command_is_ended_before_it(factory: Factory) -> None:
    go = factory.root.path / "go"
    door = factory.root.path.parent / "modules" / "stacks" / "door.py"
    door.write_text(f"{DOOR}\nimport pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)\n")
    process = factory.start("up", "-y", "-f", "-s", "links-build")
    until(lambda: factory.door() != [])
    process.terminate()
    process.wait(timeout=20)
    with lock_file(factory.root, "links-build").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        go.touch()
        until(lambda: fcntl.flock(lock, fcntl.LOCK_EX) is None)


def test_a_termination_while_the_engine_is_being_started_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def started(command: list[str], **named: Any) -> "subprocess.Popen[bytes]":
        os.kill(os.getpid(), signal.SIGTERM)
        return start(command, **named)

    monkeypatch.setattr(subprocess, "Popen", started)
    assert shim._run_cli(Path("/bin/sleep"), ["30"], os.environ) == 128 + signal.SIGINT


@pytest.mark.parametrize(
    ("line", "added", "refreshed"),
    [
        ("refresh -y", [], True),
        ("up -y", ["--refresh=true"], True),
        ("up -y --refresh", [], True),
        ("up -y", [], False),
        ("up -y --refresh=false", [], False),
        ("refresh -y --target urn:x", [], False),
        ("up -y --exclude urn:x", ["--refresh=true"], False),
    ],
)
def test_whether_a_command_looks_up_all_that_the_state_names(line: str, added: list[str], refreshed: bool) -> None:
    assert shim._refreshes(parse([*line.split(), "-s", "links-build"]), added) is refreshed
