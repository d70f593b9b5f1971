"""However the local cloud's daemon ends, nothing that it ran is left."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import make_root
from localcloud_runtime import Declared, Service, answer, stored_app, wait_for

from factory import daemons
from factory.paths import FactoryRoot

pytestmark = pytest.mark.engine


@pytest.fixture
def own(tmp_path: Path, runtime_root: FactoryRoot) -> Iterator[tuple[FactoryRoot, Declared, Service]]:
    """A cloud of the test's own with one service, to be ended."""
    root = make_root(tmp_path / "factory")
    digest = stored_app(root, tmp_path / "app")
    cloud = Declared(daemons.ensure(root, "localcloud"), digest)
    try:
        yield root, cloud, cloud.service("own", replicas=2).settled()
    finally:
        daemons.stop(root, "localcloud")


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended. One that has and whose new parent has not asked for its status runs nothing."""
    left = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


def left(root: FactoryRoot) -> list[str]:
    """Folders of copies and of sockets that are still there."""
    return [path.name for path in (root.state / "services").glob("*")]


def test_a_stopped_daemon_leaves_no_process_and_no_folder(own: tuple[FactoryRoot, Declared, Service]) -> None:
    root, cloud, _ = own
    processes = cloud.processes()
    sockets = Path((root.state / "services" / "sockets").read_text())
    assert len(processes) >= 4
    assert len(list(sockets.iterdir())) == 2
    started = time.monotonic()
    daemons.stop(root, "localcloud")
    assert time.monotonic() - started < 5
    # The kernel ends what is inside a moment after its outer process.
    wait_for(lambda: not running(processes))
    assert not sockets.exists()
    assert left(root) == []


def test_a_killed_daemon_leaves_no_process_and_the_next_one_runs_what_is_declared(
    own: tuple[FactoryRoot, Declared, Service],
) -> None:
    root, cloud, service = own
    processes = cloud.processes()
    before, ran = service.primary, service.tasks()
    sockets = Path((root.state / "services" / "sockets").read_text())
    os.kill(cloud.run_file.pid, signal.SIGKILL)
    wait_for(lambda: not running(processes))
    again = daemons.ensure(root, "localcloud")
    assert again.addresses["ingress"] == cloud.ingress
    assert not sockets.exists()
    cloud.run_file = again
    service.settled()
    wait_for(lambda: service.states == ["healthy", "healthy"])
    assert service.get()[0] == 200
    assert (service.primary["id"], service.primary["createdAt"]) == (before["id"], before["createdAt"])
    assert {task["taskArn"] for task in service.tasks()}.isdisjoint(task["taskArn"] for task in ran)
    stopped = {task["taskArn"]: task for task in service.tasks("STOPPED")}
    for task in ran:
        told = stopped[task["taskArn"]]
        assert (told["stoppedReason"], told["stopCode"]) == ("The host was restarted.", "TerminationNotice")
    # Nothing of the dead ones is left beside what runs again.
    assert len(left(root)) == 1 + len(service.tasks())
    assert daemons.call(again, "status")["state"]["differing"] == []


def test_reset_ends_what_ran(own: tuple[FactoryRoot, Declared, Service]) -> None:
    root, cloud, service = own
    assert service.get()[0] == 200
    daemons.call(cloud.run_file, "reset")
    assert cloud.processes() == []
    assert left(root) == ["sockets"]
    assert answer(f"{cloud.ingress}/", service.address)[0] == 404
