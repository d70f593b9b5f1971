"""The plugin executable: fast, light, quiet, and always pointing at the running daemon."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from localcloud_door import Door

from factory import daemons
from factory.daemons import RunFile
from factory.paths import FactoryRoot

Start = Callable[[FactoryRoot], RunFile]


@pytest.fixture
def plugin() -> Iterator[Callable[[FactoryRoot], subprocess.Popen[str]]]:
    """Start the plugin as the engine does; every one started is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(root: FactoryRoot) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "localcloud.plugin", "--root", str(root.path), "127.0.0.1:1", "-v=3"]
        started.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def port_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_the_doors_port_stays_and_ends_quietly(
    cloud: RunFile, cloud_root: FactoryRoot, plugin: Callable[[FactoryRoot], subprocess.Popen[str]], how: signal.Signals
) -> None:
    process = plugin(cloud_root)
    assert port_of(process) == cloud.addresses["provider"].rpartition(":")[2]
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.3)
    process.send_signal(how)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


def test_it_starts_the_daemon_when_none_runs(
    new_root: FactoryRoot, start_daemon: Start, plugin: Callable[[FactoryRoot], subprocess.Popen[str]]
) -> None:
    port = port_of(plugin(new_root))
    run_file = start_daemon(new_root)
    assert run_file.addresses["provider"].rpartition(":")[2] == port

    # The plugin waits for its own end with signals blocked; the daemon must not have that from it.
    def blocked() -> int:
        status = Path("/proc", str(run_file.pid), "status").read_text()
        return int(status.partition("SigBlk:")[2].split()[0], 16) & (
            1 << (signal.SIGTERM - 1) | 1 << (signal.SIGINT - 1)
        )

    # While it starts a process of its own, it blocks all of them for a moment.
    deadline = time.monotonic() + 10
    while blocked():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stale_run_file_is_not_believed(
    new_root: FactoryRoot, start_daemon: Start, plugin: Callable[[FactoryRoot], subprocess.Popen[str]]
) -> None:
    first = start_daemon(new_root)
    path = daemons.run_file_path(new_root, "localcloud")
    written = path.read_text()
    daemons.stop(new_root, "localcloud")
    path.write_text(written)
    port = port_of(plugin(new_root))
    again = start_daemon(new_root)
    assert again.pid != first.pid
    with Door(f"127.0.0.1:{port}") as door:
        door.configure(region="eu-west-1")


def test_it_ends_when_the_engine_is_gone(cloud: RunFile, cloud_root: FactoryRoot) -> None:
    script = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-m', 'localcloud.plugin', '--root', {str(cloud_root.path)!r}],"
        " stdout=subprocess.PIPE, text=True)\n"
        "p.stdout.readline(); print(p.pid)\n"
    )
    engine = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    deadline = time.monotonic() + 10
    orphan = int(engine.stdout)
    while psutil.pid_exists(orphan) and psutil.Process(orphan).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the plugin outlived its engine"
        time.sleep(0.05)


@pytest.mark.parametrize("module", ["localcloud", "localcloud.plugin"])
def test_importing_stays_light(module: str) -> None:
    script = (
        f"import {module}, sys; print(sorted({{'moto', 'boto3', 'botocore', 'grpc', 'pydantic'}} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.strip() == "[]"
