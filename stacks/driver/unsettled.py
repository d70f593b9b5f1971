"""What the next operation on a stack has to know: that an earlier one was not seen to end, that a refresh is owed.

What the cloud had made when a command was killed, or the local cloud ended under it, may have been answered to nobody,
so no state names it; the next operation looks. And the state, which may then say what is not so, stays suspect until an
operation has refreshed it. A file beside the stack's lock says so, and in which life of the local cloud an operation
began. All of this is called by who holds the stack's lock.
"""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import clear_dead_locks, dead_locks
from factory import daemons
from factory.errors import CloudUnavailable
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings
from stacks.driver.cli import may_be_pending, urn_prefix


@dataclass
class Watched:
    """An operation that is under way: `refreshed` when it has brought the whole state in line with the cloud."""

    refreshed: bool = False


def left(root: FactoryRoot, stack: str) -> bool:
    """Whether an operation on `stack` was not seen to end, or a refresh is owed since one was not."""
    return _file(root, stack).exists()


def found_dead(root: FactoryRoot, settings: Settings, stack: str) -> bool:
    """Whether an engine of `stack` was killed: it has left its lock, which is removed; what it means is kept."""
    if not dead_locks(root, settings, stack):
        return False
    # First: ended between the two, this must not be forgotten.
    _write(root, stack, life="", owed=True)
    clear_dead_locks(root, settings, stack)
    return True


@contextmanager
def watched(root: FactoryRoot, settings: Settings, stack: str, *, owed: bool) -> Iterator[Watched]:
    """An operation on `stack`, which may fail. `owed`: the state has to be refreshed before it can be believed."""
    begin(root, settings, stack, owed=owed)
    operation = Watched()
    try:
        yield operation
    finally:
        end(root, settings, stack, refreshed=operation.refreshed)


def begin(root: FactoryRoot, settings: Settings, stack: str, *, owed: bool) -> None:
    """An operation begins, and what the last ones left is settled.

    On a real cloud nothing is written unless a refresh is owed: its answers get lost by no end of ours but the
    engine's, which leaves its lock.
    """
    if settings.aws == "local" or owed:
        _write(root, stack, life=_life(root, settings), owed=owed)


def end(root: FactoryRoot, settings: Settings, stack: str, *, refreshed: bool) -> None:
    """An operation has ended, well or not; `refreshed`: it has brought the whole state in line with the cloud."""
    begun, life = _read(root, stack), _life(root, settings)
    if begun is None or not life or begun.get("life") != life:
        return
    # What a killed engine, or one that gave up in the middle, was doing is for the next operation to settle.
    if dead_locks(root, settings, stack) or may_be_pending(root, stack, elsewhere=False):
        return
    if settings.aws == "local":
        try:
            _tell_settled(root, stack)
        except CloudUnavailable:
            return
    if begun.get("owed") and not refreshed:
        _write(root, stack, life="", owed=True)
    else:
        _file(root, stack).unlink(missing_ok=True)


def _tell_settled(root: FactoryRoot, stack: str) -> None:
    """The local cloud need not remember any more what it made: a state names it, or somebody let it go on purpose."""
    if run_file := daemons.read(root, daemons.LOCAL_CLOUD):
        daemons.call(run_file, "settled", json.dumps({"prefix": urn_prefix(root, stack)}).encode())


def _life(root: FactoryRoot, settings: Settings) -> str:
    if settings.aws != "local":
        return "a real cloud"
    run_file = daemons.read(root, daemons.LOCAL_CLOUD)
    return f"{run_file.pid} {run_file.started}" if run_file else ""


def _write(root: FactoryRoot, stack: str, *, life: str, owed: bool) -> None:
    private_folder(root.locks)
    _file(root, stack).write_text(json.dumps({"life": life, "owed": owed}))


def _read(root: FactoryRoot, stack: str) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(_file(root, stack).read_text())
        return found if isinstance(found, dict) else None
    return None


def _file(root: FactoryRoot, stack: str) -> Path:
    return root.locks / f"{stack}.begun"
