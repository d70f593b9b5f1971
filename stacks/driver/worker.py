"""The process of one operation: its own process group, its own signals; it ends the engine before it ends itself."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

# Not used here: what the pack's processes, which are forked from this one, then have in memory.
import policies.analyzer  # noqa: F401
from engine import warm_host
from factory.errors import MillwrightError, UpdateFailed
from policies import pack_folder
from stacks.driver.engine_runs import Reporter
from stacks.driver.model import Failed, Finished, Request, StackEvent
from stacks.driver.operate import operate

# Asked once, an engine ends what is under way; asked again, it gives that up, and nobody knows what became of it. Here
# the next operation finds out; on an account only a person could, and a database takes its time to be made.
LOCAL_WAITS = (20.0, 20.0, 20.0)
ACCOUNT_WAITS = (3600.0, 60.0)
# The most runs of the engine in one operation: a preview, another one of what is declared only, an update.
PACKS = 3


def main(request: Request, connection: Connection) -> None:
    """Carry out `request`; events go through `connection`, the last one is Finished or Failed."""
    # First of all: a process with one thread, in which no app's code has run.
    host = _warm_host(request)
    variables = host.variables() if host else {}
    reporter = Reporter(send=_sender(connection))
    _become_interruptible(reporter.interrupted)
    waits = LOCAL_WAITS if request.settings.aws == "local" else ACCOUNT_WAITS
    threading.Thread(target=_interrupt_when_orphaned, args=(connection, waits), daemon=True).start()
    last: StackEvent
    try:
        last = Finished(stack=request.stack, result=operate(request, reporter, variables))
    except MillwrightError as error:
        last = Failed(stack=request.stack, error=error)
    except Exception as error:  # noqa: BLE001 -- the edge of the process: whatever is wrong must reach the caller
        unexpected = UpdateFailed(f"{type(error).__name__}: {error}", hint="this is a bug: please report it")
        last = Failed(stack=request.stack, error=unexpected)
    reporter.send(last)
    if host:
        host.close()
    # The connection's other end decides when everything has been read; the process must not wait for its threads.
    connection.close()


def _warm_host(request: Request) -> warm_host.WarmHost | None:
    """A language host that need not be started by the engine; None where it must be."""
    with contextlib.suppress(OSError):
        return warm_host.start(pack_folder(), PACKS) if warm_host.is_ours(request.env.cli) else None
    return None


def _become_interruptible(interrupted: threading.Event) -> None:
    """SIGINT to this process's group reaches the engine, which ends what is under way and saves its state."""
    os.setpgid(0, 0)
    # A handler, not SIG_IGN: children would inherit an ignored signal, and the engine could not be interrupted.
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    # The engine must not read the terminal: it would be stopped, being in a group of its own.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _interrupt_when_orphaned(connection: Connection, waits: Sequence[float]) -> None:
    """When the caller is gone (killed, even), the operation is interrupted as if the user had pressed Ctrl-C.

    `waits` is how long it has, in seconds, after each time it is asked, until it is killed.
    """
    try:
        connection.recv()
    except (EOFError, OSError):
        for seconds in waits:
            os.killpg(0, signal.SIGINT)
            time.sleep(seconds)
        # An engine that cannot save its state (a full disk) never ends by itself, and nobody is left to end it.
        os.killpg(0, signal.SIGKILL)


def _sender(connection: Connection) -> Callable[[StackEvent], None]:
    lock = threading.Lock()

    def send(event: StackEvent) -> None:
        # The engine's events come from several threads; a caller that is gone needs none of them.
        with lock, contextlib.suppress(OSError):
            connection.send(event)

    return send
