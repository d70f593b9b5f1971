"""Bytes passed on between two connections, by one thread for all of them."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CHUNK: Final = 65_536
# An answer of the loop itself, which is never busy for long.
SECONDS: Final = 10.0


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Carry it out there; what it returns or raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    def call(self, do: Callable[..., object], *arguments: object) -> None:
        """Have it done there, soon."""
        self._loop.call_soon_threadsafe(do, *arguments)

    def end(self) -> None:
        """Stop: nothing is passed on any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)


async def join(one: Ends, other: Ends) -> None:
    """Copy both directions until each has ended."""
    await asyncio.gather(_pump(one[0], other[1]), _pump(other[0], one[1]))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
