"""Everything of a factory stands still: no daemon runs, and nobody changes a stack, a repository or a server's data."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from engine import stack_lock, wait_for_engines
from factory import daemons
from factory.errors import Busy
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import Environment, app_names
from pipeline.backup.progress import Report, Step
from pipeline.git.locks import locked
from pipeline.leftovers import stop_worker

PLACE_SECONDS = 60.0
POLL_SECONDS = 0.05


@contextlib.contextmanager
def standstill(root: FactoryRoot, settings: Settings, report: Report) -> Iterator[None]:
    """Stop the daemons, wait for whoever works on a stack, and keep everybody out; start again what ran before.

    Raises Busy when somebody starts a daemon at the same moment.
    """
    ran = [name for name in daemons.MODULES if daemons.read(root, name) is not None]
    try:
        with contextlib.ExitStack() as held:
            _stop(root, daemons.WORKER, ran, report)
            _claim(root, daemons.WORKER, held)
            # An engine needs the local cloud until its end, so the cloud goes last.
            for stack in _stacks(root):
                _hold(root, settings, stack, held, report)
            for name in (daemons.ACCESS, daemons.LOCAL_CLOUD):
                _stop(root, name, ran, report)
                _claim(root, name, held)
            for folder in sorted(root.git.glob("*.git")):
                held.enter_context(locked(root, folder.name.removesuffix(".git"), folder))
            for folder in sorted(root.postgres.glob("*/")):
                _hold_data(folder, held)
            yield
    finally:
        for name in ran:
            report(Step(f"{name}: starting again"))
            daemons.ensure(root, name)


def left_behind(root: FactoryRoot) -> list[int]:
    """Daemons that work for this factory and that no run file names: their `.millwright` was removed under them."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(root.path) in words and set(daemons.MODULES.values()) & set(words):
            found.append(process.pid)
    return found


def _stop(root: FactoryRoot, name: str, ran: list[str], report: Report) -> None:
    if name in ran:
        report(Step(f"{name}: stopping; it is started again when everything is copied"))
    # A worker that was killed may have left agents.
    stop_worker(root) if name == daemons.WORKER else daemons.stop(root, name)


def _claim(root: FactoryRoot, name: str, held: contextlib.ExitStack) -> None:
    # Its threads are ended after its process is no more, and it may have left one that writes a snapshot.
    deadline = time.monotonic() + PLACE_SECONDS
    while True:
        try:
            held.callback(daemons.claim(root, name).release)
        except Busy:
            if daemons.read(root, name) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return


def _stacks(root: FactoryRoot) -> list[str]:
    """Every stack that there is or that somebody may make now; app.yaml files need not be in order for a backup."""
    declared = {f"{app}-{environment}" for app in app_names(root) for environment in Environment}
    return sorted(declared | {path.stem.removeprefix("Pulumi.") for path in root.stack_config.glob("Pulumi.*.yaml")})


def _hold(root: FactoryRoot, settings: Settings, stack: str, held: contextlib.ExitStack, report: Report) -> None:
    def waiting(holder: str) -> None:
        report(Step(f"waiting for {stack}: {holder} works on it"))

    held.enter_context(stack_lock(root, stack, on_wait=waiting))
    wait_for_engines(root, settings, stack, on_wait=waiting)


def _hold_data(folder: Path, held: contextlib.ExitStack) -> None:
    """The lock that a server's processes keep to their end, also those of a daemon that was killed."""
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600)
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(f"a database server still works on {folder}", hint="try again in some seconds") from None
