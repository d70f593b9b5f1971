"""A confined process that stays: reached from the host through one Unix socket, or through nothing.

It reaches nothing itself, unless the caller opens a gate for it (`sandbox.outward`).
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from factory.errors import InputError
from sandbox import usage
from sandbox.bubblewrap import DEPTH, command_line, program, told
from sandbox.model import Confined
from sandbox.running import end, probe, with_defaults
from sandbox.ways import forwarded

# sun_path of sockaddr_un, less its final zero.
SOCKET_PATH_BYTES = 107
Started = TypeVar("Started", bound="Worker")


@dataclass
class Worker:
    """A running process that nobody reaches."""

    _process: subprocess.Popen[bytes]
    # What it used too much of in sum, when it was ended for that.
    ended_for: str = field(default="", kw_only=True)

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

    def used_mib(self, enough: int = 0) -> int:
        """What everything inside holds in memory; up to `enough`, no less than that."""
        return usage.memory(self.pid, enough * usage.MIB) // usage.MIB

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask it to end, wait for so long, then end it."""
        if self.alive():
            _ask(self._process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        end(self._process)


@dataclass
class Served(Worker):
    """A running service. `socket` is the host's end of its one port."""

    socket: Path

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask it to end, wait for so long, then end it. Its socket is gone afterwards."""
        super().stop(grace_seconds)
        self.socket.unlink(missing_ok=True)


def start_service(confined: Confined, *, port: int, socket: Path, log: Path, way: Path | None = None) -> Served:
    """Start a service that listens on 127.0.0.1:`port` of its own network; reach it by the Unix socket `socket`.

    What it prints is appended to `log`; what it may reach it reaches through the gate at `way`.
    `confined.limits.seconds` does not count. Raises SandboxUnavailable, and InputError for a socket path that is too
    long.
    """
    _checked(socket)
    process, watch = _start(forwarded(confined, door=socket, port=port, ways=(way,) if way else ()), log)
    return _watched(Served(process, socket), watch)


def start_worker(confined: Confined, *, log: Path, way: Path | None = None) -> Worker:
    """Start a process that listens for nobody; otherwise as `start_service`."""
    process, watch = _start(forwarded(confined, ways=(way,) if way else ()), log)
    return _watched(Worker(process), watch)


def _checked(socket: Path) -> None:
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
        raise InputError(f"{socket} is longer than a socket's path may be ({SOCKET_PATH_BYTES} bytes)")


def _start(confined: Confined, log: Path) -> tuple[subprocess.Popen[bytes], usage.Watch]:
    probe()
    inside = replace(with_defaults(confined), limits=replace(confined.limits, seconds=float("inf")))
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
    return process, usage.Watch(inside)


def _watched(started: Started, watch: usage.Watch) -> Started:
    threading.Thread(target=_watch, args=(started, watch), daemon=True).start()
    return started


def _watch(served: Worker, watch: usage.Watch) -> None:
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
