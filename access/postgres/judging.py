"""Long texts are read by a process of their own: one that is nested deeply enough ends whoever parses it.

`python -m access.postgres.judging` is that process. It ends with its standard input.
"""

import asyncio
import contextlib
import os
import resource
import sys
from typing import Final

from pydantic import BaseModel

from access.postgres.kinds import StatementKind
from access.postgres.statements import Judgement, judge, unread

COMMAND: Final = (sys.executable, "-P", "-m", "access.postgres.judging")
ADDRESSED_BYTES: Final = 2 << 30
# A text of a MiB in JSON, and what is said about it.
LINE_BYTES: Final = 16 << 20


class Question(BaseModel):
    """A text, and the patterns of columns whose values are not recorded."""

    text: str
    hidden: list[str]


class Answer(BaseModel):
    """A Judgement."""

    kinds: list[StatementKind]
    text: str
    never: str
    hides: bool
    prepares: tuple[str, ...]
    executes: tuple[str, ...]


class Elsewhere:
    """Asks that process; one at a time. A text that ends it, or that takes too long, is refused."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def judge(self, text: str, hidden: tuple[str, ...]) -> Judgement:
        """As `statements.judge`."""
        line = Question(text=text, hidden=list(hidden)).model_dump_json().encode() + b"\n"
        async with self._lock:
            try:
                process = await self._running()
                answer = await asyncio.wait_for(_ask(process, line), self._seconds)
                found = Answer.model_validate_json(answer)
            except (TimeoutError, OSError, ValueError):
                self.close()
                return unread(text, "it is too long or too deeply nested to be read")
        names = found.prepares, found.executes
        return Judgement(frozenset(found.kinds), found.text, found.never, found.hides, *names)

    def close(self) -> None:
        """End it."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process = None

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND, stdin=pipe, stdout=pipe, cwd="/", env=environment, limit=LINE_BYTES
            )
            # Its start is no part of anybody's time.
            await _ask(self._process, Question(text="", hidden=[]).model_dump_json().encode() + b"\n")
        return self._process


async def _ask(process: asyncio.subprocess.Process, line: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ValueError("it was started without its streams")
    process.stdin.write(line)
    await process.stdin.drain()
    return await process.stdout.readline()


def main() -> int:
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSED_BYTES, ADDRESSED_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        question = Question.model_validate_json(line)
        found = judge(question.text, question.hidden)
        answer = Answer(**found._asdict() | {"kinds": found.does})
        print(answer.model_dump_json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
