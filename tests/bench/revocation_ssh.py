"""The same over SSH: a command that runs at a host with a real sshd, and what would survive it (`nohup setsid`)."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "access"))

from grant_waits import wait_for
from ssh_place import RESOURCE, SshPlane, running, ssh, ssh_plane
from sshd_place import sshd

from access.daemon import CUT_SECONDS, LOOK_SECONDS
from access.grants import Given, State
from factory.spec import Scope

SECONDS = 60.0
SURVIVES = "sleep 7301"
RUNS = "sleep 7302"


@dataclass
class MeasuredSsh:
    """Seconds after the word, each time: until the client is out, nothing runs at the host, and the grant is ended."""

    client: list[float] = field(default_factory=list)
    host: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)


def measured_ssh(folder: Path, times: int) -> MeasuredSsh | None:
    """None: no sshd is here."""
    stop, found = threading.Event(), MeasuredSsh()
    for made in (folder / "host", folder / "plane"):
        made.mkdir(parents=True)
    try:
        with sshd(folder / "host") as host, ssh_plane(folder / "plane", host) as plane:
            for do, seconds in ((plane.broker.cut, CUT_SECONDS), (plane.broker.work, LOOK_SECONDS)):
                threading.Thread(target=_repeat, args=(do, seconds, stop), daemon=True).start()
            for _ in range(times):
                plane.place.log()
                _once(plane, found)
            stop.set()
    except pytest.skip.Exception as why:
        print(why)
        return None
    return found


def _once(plane: SshPlane, found: MeasuredSsh) -> None:
    asked = plane.place.ask(resource=RESOURCE, scope=Scope.ADMIN)
    wait_for(lambda: plane.place.state(asked.grant) is State.ACTIVE, SECONDS, 0.005)
    given = Given(plane.place.read(asked.grant), asked.token)
    command = f"nohup setsid {SURVIVES} & exec {RUNS}"
    client = subprocess.Popen(ssh(plane.files(given), command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: running(SURVIVES) and running(RUNS), SECONDS, 0.005)
    said = time.monotonic()
    plane.place.desk.end(plane.place.read(given.grant), "measured", actor="bench")
    out = threading.Thread(target=lambda: (client.wait(SECONDS), found.client.append(time.monotonic() - said)))
    out.start()
    wait_for(lambda: not running(SURVIVES) and not running(RUNS), SECONDS, 0.005)
    found.host.append(time.monotonic() - said)
    wait_for(lambda: plane.place.state(given.grant) is State.ENDED, SECONDS, 0.005)
    found.ended.append(time.monotonic() - said)
    out.join(SECONDS)


def _repeat(do: Callable[[], None], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        do()
