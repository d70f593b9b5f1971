"""Child processes of the language host: started shielded from Ctrl-C, streamed, and ended with the host."""

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, Protocol

# The engine kills its language host 5 s after it asked it to end; children must be gone before.
GRACE_SECONDS = 2.0
CHUNK_BYTES = 65536

Stream = Literal["stdout", "stderr"]


class Child(Protocol):
    """A process, as `subprocess.Popen`."""

    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, if it still runs."""

    def kill(self) -> None:
        """End it at once."""


@dataclass
class Children:
    """The living children of one host. All of them end when the host does, however that comes about."""

    _living: set[Child] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def start(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], piped: bool) -> Child:
        """Start `command` with SIGINT blocked; with `piped`, its output is read by `stream`, else it is the host's.

        Python prints a traceback when SIGINT meets it while it starts. The signal mask is inherited over exec and
        belongs to the starting thread alone, so the child decides itself when it is ready for a SIGINT; one that
        never is gets a SIGTERM instead (`stop`).
        """
        output = subprocess.PIPE if piped else None
        with self._lock:
            if self._closed:
                raise RuntimeError("the language host is ending")
            previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                child = subprocess.Popen(
                    command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, previous)
            self._living.add(child)
        return child

    def keep(self, child: Child) -> Child:
        """Count a process that was made elsewhere among the children."""
        with self._lock:
            if self._closed:
                child.kill()
                raise RuntimeError("the language host is ending")
            self._living.add(child)
        return child

    def wait(self, child: Child) -> int:
        """Wait for `child`; its exit code, or 128 plus the number of the signal that ended it."""
        code = child.wait()
        with self._lock:
            self._living.discard(child)
        return code if code >= 0 else 128 - code

    def stop(self, child: Child, gently: signal.Signals) -> None:
        """Ask `child` to end with the signal `gently`, and kill it when it does not within GRACE_SECONDS."""
        if child.poll() is None:
            child.send_signal(gently)
            try:
                child.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()

    def stop_programs(self) -> None:
        """Stop the programs. Plugins go on: they finish what they do in the cloud, and end with the engine."""
        with self._lock:
            programs = [child for child in self._living if _is_program(child)]
        _each(programs, lambda child: self.stop(child, signal.SIGINT))

    def close(self) -> None:
        """Stop all children and refuse new ones."""
        with self._lock:
            self._closed = True
            living = list(self._living)
        # A program handles SIGINT; a plugin never unblocks it.
        _each(living, lambda child: self.stop(child, signal.SIGINT if _is_program(child) else signal.SIGTERM))


def _is_program(child: Child) -> bool:
    """A program writes to the host's own output, a plugin to a pipe."""
    return child.stdout is None


def _each(children: Iterable[Child], action: Callable[[Child], None]) -> None:
    """Do `action` to all `children` at the same time: their grace periods must not add up."""
    threads = [threading.Thread(target=action, args=(child,)) for child in children]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stream(child: Child) -> Iterator[tuple[Stream, bytes]]:
    """What `child` writes, as it writes it, until both its streams are closed."""
    chunks: queue.SimpleQueue[tuple[Stream, bytes] | None] = queue.SimpleQueue()

    def pump(name: Stream, pipe: IO[bytes]) -> None:
        while chunk := os.read(pipe.fileno(), CHUNK_BYTES):
            chunks.put((name, chunk))
        chunks.put(None)

    streams: tuple[tuple[Stream, IO[bytes] | None], ...] = (("stdout", child.stdout), ("stderr", child.stderr))
    readers = [threading.Thread(target=pump, args=(name, pipe), daemon=True) for name, pipe in streams if pipe]
    for reader in readers:
        reader.start()
    open_streams = len(readers)
    while open_streams:
        chunk = chunks.get()
        if chunk is None:
            open_streams -= 1
        else:
            yield chunk
