"""A confined process that stays: reached from the host through one Unix socket, and through nothing else."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from factory.errors import InputError
from sandbox import forwarder, usage
from sandbox.bubblewrap import DEPTH, command_line, program, told
from sandbox.model import Bind, Confined, Outward
from sandbox.running import end, probe, with_defaults

DOOR = "/run/door"
CODE = "/run/forwarder.py"
# sun_path of sockaddr_un, less its final zero.
SOCKET_PATH_BYTES = 107


@dataclass
class Served:
    """A running service. `socket` is the host's end of its one port."""

    socket: Path
    _process: subprocess.Popen[bytes]
    # What it used too much of in sum, when it was ended for that.
    ended_for: str = ""

    @property
    def pid(self) -> int:
        """The process on the host whose end ends everything inside."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def exit_code(self) -> int | None:
        """Its exit status (over 128: ended by a signal); None while it runs."""
        code = self._process.poll()
        return None if code is None else 128 - code if code < 0 else code

    def used_mib(self) -> int:
        """What everything inside holds in memory."""
        return usage.memory(self.pid) // usage.MIB

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask it to end, wait for so long, then end it. Its socket is gone afterwards."""
        if self.alive():
            _ask(self._process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        end(self._process)
        self.socket.unlink(missing_ok=True)


def start_service(
    confined: Confined, *, port: int | None, socket: Path, log: Path, outward: Outward | None = None
) -> Served:
    """Start a service that listens on 127.0.0.1:`port` of its own network; reach it by the Unix socket `socket`.

    Without a port it serves nothing, and there is no socket. `outward`: its one way out, if it has any.
    What it prints is appended to `log`. `confined.limits.seconds` does not count. Raises SandboxUnavailable, and
    InputError for a socket path that is too long.
    """
    probe()
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
        raise InputError(f"{socket} is longer than a socket's path may be ({SOCKET_PATH_BYTES} bytes)")
    kept = ",".join(map(str, confined.keeps))
    words = ("python", "-I", CODE, f"{DOOR}/{socket.name}", str(port or ""), kept, _way(outward), "--", *confined.argv)
    inside = replace(
        with_defaults(confined),
        argv=words,
        binds=(*confined.binds, Bind(Path(forwarder.__file__), CODE), Bind(socket.parent, DOOR, writable=True)),
        limits=replace(confined.limits, seconds=float("inf")),
    )
    with log.open("ab") as output, told(inside) as handed:
        process = subprocess.Popen(
            command_line(program(), inside, handed),
            pass_fds=(*handed.all, *confined.keeps),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={},
            start_new_session=True,
        )
    served = Served(socket, process)
    threading.Thread(target=_watch, args=(served, usage.Watch(inside)), daemon=True).start()
    return served


def _way(outward: Outward | None) -> str:
    return f"{DOOR}/{outward.socket.name}:{','.join(map(str, outward.ports))}" if outward else ""


def _watch(served: Served, watch: usage.Watch) -> None:
    """End a service that uses more in sum than it may."""
    while served.alive():
        time.sleep(watch.rest())
        if reason := watch.overuse(served.pid):
            served.ended_for = reason
            with contextlib.suppress(ProcessLookupError):
                os.kill(served.pid, signal.SIGKILL)
            return


def _ask(bwrap: int) -> None:
    """SIGTERM to the forwarder, the innermost process: bubblewrap itself passes no signal on."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        for _ in range(DEPTH):
            children = Path(f"/proc/{bwrap}/task/{bwrap}/children").read_text().split()
            if not children:
                return
            # The last: beside the outer one there is the shell that watches its owner.
            bwrap = int(children[-1])
        os.kill(bwrap, signal.SIGTERM)
