"""Starts the app's service for one scenario after the other, in a sandbox of its own, when the test process asks.

The service shares nothing with the process that tests it: not the criteria, not the verdict, not a folder. What it
writes goes to a folder of one scenario, which is removed with it.
"""

import contextlib
import json
import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from factory.errors import InputError, MillwrightError
from factory.spec import AppSpec, ServiceSpec
from factory.trees import remove_tree
from pipeline.changefiles.vocabulary.talking import DOOR
from sandbox import Bind, Confined, Limits, Served, python_binds, start_service

TREE: Final = "/app"
DATA: Final = "/data"
LOG_BYTES: Final = 1500
LINE_BYTES: Final = 4096
# As in releases: a service sees this name, and must not tell by it that it is tested.
SOCKET: Final = "s"
STOP_SECONDS: Final = 10.0
# Longer than any scenario may take; the run as a whole is bounded more tightly.
SERVICE_LIMITS: Final = Limits(seconds=600, memory_mib=1024, processes=128, file_mib=64)


@dataclass
class Stage:
    """The service of the scenario that is under way. `sockets` is short: a Unix socket's path has 107 bytes."""

    spec: ServiceSpec
    tree: Path
    sockets: Path
    work: Path
    number: int = 0
    environment: str | None = None
    served: Served | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Do what the test process asks; what it may know of it."""
        with self._lock:
            match question.get("do"):
                case "start":
                    return self._start_anew(question.get("environment"))
                case "restart":
                    return self._again(lambda served: served.stop(STOP_SECONDS))
                case "kill":
                    return self._again(self._kill)
                case "look":
                    return self._look()
                case "close":
                    self.end()
                    return {}
                case _:
                    return {"error": "not a question of this door"}

    def end(self) -> None:
        """Stop the service and forget its data; does nothing when none runs."""
        if self.served is not None:
            self._kill(self.served)
            self.served = None
        remove_tree(self._data)
        self._log.unlink(missing_ok=True)

    def _start_anew(self, environment: str | None) -> dict[str, Any]:
        self.end()
        self.environment = environment
        self._data.mkdir(mode=0o700)
        return self._start()

    def _again(self, end: Callable[[Served], None]) -> dict[str, Any]:
        if self.served is None:
            return {"error": "no service runs"}
        end(self.served)
        return self._start()

    @staticmethod
    def _kill(served: Served) -> None:
        # Everything in its sandbox dies with this one process, without being asked.
        with contextlib.suppress(ProcessLookupError):
            if served.alive():
                os.kill(served.pid, signal.SIGKILL)
        served.stop(0)

    def _start(self) -> dict[str, Any]:
        self.number += 1
        # A folder of its own: the service can write there, and the door is not there.
        socket = self.sockets / str(self.number) / SOCKET
        socket.parent.mkdir(mode=0o700)
        environment = {"APP_ENVIRONMENT": self.environment} if self.environment else {}
        confined = Confined(
            argv=tuple(self.spec.command),
            binds=(*python_binds(), Bind(self.tree, TREE), Bind(self._data, DATA, writable=True)),
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            cwd=TREE,
            limits=SERVICE_LIMITS,
        )
        try:
            self.served = start_service(confined, port=self.spec.port, socket=socket, log=self._log)
        except MillwrightError as error:
            return {"error": str(error)}
        return {"socket": f"{self.number}/{socket.name}", "health": self.spec.health}

    def _look(self) -> dict[str, Any]:
        alive = self.served is not None and self.served.alive()
        code = None if self.served is None or alive else self.served.exit_code()
        return {"alive": alive, "code": code, "log": self._log_end()}

    def _log_end(self) -> str:
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - LOG_BYTES))
                return file.read(LOG_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

    @property
    def _data(self) -> Path:
        return self.work / "data"

    @property
    def _log(self) -> Path:
        return self.work / "log"


def the_service(spec: AppSpec) -> ServiceSpec:
    """The app's one service. Raises InputError when nothing says how to start it."""
    (service,) = spec.services.values()
    if not service.command:
        raise InputError(
            f"{spec.name}: criteria need a running service, and app.yaml does not say what starts it",
            hint='add `command:` to the service, such as [python, -m, links, --port, "8080"]',
        )
    return service


@contextlib.contextmanager
def service_door(spec: AppSpec, tree: Path, sockets: Path, work: Path) -> Iterator[None]:
    """Answer the test process at `sockets`/door for as long as the block runs; then nothing of the service is left."""
    stage = Stage(the_service(spec), tree, sockets, work)

    class Handler(socketserver.StreamRequestHandler):
        timeout = 60

        def handle(self) -> None:
            try:
                question = json.loads(self.rfile.readline(LINE_BYTES))
            except ValueError:
                question = {}
            told = stage.answer(question if isinstance(question, dict) else {})
            self.wfile.write(json.dumps(told).encode() + b"\n")

    with socketserver.UnixStreamServer(str(sockets / DOOR), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            stage.end()
