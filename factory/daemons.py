"""Daemons: found only by their run file, started on demand, one owner each.

A daemon claims its place with an exclusive lock on `run/<name>.lock`, which the kernel releases when the process
dies, however it dies, and then publishes `run/<name>.json` (pid, start time, address, token; mode 0600). A run file
is stale when that pid is gone or is another process (its start differs).
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from factory.errors import Busy, CloudUnavailable
from factory.paths import FactoryRoot, private_folder
from factory.processes import start_ticks

# Rooms never import each other's daemons: a name and a module to run is all that is shared.
LOCAL_CLOUD = "localcloud"
ACCESS = "access"
WORKER = "worker"
# The stand-in for the model: a door of the worker's, which nobody starts, and found like a daemon.
TWIN = "twin"
MODULES = {LOCAL_CLOUD: "localcloud.daemon", ACCESS: "access.daemon", WORKER: "pipeline.worker"}
# The order of sets must be the same in each life of the local cloud; without this it would begin again with it.
ENVIRONMENT = {LOCAL_CLOUD: {"PYTHONHASHSEED": "0"}}
# A daemon's own calls, as opposed to what it serves, are below this path and need the run file's token.
ADMIN_PATH = "/_millwright/"
TOKEN_HEADER = "x-millwright-token"  # noqa: S105 -- a header's name
# No daemon of ours has any use for a real account.
REAL_CREDENTIALS = ("AWS_", "PULUMI_")
# The model's key is for the access plane alone.
OWN_CREDENTIALS = {ACCESS: "ANTHROPIC_"}
START_SECONDS = 60.0
STOP_SECONDS = 20.0
CALL_SECONDS = 30.0


class RunFile(BaseModel):
    """What a running daemon says about itself. `addresses` maps a door's name to its URL or host:port."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pid: int
    started: int
    addresses: dict[str, str]
    token: str
    generation: str

    def alive(self) -> bool:
        """Whether the process that wrote this file still runs (same pid, same start)."""
        try:
            return start_ticks(self.pid) == self.started
        except ProcessLookupError:
            return False


@dataclass
class Claim:
    """The exclusive right to be daemon `name`; hold it for as long as the daemon lives.

    `token` is what its own calls need. It is there before any run file tells it, and one for the daemon's whole life:
    whoever has read the file is never refused because the daemon does not know yet what stands there.
    """

    root: FactoryRoot
    name: str
    lock: TextIOWrapper
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def publish(self, addresses: dict[str, str], generation: str) -> RunFile:
        """Write the run file: from now on others find this daemon. The daemon must already accept calls."""
        run_file = RunFile(
            name=self.name,
            pid=os.getpid(),
            started=start_ticks(os.getpid()),
            addresses=addresses,
            token=self.token,
            generation=generation,
        )
        target = run_file_path(self.root, self.name)
        draft = target.with_suffix(".tmp")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(run_file.model_dump_json())
        draft.replace(target)
        return run_file

    def withdraw(self) -> None:
        """Withdraw the run file: nobody finds this daemon any more. Its place is held until the process ends."""
        run_file_path(self.root, self.name).unlink(missing_ok=True)
        # Never closed: not even when nothing refers to this claim any more.
        os.dup(self.lock.fileno())

    def release(self) -> None:
        """Withdraw the run file and give the place up."""
        run_file_path(self.root, self.name).unlink(missing_ok=True)
        self.lock.close()


def run_file_path(root: FactoryRoot, name: str) -> Path:
    """Where daemon `name` of this factory publishes itself."""
    return root.run / f"{name}.json"


def claim(root: FactoryRoot, name: str) -> Claim:
    """Become daemon `name`. Raises Busy when another live process is it."""
    private_folder(root.run)
    lock = (root.run / f"{name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Busy(f"{name} already runs for this factory", hint=f"see {run_file_path(root, name)}") from None
    return Claim(root, name, lock)


def read(root: FactoryRoot, name: str) -> RunFile | None:
    """The run file of daemon `name`, or None when it does not run (a stale or broken file counts as none)."""
    try:
        run_file = RunFile.model_validate_json(run_file_path(root, name).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return run_file if run_file.alive() else None


def ensure(root: FactoryRoot, name: str) -> RunFile:
    """Daemon `name`, started when it does not run; safe to call from many processes at once.

    Raises CloudUnavailable when it does not come up, with the end of its log.
    """
    if run_file := read(root, name):
        return run_file
    if name == WORKER:
        # Here, and not by the worker: it is not given the model's key, and this process may have it.
        ensure(root, ACCESS)
    deadline = time.monotonic() + START_SECONDS
    while True:
        process = _start(root, name)
        left = deadline - time.monotonic()
        run_file = _wait(lambda: read(root, name), left, alive=partial(_runs, process))
        if run_file is not None:
            return run_file
        if process.poll() != Busy.exit_code or left < 0:
            break
        # Another one won, whose file we shall see; or one is just ending, and holds its place until it is gone.
        run_file = _wait(lambda: read(root, name), left, alive=lambda: not _is_free(root, name))
        if run_file is not None:
            return run_file
    tail = (root.logs / f"{name}.log").read_text(errors="replace")[-2000:]
    raise CloudUnavailable(
        f"{name} did not start; the end of {root.logs / f'{name}.log'}:\n{tail}", hint="see the log; then try again"
    )


def _start(root: FactoryRoot, name: str) -> subprocess.Popen[bytes]:
    private_folder(root.logs)
    private_folder(root.run)
    with (root.logs / f"{name}.log").open("ab") as output:
        # A session of its own: Ctrl-C in the terminal that started it must not end it.
        return subprocess.Popen(
            # -P: what lies in the factory's root must not be taken for a module.
            [sys.executable, "-P", "-m", MODULES[name], "--root", str(root.path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=root.path,
            env=_environment(name),
            start_new_session=True,
        )


def _environment(name: str) -> dict[str, str]:
    left_out = (*REAL_CREDENTIALS, *(prefix for owner, prefix in OWN_CREDENTIALS.items() if owner != name))
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    return kept | ENVIRONMENT.get(name, {})


def _runs(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _is_free(root: FactoryRoot, name: str) -> bool:
    with contextlib.suppress(Busy):
        claim(root, name).lock.close()
        return True
    return False


def on_stop(call: Callable[[], None]) -> None:
    """For a daemon's main thread: `call` at SIGTERM or SIGINT.

    Whoever started this process may have blocked them (the provider plugin does), and a mask is inherited: it could
    only be killed. Taken by handlers and not by a mask of our own, which what a daemon starts would inherit in turn.
    """
    ends = (signal.SIGTERM, signal.SIGINT)
    for number in ends:
        signal.signal(number, lambda *_: call())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)


def stop(root: FactoryRoot, name: str) -> bool:
    """End daemon `name` and wait for it. Returns whether one was running."""
    run_file = read(root, name)
    if run_file is None:
        # A stale file goes only under the claim: whoever is just starting must not lose its own.
        with contextlib.suppress(Busy):
            claim(root, name).release()
        return False
    _signal(run_file, signal.SIGTERM)
    if _wait(lambda: run_file if not run_file.alive() else None, STOP_SECONDS) is None:
        _signal(run_file, signal.SIGKILL)
        _wait(lambda: run_file if not run_file.alive() else None, STOP_SECONDS)
    _withdraw(root, run_file)
    return True


def call(run_file: RunFile, name: str, body: bytes = b"", *, seconds: float = CALL_SECONDS) -> Any:
    """Ask a daemon one of its own calls (POST); its answer.

    Raises CloudUnavailable when it does not answer within `seconds`.
    """
    request = urllib.request.Request(  # noqa: S310 -- the address is our own daemon's, from its run file
        f"{run_file.addresses['http']}{ADMIN_PATH}{name}",
        data=body,
        method="POST",
        headers={TOKEN_HEADER: run_file.token},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 -- as above
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise CloudUnavailable(f"{run_file.name} does not answer: {error}", hint="stop it and try again") from None


def _withdraw(root: FactoryRoot, stopped: RunFile) -> None:
    # Only the file of the daemon that was stopped: another one may have taken its place meanwhile.
    with contextlib.suppress(OSError, ValidationError):
        path = run_file_path(root, stopped.name)
        if RunFile.model_validate_json(path.read_bytes()).token == stopped.token:
            path.unlink(missing_ok=True)


def _signal(run_file: RunFile, number: signal.Signals) -> None:
    # It may have ended by itself in the meantime.
    with contextlib.suppress(ProcessLookupError):
        os.kill(run_file.pid, number)


def _wait(
    probe: Callable[[], RunFile | None], seconds: float, alive: Callable[[], bool] = lambda: True
) -> RunFile | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := probe():
            return found
        if not alive():
            return probe()
        time.sleep(0.02)
    return None
