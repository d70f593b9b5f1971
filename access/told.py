"""A process of the access plane that is told by lines of JSON: each order is answered by one line.

Between the answers it may tell what happened: lines whose first key is `happened`.
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel

from access.orders import HAPPENED, Answer, Close, Done, Happened
from factory.errors import MillwrightError
from factory.paths import private_folder

# The process is importing at its first order, on a machine that others use as well.
ANSWER_SECONDS: Final = 120.0
# One that does not even end what it is told to end (it was stopped) is killed, and ends with all that is under way.
CLOSE_SECONDS: Final = 30.0
END_SECONDS: Final = 10.0
# A line has its bound at the other end (`serving.LINE_BYTES`), in whatever letters people say why.
TOGETHER: Final = 1000
WHY_CHARACTERS: Final = 500


Said = TypeVar("Said", bound=Answer)
Open = TypeVar("Open", bound=BaseModel)
Listening = TypeVar("Listening", bound=Done)
Event = TypeVar("Event", bound=Happened)


class ToldProcess(Generic[Said]):
    """One process, from `start` to `stop`. Safe to use from many threads.

    `name` is what people call it (`the PostgreSQL relay`); `answers` is the type of its answers. `watch` is given each
    line of what happened, by a thread of its own, and must not block.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        answers: type[Said],
        watch: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._name, self._command, self._log, self._type, self._watch = name, command, log, answers, watch
        self._lock = threading.Lock()
        self._answers: queue.Queue[Said | None] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's; 0 before `start`."""
        return self._process.pid if self._process else 0

    def start(self, begin: BaseModel) -> Said:
        """Start it; its answer to its first line. Raises MillwrightError: it does not run."""
        private_folder(self._log.parent)
        with self._log.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd="/",
                # Nothing is inherited: above all no key. What it is to know is in its first line.
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        threading.Thread(target=self._listen, args=(self._process.stdout,), name=self._name, daemon=True).start()
        try:
            return self.tell(begin)
        except MillwrightError:
            self.stop()
            raise

    def tell(self, order: BaseModel, seconds: float = ANSWER_SECONDS) -> Said:
        """Have an order carried out; one that is not in so many seconds ends the process. Raises MillwrightError: it
        is not, or may not be."""
        with self._lock:
            if not self._process or not self.alive():
                raise MillwrightError(f"{self._name} does not run", hint=f"see {self._log}")
            try:
                stdin = _there(self._process.stdin)
                stdin.write(f"{order.model_dump_json()}\n".encode())
                stdin.flush()
                done = self._answers.get(timeout=seconds)
            except (OSError, ValueError, queue.Empty):
                done = None
            if done is None:
                # What it says later would be taken for the answer to something else. Whoever asks next whether it runs
                # is told that it does not: that is when another one is tried.
                self._process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_SECONDS)
                raise MillwrightError(f"{self._name} does not answer", hint=f"see {self._log}")
        if done.problem:
            raise MillwrightError(f"{self._name} refuses: {done.problem}", hint=f"see {self._log}")
        return done

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it, and whatever it serves."""
        if not self._process:
            return
        with contextlib.suppress(OSError):
            _there(self._process.stdin).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._process.kill()
        self._process.wait()

    def _listen(self, stdout: IO[bytes]) -> None:
        # A line that is none (pydantic's error is a ValueError) ends it: nothing after it could be trusted.
        with contextlib.suppress(OSError, ValueError):
            for line in stdout:
                if line.startswith(HAPPENED):
                    self._watch(line)
                else:
                    self._answers.put(self._type.model_validate_json(line))
        self._answers.put(None)


class RelayProcess(Generic[Open, Listening, Event]):
    """A process before something that grants are for: it lets their holders in, records them, and cuts them off.

    Each kind says what people call it, which module it runs (`python -m`), and of which types its lines are. Safe to
    use from many threads; `watch` is called by a thread of its own, and must not block.
    """

    called: ClassVar[str]
    module: ClassVar[str]
    answers: type[Listening]
    events: type[Event]

    def __init__(self, log: Path, watch: Callable[[Event], None] = lambda _: None, command: Sequence[str] = ()) -> None:
        """`command`: another one than that of its module, for tests."""

        def happened(line: bytes) -> None:
            watch(self.events.model_validate_json(line))

        self._process = ToldProcess(self.called, command or command_of(self.module), log, self.answers, happened)
        self.port = 0

    @property
    def pid(self) -> int:
        """The process's; 0 before `start`."""
        return self._process.pid

    def start(self, begin: BaseModel) -> int:
        """Start it; the port it listens at. Raises MillwrightError."""
        self.port = self._process.start(begin).port
        return self.port

    def open(self, order: Open) -> None:
        """Let the grant's holder in. Raises MillwrightError: nobody is let in."""
        self._process.tell(order)

    def close(self, grant: str, reason: str) -> None:
        """End a grant. Raises MillwrightError, as `close_all` does."""
        self.close_all({grant: reason})

    def close_all(self, grants: dict[str, str]) -> list[Listening]:
        """End several (why, by grant) at once; returns when nothing of them is under way: an answer to each line.

        Raises MillwrightError: something may be.
        """
        ending = [(grant, why[:WHY_CHARACTERS]) for grant, why in grants.items()]
        lines = [dict(ending[at : at + TOGETHER]) for at in range(0, len(ending), TOGETHER)]
        return [self._process.tell(Close(grants=line), CLOSE_SECONDS) for line in lines]

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive()

    def stop(self) -> None:
        """End it, and all that is under way with it."""
        self._process.stop()


def command_of(module: str) -> tuple[str, ...]:
    """What runs a module of ours as a process of its own."""
    return (sys.executable, "-P", "-m", module)


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("it was started without this stream")
    return stream
