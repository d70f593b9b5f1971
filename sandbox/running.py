"""Runs one confined command to its end, however it ends."""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

from factory.errors import SandboxUnavailable
from sandbox.bubblewrap import HINT, NOBODY, command_line, environment, program
from sandbox.model import Confined, Limits, Ran
from sandbox.python import python_environment

CHUNK = 65536
PROBE_SECONDS = 10
TIMED_OUT = 124
SYSCTL = "/proc/sys/kernel/core_pattern"
# Opened to append and closed again: nothing is written. In a shell of its own, as a failed redirection ends a shell.
LOOK = f"(: >> {SYSCTL}) 2>/dev/null && echo writable; ls /root /home /etc/shadow; cat /proc/net/dev"


def run(confined: Confined) -> Ran:
    """Run a command in a sandbox of its own, without any network, and wait for it.

    When its time is over, everything in it ends. Raises SandboxUnavailable when no sandbox can be made here.
    """
    probe()
    return _run(confined)


@cache
def probe() -> None:
    """Make sure, once, that a sandbox confines here. Raises SandboxUnavailable that says how to mend it."""
    ran = _run(Confined(argv=("/bin/sh", "-c", LOOK), cwd="/", limits=Limits(seconds=PROBE_SECONDS)))
    devices = [line.split(":")[0].strip() for line in ran.out.splitlines() if ":" in line and "|" not in line]
    if ran.out.startswith("writable"):
        raise SandboxUnavailable(
            f"{SYSCTL} can be written from inside a sandbox here", hint=HINT
        )
    if devices != ["lo"] or ran.out.startswith("/"):
        said = (ran.err or ran.out).strip()[-500:]
        raise SandboxUnavailable(f"bubblewrap does not confine here: {said or 'no answer'}", hint=HINT)


def _run(confined: Confined) -> Ran:
    begun = time.monotonic()
    inside = with_defaults(confined)
    with accounts() as known, environment(inside) as told:
        # Standard input is a file, so that nothing has to be fed while output is read.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(confined.stdin)
            stdin.seek(0)
            process = subprocess.Popen(
                command_line(program(), inside, known, told),
                pass_fds=[told],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                start_new_session=True,
            )
        try:
            outputs, timed_out = _drain(process, begun + confined.limits.seconds, confined.limits.output_bytes)
        finally:
            end(process)
    return Ran(
        code=TIMED_OUT if timed_out else _code(process.returncode),
        out=outputs[0][0].decode(errors="replace"),
        err=outputs[1][0].decode(errors="replace"),
        timed_out=timed_out,
        truncated=any(cut for _, cut in outputs),
        seconds=time.monotonic() - begun,
    )


def with_defaults(confined: Confined) -> Confined:
    """The command with the factory's Python first on its PATH, where it says nothing else."""
    env = python_environment() | dict(confined.env)
    return Confined(
        argv=confined.argv,
        binds=confined.binds,
        env=env,
        cwd=confined.cwd,
        limits=confined.limits,
        stdin=confined.stdin,
    )


@contextlib.contextmanager
def accounts() -> Iterator[Path]:
    """A folder with the passwd and group files of a sandbox: nobody, and no one else."""
    with tempfile.TemporaryDirectory(prefix="millwright-sandbox-") as folder:
        (Path(folder) / "passwd").write_text(f"nobody:x:{NOBODY}:{NOBODY}::/tmp:/usr/sbin/nologin\n")
        (Path(folder) / "group").write_text(f"nobody:x:{NOBODY}:\n")
        yield Path(folder)


def end(process: subprocess.Popen[bytes]) -> None:
    """End bubblewrap, and with it, as it is the parent of the outer namespace's first process, everything inside."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _drain(process: subprocess.Popen[bytes], deadline: float, limit: int) -> tuple[list[tuple[bytes, bool]], bool]:
    """What it writes, up to `limit` bytes each (the rest is read and dropped), and whether time ran out."""
    kept: dict[IO[bytes], bytearray] = {}
    cut: set[IO[bytes]] = set()
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            if stream:
                kept[stream] = bytearray()
                selector.register(stream, selectors.EVENT_READ, stream)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return [(bytes(text), stream in cut) for stream, text in kept.items()], True
            for key, _ in selector.select(left):
                stream = key.data
                chunk = os.read(key.fd, CHUNK)
                if not chunk:
                    selector.unregister(stream)
                    continue
                room = limit - len(kept[stream])
                kept[stream] += chunk[:room]
                if len(chunk) > room:
                    cut.add(stream)
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return [(bytes(text), stream in cut) for stream, text in kept.items()], True
    return [(bytes(text), stream in cut) for stream, text in kept.items()], False


def _code(returned: int) -> int:
    return 128 - returned if returned < 0 else returned
