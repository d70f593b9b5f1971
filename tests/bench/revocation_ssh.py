"""The same over SSH: a command that runs at a host with a real sshd, and what would survive it (`nohup setsid`).

Once it runs, and once more at whatever point of its beginning the word finds it.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "access"))

from grant_waits import wait_for
from ssh_place import RESOURCE, SshPlane, ssh, ssh_plane
from sshd_place import sshd

from access.daemon import CUT_SECONDS, LOOK_SECONDS
from access.grants import Given, State
from factory.spec import Scope

SECONDS = 60.0
SURVIVES = "sleep 7301"
RUNS = "sleep 7302"
STEPS, STEP_SECONDS = 20, 0.03


@dataclass
class MeasuredSsh:
    """Seconds after the word, each time: until the client is out, nothing runs at the host, and the grant is ended.

    `early`: until it is ended, and nothing runs, where the session had only begun to begin.
    """

    client: list[float] = field(default_factory=list)
    host: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)


def measured_ssh(folder: Path, times: int) -> MeasuredSsh | None:
    """None: no sshd is here."""
    stop, found = threading.Event(), MeasuredSsh()
    for made in (folder / "host", folder / "plane"):
        made.mkdir(parents=True)
    try:
        with sshd(folder / "host") as host, ssh_plane(folder / "plane", host) as plane:
            for do, seconds in ((plane.broker.cut, CUT_SECONDS), (plane.broker.work, LOOK_SECONDS)):
                threading.Thread(target=_repeat, args=(do, seconds, stop), daemon=True).start()
            for number in range(times):
                plane.place.log()
                _once(plane, found)
                _early(plane, found, number)
            stop.set()
    except pytest.skip.Exception as why:
        print(why)
        return None
    return found


def _once(plane: SshPlane, found: MeasuredSsh) -> None:
    given, client = _begun(plane)
    wait_for(lambda: _runs(SURVIVES) and _runs(RUNS), SECONDS, 0.005)
    said = _ended(plane, given)
    out = threading.Thread(target=lambda: (client.wait(SECONDS), found.client.append(time.monotonic() - said)))
    out.start()
    wait_for(lambda: not _runs(SURVIVES) and not _runs(RUNS), SECONDS, 0.005)
    found.host.append(time.monotonic() - said)
    wait_for(lambda: plane.place.state(given.grant) is State.ENDED, SECONDS, 0.005)
    found.ended.append(time.monotonic() - said)
    out.join(SECONDS)


def _early(plane: SshPlane, found: MeasuredSsh, number: int) -> None:
    given, client = _begun(plane)
    # A session begins within so long.
    time.sleep(number % STEPS * STEP_SECONDS)
    said = _ended(plane, given)
    client.wait(SECONDS)
    wait_for(lambda: plane.place.state(given.grant) is State.ENDED, SECONDS, 0.005)
    wait_for(lambda: not _runs(SURVIVES) and not _runs(RUNS), SECONDS, 0.005)
    found.early.append(time.monotonic() - said)


def _begun(plane: SshPlane) -> "tuple[Given, subprocess.Popen[bytes]]":
    asked = plane.place.ask(resource=RESOURCE, scope=Scope.ADMIN)
    wait_for(lambda: plane.place.state(asked.grant) is State.ACTIVE, SECONDS, 0.005)
    given = Given(plane.place.read(asked.grant), asked.token)
    command = ssh(plane.files(given), f"nohup setsid {SURVIVES} & exec {RUNS}")
    return given, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ended(plane: SshPlane, given: Given) -> float:
    said = time.monotonic()
    plane.place.desk.end(plane.place.read(given.grant), "measured", actor="bench")
    return said


def _runs(words: str) -> bool:
    """Whether this runs at the host, and not only whoever asks for it."""
    return any(each.info["cmdline"] == words.split() for each in psutil.process_iter(["cmdline"]))


def _repeat(do: Callable[[], None], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        do()
