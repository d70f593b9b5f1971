"""The inside of a process that is told by lines: it carries out orders until its standard input ends.

Whoever started it is gone then, and what it serves ends with it.
"""

import asyncio
import json
import logging
import resource
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from access.orders import Answer, Happened, Line

LINE_BYTES: Final = 4 << 20
# The broker does not read what happens: it is in the recordings, and told no more.
UNREAD_BYTES: Final = 1 << 20
First = TypeVar("First", bound=Line)


def be_a_process() -> None:
    """What all of them do first, and the broker: a log on standard error, as many files as there may be, and no core
    dump: each holds keys, or passwords."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Orders:
    """Standard input, and standard output for answers and for what happened."""

    def __init__(self, lines: asyncio.StreamReader, out: asyncio.WriteTransport, log: logging.Logger) -> None:
        self._lines, self._out, self._log = lines, out, log

    @classmethod
    async def opened(cls, log: logging.Logger) -> "Orders":
        """Those of this process."""
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader(limit=LINE_BYTES)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
        return cls(lines, out, log)

    async def begin(self, first: type[First]) -> First:
        """The first line. Raises ValidationError."""
        return first.model_validate_json(await self._lines.readline())

    def answer(self, answer: Answer) -> None:
        """Answer an order, or the first line."""
        self._out.write(answer.model_dump_json().encode() + b"\n")

    def refuse(self, error: Exception) -> None:
        """It does not begin."""
        self.answer(Answer(problem=problem_of(error)))

    def tell(self, what: Happened) -> None:
        """What happened."""
        line = what.model_dump_json()
        if self._out.get_write_buffer_size() < UNREAD_BYTES:
            self._out.write(line.encode() + b"\n")
        else:
            self._log.error("not told, for nobody reads it: %s", line)

    async def carry_out(self, each: Callable[[bytes], Awaitable[Answer]]) -> None:
        """Carry out one order after the other, until there are no more."""
        while line := await self._lines.readline():
            try:
                answer = await each(line)
            except Exception as error:  # noqa: BLE001  the seam: the broker is told, and gives no grant
                answer = Answer(problem=problem_of(error))
                # Of what is no order without the traceback, whose last line says what was said.
                told = None if isinstance(error, ValidationError) else error
                self._log.error("an order could not be carried out: %s", answer.problem, exc_info=told)
            self.answer(answer)


def problem_of(error: Exception) -> str:
    """Without what was said: a line may hold a credential."""
    if isinstance(error, ValidationError):
        places: list[Any] = [
            {"at": list(each["loc"]), "what": each["msg"]} for each in error.errors(include_input=False)
        ]
        return f"the order is not valid: {json.dumps(places, default=str)}"
    return f"{type(error).__name__}: {error}"
