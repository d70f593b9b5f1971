"""The access plane as the rooms above see it: ways out for agents' tasks, opened and closed."""

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pydantic import ValidationError
from sqlalchemy import Engine

from access.egress.orders import INSIDE, SOCKET, Begin, Done, Order
from access.egress.record import Asker
from factory.errors import MillwrightError
from factory.paths import FactoryRoot, private_folder

__all__ = ["Asker", "Proxies", "Way"]

COMMAND: Final = (sys.executable, "-P", "-m", "access.egress")
# The process is importing at its first order, on a machine that others use as well.
ANSWER_SECONDS: Final = 120.0
END_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Way:
    """A task's way out: the gate's socket on the host, and the proxy's URL as it is inside of a sandbox."""

    socket: Path
    proxy: str


class Proxies:
    """The egress proxies of one worker: a process per app, from its first task that may reach anything."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._running: dict[str, _Proxy] = {}

    @contextlib.contextmanager
    def opened(
        self, root: FactoryRoot, database: Engine, asker: Asker, hosts: Sequence[str], folder: Path
    ) -> Iterator[Way | None]:
        """The task's way to these hosts while the block runs, its socket in `folder`; None without hosts.

        Raises MillwrightError when there is no proxy to decide: then there is no way either.
        """
        if not hosts:
            yield None
            return
        private_folder(folder)
        self._order(root, database, Order(asker=asker, hosts=list(hosts), folder=folder))
        try:
            yield Way(folder / SOCKET, f"http://{INSIDE[0]}:{INSIDE[1]}")
        finally:
            # One that has ended has closed it.
            with contextlib.suppress(MillwrightError):
                self._known(asker.app).tell(Order(asker=asker))

    def close(self) -> None:
        """End all of them, and every way with them."""
        with self._lock:
            for proxy in self._running.values():
                proxy.close()
            self._running.clear()

    def _known(self, app: str) -> "_Proxy":
        with self._lock:
            if app in self._running:
                return self._running[app]
        raise MillwrightError(f"no egress proxy of {app} runs")

    def _order(self, root: FactoryRoot, database: Engine, order: Order) -> None:
        app = order.asker.app
        with self._lock:
            proxy = self._running.get(app)
            if proxy is None or not proxy.alive():
                if proxy:
                    proxy.close()
                log = private_folder(root.logs) / f"egress-{app}.log"
                url = database.url.render_as_string(hide_password=False)
                proxy = self._running[app] = _Proxy(self._command, log, Begin(root=root.path, database=url))
        proxy.tell(order)


class _Proxy:
    """One process. Safe to use from many threads."""

    def __init__(self, command: Sequence[str], log: Path, begin: Begin) -> None:
        self._lock = threading.Lock()
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd="/",
                # Nothing of the worker's is inherited: above all no key. The database's URL comes by the first line.
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        self._write(begin.model_dump_json())

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait(END_SECONDS)

    def tell(self, order: Order) -> None:
        """Raises MillwrightError: the order is not carried out."""
        with self._lock:
            self._write(order.model_dump_json())
            done = self._answer()
        if done.problem:
            raise MillwrightError(f"the egress proxy refuses: {done.problem}", hint=f"see {self._log}")

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                _there(stream).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._process.kill()
        self._process.wait()

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            stdin = _there(self._process.stdin)
            stdin.write(f"{line}\n".encode())
            stdin.flush()

    def _answer(self) -> Done:
        said, deadline = b"", time.monotonic() + ANSWER_SECONDS
        with contextlib.suppress(OSError, ValueError):
            stdout = _there(self._process.stdout).fileno()
            poller = select.poll()
            poller.register(stdout, select.POLLIN)
            while not said.endswith(b"\n") and poller.poll(max(0, (deadline - time.monotonic()) * 1000)):
                if not (part := os.read(stdout, ANSWER_BYTES)):
                    break
                said += part
        try:
            return Done.model_validate_json(said)
        except ValidationError:
            # What it says later would be taken for the answer to something else.
            self._process.kill()
            raise MillwrightError("the egress proxy does not answer", hint=f"see {self._log}") from None


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("it was started without this stream")
    return stream
