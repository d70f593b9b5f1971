"""Runs one confined command to its end, however it ends."""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import cache

from factory.errors import SandboxUnavailable
from sandbox.bubblewrap import HINT, command_line, program, told
from sandbox.model import Confined, Limits, Ran
from sandbox.python import python_environment
from sandbox.usage import Watch

CHUNK = 65536
PROBE_SECONDS = 10
TIMED_OUT = 124
SYSCTL = "/proc/sys/kernel/core_pattern"
# Opened to append and closed again: nothing is written. In a shell of its own, as a failed redirection ends a shell.
LOOK = (
    f"(: >> {SYSCTL}) 2>/dev/null && echo writable; ls /root /home /etc/shadow;"
    " grep ^Seccomp: /proc/self/status; cat /proc/net/dev"
)


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
    seen = [line.split(":")[0].strip() for line in ran.out.splitlines() if ":" in line and "|" not in line]
    if ran.out.startswith("writable"):
        raise SandboxUnavailable(f"{SYSCTL} can be written from inside a sandbox here", hint=HINT)
    # The one network device, and a filter of system calls in force (proc(5): mode 2).
    if seen != ["Seccomp", "lo"] or "Seccomp:\t2\n" not in ran.out or ran.out.startswith("/"):
        said = (ran.err or ran.out).strip()[-500:]
        raise SandboxUnavailable(f"bubblewrap does not confine here: {said or 'no answer'}", hint=HINT)


@dataclass
class _Drained:
    """What is kept of both outputs, and why it has to be ended."""

    kept: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    truncated: bool = False
    timed_out: bool = False
    ended_for: str = ""

    def keep(self, number: int, chunk: bytes, limit: int) -> None:
        room = limit - len(self.kept[number])
        self.kept[number].extend(chunk[:room])
        self.truncated |= len(chunk) > room


def _run(confined: Confined) -> Ran:
    begun = time.monotonic()
    inside = with_defaults(confined)
    with told(inside) as handed:
        # Standard input is a file, so that nothing has to be fed while output is read.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(confined.stdin)
            stdin.seek(0)
            process = subprocess.Popen(
                command_line(program(), inside, handed),
                pass_fds=(*handed.all, *confined.keeps),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                start_new_session=True,
            )
        try:
            drained = _drain(process, begun + confined.limits.seconds, confined.limits.output_bytes, Watch(confined))
        finally:
            end(process)
    out, err = (bytes(kept).decode(errors="replace") for kept in drained.kept)
    return Ran(
        code=TIMED_OUT if drained.timed_out else _code(process.returncode),
        out=out,
        err=f"{err}\nended by the sandbox: {drained.ended_for}" if drained.ended_for else err,
        timed_out=drained.timed_out,
        truncated=drained.truncated,
        seconds=time.monotonic() - begun,
        ended_for=drained.ended_for,
    )


def with_defaults(confined: Confined) -> Confined:
    """The command with the factory's Python first on its PATH, where it says nothing else."""
    return replace(confined, env=python_environment() | dict(confined.env))


def end(process: subprocess.Popen[bytes]) -> None:
    """End bubblewrap, and with it, as it is the parent of the outer namespace's first process, everything inside.

    Also the shell in its group that watches its owner: while that lives, the group's number is nobody else's.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _drain(process: subprocess.Popen[bytes], deadline: float, limit: int, watch: Watch) -> _Drained:
    """What it writes, up to `limit` bytes each (the rest is read and dropped), until it ends or has to be ended."""
    drained = _Drained()
    with selectors.DefaultSelector() as selector:
        for number, stream in enumerate((process.stdout, process.stderr)):
            if stream:
                selector.register(stream, selectors.EVENT_READ, number)
        while True:
            left = deadline - time.monotonic()
            drained.timed_out = left <= 0
            drained.ended_for = watch.overuse(process.pid)
            if drained.timed_out or drained.ended_for:
                return drained
            pause = min(left, watch.rest())
            if not selector.get_map():
                # It may close its outputs and go on.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(pause)
                    return drained
                continue
            for key, _ in selector.select(pause):
                if chunk := os.read(key.fd, CHUNK):
                    drained.keep(key.data, chunk, limit)
                else:
                    selector.unregister(key.fileobj)


def _code(returned: int) -> int:
    return 128 - returned if returned < 0 else returned
