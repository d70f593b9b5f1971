"""Processes that stand ready to run a policy pack: forked from one that has imported the SDK, waiting for orders."""

import io
import json
import os
import runpy
import select
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from factory.processes import close_all_but

PACK_RUNNER = "pulumi.policy"
SIZE = struct.Struct("<I")


class Prepared:
    """A child process that has imported everything already. As `subprocess.Popen`, once it has begun.

    Made only where one thread runs. One that never begins ends when whoever made it does.
    """

    def __init__(self) -> None:
        given, self._orders = os.pipe()
        out, out_there = os.pipe()
        errors, errors_there = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            # Else it would hold its own orders open, and wait for ever.
            os.close(self._orders)
            _wait_and_run(given, out_there, errors_there)
        for descriptor in (given, out_there, errors_there):
            os.close(descriptor)
        self.stdout: IO[bytes] | None = open(out, "rb", buffering=0)  # noqa: PTH123, SIM115 -- an open descriptor
        self.stderr: IO[bytes] | None = open(errors, "rb", buffering=0)  # noqa: PTH123, SIM115
        self.returncode: int | None = None
        self._ended = os.pidfd_open(self.pid)
        self._lock = threading.Lock()

    def begin(self, arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> None:
        """Run the pack with these arguments. Raises OSError when the process has died meanwhile."""
        orders = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "environment": dict(environment)}).encode()
        # Left open: at its end the pack knows that nobody wants it any more.
        left = memoryview(SIZE.pack(len(orders)) + orders)
        while left:
            left = left[os.write(self._orders, left) :]

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        poller = select.poll()
        poller.register(self._ended, select.POLLIN)
        if not poller.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired(PACK_RUNNER, timeout or 0)
        code = self.poll()
        if code is None:
            raise AssertionError("a process that has ended has an exit status")
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with self._lock:
            if self.returncode is None:
                signal.pidfd_send_signal(self._ended, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _wait_and_run(given: int, out: int, errors: int) -> NoReturn:
    """In the new process: wait, become what was ordered, run it. Nothing of the parent's is open in it."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # As `Children.start` does it: the pack is asked to end by its engine, never by a terminal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.dup2(out, 1)
        os.dup2(errors, 2)
        close_all_but(given)
        with open(given, "rb", buffering=0) as pipe:
            orders = _orders(pipe)
            # However the host ends; the kernel's own way to be told is about the thread that forked.
            threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
            code = 0 if orders is None else _run(orders)
    except BaseException:  # noqa: BLE001 -- the edge of the process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _orders(pipe: IO[bytes]) -> Any:
    """What it is to do, or None when whoever made it is gone."""
    size = pipe.read(SIZE.size)
    if not size:
        return None
    (left,) = SIZE.unpack(size)
    parts = []
    while left > 0 and (part := pipe.read(left)):
        parts.append(part)
        left -= len(part)
    return json.loads(b"".join(parts))


def _end_with(pipe: IO[bytes]) -> None:
    pipe.read(1)
    os._exit(1)


def _run(orders: Mapping[str, object]) -> int:
    environment, arguments = orders["environment"], orders["arguments"]
    if not isinstance(environment, dict) or not isinstance(arguments, list):
        raise TypeError("no orders")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(orders["cwd"]))
    sys.argv = [PACK_RUNNER, *arguments]
    # Unbuffered, as `python -u`: the engine reads the port from it.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    try:
        runpy.run_module(PACK_RUNNER, run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
