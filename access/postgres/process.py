"""The relay as the broker holds it: a process, told by lines, watched by a thread."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from pydantic import BaseModel, ValidationError

from access.postgres.orders import Begin, Close, Done, Happened, Open, Session, Sessions
from factory.errors import MillwrightError
from factory.paths import private_folder

COMMAND: Final = (sys.executable, "-P", "-m", "access.postgres")
# The process is importing at its first order, on a machine that others use as well.
ANSWER_SECONDS: Final = 120.0
END_SECONDS: Final = 10.0


class Relay:
    """One process. Safe to use from many threads; `watch` is called by a thread of its own, and must not block."""

    def __init__(
        self, log: Path, watch: Callable[[Happened], None] = lambda _: None, command: Sequence[str] = COMMAND
    ) -> None:
        self._log, self._watch, self._command = log, watch, command
        self._lock = threading.Lock()
        self._answers: queue.Queue[Done | None] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        """The process's; 0 before `start`."""
        return self._process.pid if self._process else 0

    def start(self, begin: Begin) -> int:
        """Start it; the port it listens at. Raises MillwrightError."""
        private_folder(self._log.parent)
        with self._log.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd="/",
                # Nothing of the broker's is inherited: above all no key.
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        threading.Thread(target=self._listen, args=(self._process.stdout,), name="postgres-relay", daemon=True).start()
        try:
            self.port = self._tell(begin).port
        except MillwrightError:
            self.stop()
            raise
        return self.port

    def open(self, order: Open) -> None:
        """Let the grant's clients in. Raises MillwrightError: nobody is let in."""
        self._tell(order)

    def close(self, grant: str, reason: str) -> None:
        """End a grant: returns when its connections are closed. Raises MillwrightError: they may not be."""
        self.close_all({grant: reason})

    def close_all(self, grants: dict[str, str]) -> None:
        """End several (why, by grant) at once. Raises MillwrightError: they may not be."""
        self._tell(Close(grants=grants))

    def sessions(self) -> list[Session]:
        """Who is in. Raises MillwrightError."""
        return self._tell(Sessions()).sessions

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it, and every session with it."""
        if not self._process:
            return
        with contextlib.suppress(OSError):
            _there(self._process.stdin).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._process.kill()
        self._process.wait()

    def _tell(self, order: BaseModel) -> Done:
        with self._lock:
            if not self._process or not self.alive():
                raise MillwrightError("the PostgreSQL relay does not run", hint=f"see {self._log}")
            try:
                stdin = _there(self._process.stdin)
                stdin.write(f"{order.model_dump_json()}\n".encode())
                stdin.flush()
                done = self._answers.get(timeout=ANSWER_SECONDS)
            except (OSError, queue.Empty):
                done = None
            if done is None:
                # What it says later would be taken for the answer to something else.
                self._process.kill()
                raise MillwrightError("the PostgreSQL relay does not answer", hint=f"see {self._log}")
        if done.problem:
            raise MillwrightError(f"the PostgreSQL relay refuses: {done.problem}", hint=f"see {self._log}")
        return done

    def _listen(self, stdout: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError, ValidationError):
            for line in stdout:
                if line.startswith(b'{"happened"'):
                    self._watch(Happened.model_validate_json(line))
                else:
                    self._answers.put(Done.model_validate_json(line))
        self._answers.put(None)


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("it was started without this stream")
    return stream
