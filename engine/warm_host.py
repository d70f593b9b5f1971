"""A language host that is there at once: forked from a process that has imported the SDK, with its packs' processes.

The engine starts a language host for every policy pack, and that one a Python for the pack: a second of two cores in
each run, most of it spent on importing what the driver's process holds in memory already. The engine attaches to this
one instead (PULUMI_DEBUG_LANGUAGES).

It and the packs are processes of their own, forked before any code of an app has run: what an app's program does to
the driver's process reaches neither.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from engine import language_host
from engine.cache import LANGUAGE_HOST, LANGUAGE_HOST_SCRIPT
from engine.children import Child, Children
from engine.cli import Cli
from engine.interpreters import Interpreter
from engine.prepared import PACK_RUNNER, Prepared
from factory.processes import close_all_but

START_SECONDS = 10.0


@dataclass(frozen=True)
class WarmHost:
    """A running host. It ends when it is closed, and when the process that started it does."""

    port: int
    _pid: int
    _life: int

    def variables(self) -> dict[str, str]:
        """What makes a `pulumi` process use it."""
        return {"PULUMI_DEBUG_LANGUAGES": f"python:{self.port}"}

    def close(self) -> None:
        """End it, and what it runs."""
        os.close(self._life)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def is_ours(cli: Cli) -> bool:
    """Whether this CLI would use our language host anyway; one from its vendor brings its own."""
    with suppress(OSError):
        return cli.path.with_name(LANGUAGE_HOST).read_text() == LANGUAGE_HOST_SCRIPT
    return False


def start(pack: Path, packs: int) -> WarmHost | None:
    """Fork a host, which has `packs` processes ready to run the policy pack in the folder `pack`.

    To be called while the process has one thread, and what it has imported is the factory's own. None when it has more
    (a fork would copy the locks they hold), or the host does not answer; the engine then starts its own.
    """
    if threading.active_count() > 1:
        return None
    told, tell = os.pipe()
    alive, life = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(life)
        _become_host(pack, packs, tell, alive)
    os.close(tell)
    os.close(alive)
    with open(told, "rb") as pipe:  # noqa: PTH123 -- an open descriptor
        line = pipe.read() if select.select([pipe], [], [], START_SECONDS)[0] else b""
    if line:
        return WarmHost(int(line), pid, life)
    os.close(life)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


class _Prepared(Children):
    """Children of which those that run the one pack are there already, as long as there are any left."""

    def __init__(self, pack: Path, ready: list[Prepared]) -> None:
        super().__init__()
        self._command = Interpreter(sys.executable, None).isolated(PACK_RUNNER)
        self._pack, self._ready = str(pack), ready

    def start(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], piped: bool) -> Child:
        known = len(self._command)
        if piped and list(command[:known]) == self._command and command[-1] == self._pack:
            with suppress(OSError, IndexError):
                return self.keep(self._begun(command[known:], cwd, environment))
        return super().start(command, cwd=cwd, environment=environment, piped=piped)

    def _begun(self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Prepared:
        child = self._ready.pop()
        child.begin(arguments, cwd=cwd, environment=environment)
        return child


def _become_host(pack: Path, packs: int, tell: int, alive: int) -> NoReturn:
    try:
        # A Ctrl-C is for the driver, which decides what the engine is told.
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        close_all_but(tell, alive)
        children = _Prepared(pack, [Prepared() for _ in range(packs)])
        # Threads from here on: nothing is forked any more.
        server, port = language_host.serve("", children)
        with open(tell, "wb") as pipe:
            pipe.write(b"%d" % port)
        end = threading.Event()
        threading.Thread(target=language_host.end_at_eof, args=(alive, end), daemon=True).start()
        end.wait()
        children.close()
        server.stop(grace=None)
    finally:
        os._exit(0)
