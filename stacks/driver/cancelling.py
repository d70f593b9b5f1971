"""Asks whoever works on a stack to end cleanly, as Ctrl-C where it runs would. Nothing is ever cancelled by itself."""

import contextlib
import fcntl
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import dead_locks, engines_at_work
from engine.locks import lock_file
from factory import processes
from factory.errors import Busy
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.names import declared
from stacks.shared_platform import stack_of

HOLDER = "pid "


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked: `pid` of who was asked to end, None when nobody was; `why` says it in words."""

    stack: str
    pid: int | None
    why: str

    def as_json(self) -> dict[str, Any]:
        """The answer as one JSON object."""
        return {"stack": self.stack, "asked": self.pid is not None, "pid": self.pid, "why": self.why}


def cancel(root: FactoryRoot, settings: Settings, app: str, environment: str, *, again: bool = False) -> Asked:
    """Ask the operation on a stack to end what is under way and save its state; returns at once.

    Asked twice, an engine gives up what it is making, and nobody knows what became of that: a second time only with
    `again`. Raises InputError for what is not declared, Busy when it was asked already or cannot be asked yet.
    """
    spec, which = declared(root, app, environment)
    stack = stack_of(spec, which)
    lock = lock_file(root, stack)
    if not _held(lock):
        return _without_holder(root, settings, stack)
    note = lock.read_text()
    if not note.startswith(HOLDER):
        raise Busy(f"the operation on {stack} has only just begun", hint="try again")
    pid = int(note.removeprefix(HOLDER))
    _once(lock.with_suffix(".asked"), stack, pid, again=again)
    try:
        _interrupt(pid)
    except ProcessLookupError:
        why = f"process {pid} has ended, and what it started still works: the next command waits for it"
        return Asked(stack=stack, pid=None, why=why)
    return Asked(stack=stack, pid=pid, why="it ends what is under way and saves its state")


def _without_holder(root: FactoryRoot, settings: Settings, stack: str) -> Asked:
    """Nobody holds the stack: perhaps an engine whose command was killed does."""
    if engines := engines_at_work(root, settings, stack):
        os.kill(engines[0], signal.SIGINT)
        return Asked(stack=stack, pid=engines[0], why="an engine whose command was killed; it saves its state and ends")
    if dead_locks(root, settings, stack):
        why = "nothing works on it; a killed engine left its lock, which the next command removes by itself"
    else:
        why = "nothing works on it"
    return Asked(stack=stack, pid=None, why=why)


def _held(lock: Path) -> bool:
    """Whether any process holds the lock; looked at without standing in anybody's way for longer than that."""
    try:
        with lock.open() as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _once(noted: Path, stack: str, pid: int, *, again: bool) -> None:
    """Remember that this very process was asked. Raises Busy when it was, unless it is to be asked again."""
    with contextlib.suppress(ProcessLookupError):
        who = f"{pid} {processes.start_ticks(pid)}"
        if not again and noted.is_file() and noted.read_text() == who:
            raise Busy(
                f"the operation on {stack} was asked already and is ending what is under way",
                hint="wait; with --again it gives that up, and you have to find out what became of it",
            )
        noted.write_text(who)


def _interrupt(pid: int) -> None:
    if os.getpgid(pid) == pid:
        # A driver's operation, or a plain command of an interactive shell: the whole group, as a terminal does it.
        os.killpg(pid, signal.SIGINT)
    else:
        # A plain command in a script: SIGTERM makes it interrupt its engine, and no other of the group is meant.
        os.kill(pid, signal.SIGTERM)
