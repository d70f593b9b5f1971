"""The host's end of what a sandbox that stays may reach: one Unix socket each, behind which the caller decides.

Inside, the forwarder listens at the addresses that `Gate.tell` names and brings each connection here, where `connect`
is asked again: what runs inside can write to the socket itself, so that the forwarder asks proves nothing. The first
line of a connection is `watch`, answered by a line of JSON with each change, or `ADDRESS PORT`, answered by `+` and
then by what is there, or by the end.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")
Place = tuple[str, int]
# A connected Unix stream socket, or None: nothing may be reached there.
Connect = Callable[[str, int], socket.socket | None]
CHUNK: Final = 65_536
WORD_BYTES: Final = 128
WORD_SECONDS: Final = 5.0
OPEN_SECONDS: Final = 10.0
# Each takes two or three of the process's descriptors.
MOST_PER_GATE: Final = 64
MOST: Final = 256
UNREADABLE: Final = (asyncio.IncompleteReadError, asyncio.LimitOverrunError)
# What a watcher that does not read may be behind.
BEHIND_BYTES: Final = 65_536


class Gates:
    """All gates of a process, served by one thread. `connect` of each runs in others, and may block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._room = asyncio.Semaphore(MOST)
        self._deciding = ThreadPoolExecutor(4, thread_name_prefix="gate")
        self._thread = threading.Thread(target=self._loop.run_forever, name="gates", daemon=True)
        self._thread.start()

    def open(self, path: Path, connect: Connect) -> "Gate":
        """Listen at `path` (in a folder that nobody else can enter). Raises OSError."""
        gate = Gate(path, connect, self._loop, self._room, self._deciding)
        gate.server = self._run(asyncio.start_unix_server(gate.serve, str(path), limit=CHUNK))
        return gate

    def close(self) -> None:
        """End every gate and what is open through it."""
        self._run(_cancelled())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(OPEN_SECONDS)
        self._deciding.shutdown(cancel_futures=True)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(OPEN_SECONDS)


class Gate:
    """One sandbox's gate. Nothing is told of and nothing open until `tell` has been called."""

    def __init__(
        self,
        path: Path,
        connect: Connect,
        loop: asyncio.AbstractEventLoop,
        room: asyncio.Semaphore,
        deciding: ThreadPoolExecutor,
    ) -> None:
        self.socket = path
        self.server: asyncio.Server | None = None
        self._connect, self._loop, self._room, self._deciding = connect, loop, room, deciding
        self._told: frozenset[Place] = frozenset()
        self._tasks: dict[asyncio.Task[None], Place | None] = {}
        self._watchers: set[asyncio.StreamWriter] = set()

    def tell(self, places: Iterable[Place]) -> None:
        """From now on these places can be reached: what is open to others ends."""
        now = frozenset(places)
        if now != self._told:
            self._told = now
            self._loop.call_soon_threadsafe(self._change, now)

    def close(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._end)
        self.socket.unlink(missing_ok=True)

    def _end(self) -> None:
        if self.server:
            self.server.close()
        for task in self._tasks:
            task.cancel()

    def _change(self, places: frozenset[Place]) -> None:
        for task, place in self._tasks.items():
            if place is not None and place not in places:
                task.cancel()
        for watcher in self._watchers:
            if watcher.transport.get_write_buffer_size() > BEHIND_BYTES:
                watcher.transport.abort()
            else:
                watcher.write(_line(places))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection from inside."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= MOST_PER_GATE or self._room.locked():
            writer.close()
            return
        self._tasks[task] = None
        try:
            async with self._room:
                # Whatever is written there: it is the sandbox's own connection that ends. When it is ended from here,
                # asyncio's streams (3.11) would print a cancelled task as a fault.
                with contextlib.suppress(OSError, ValueError, asyncio.CancelledError, *UNREADABLE):
                    await self._answer(task, reader, writer)
        finally:
            del self._tasks[task]
            writer.close()

    async def _answer(
        self, task: "asyncio.Task[None]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(WORD_SECONDS):
            word = (await reader.readuntil(b"\n"))[:WORD_BYTES].decode("ascii").strip()
        if word == "watch":
            await self._watched(reader, writer)
            return
        address, _, port = word.partition(" ")
        place = self._tasks[task] = address, int(port)
        there = await self._loop.run_in_executor(self._deciding, self._connect, *place)
        if there is not None:
            await _joined(there, reader, writer)

    async def _watched(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._watchers.add(writer)
        try:
            writer.write(_line(self._told))
            # It says nothing more: this is its end.
            await reader.read(1)
        finally:
            self._watchers.discard(writer)


async def _cancelled() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _line(places: Iterable[Place]) -> bytes:
    return json.dumps(sorted(places)).encode() + b"\n"


async def _joined(there: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    other_reader, other_writer = await asyncio.open_unix_connection(sock=there)
    try:
        writer.write(b"+")
        await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))
    finally:
        other_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until its end, and pass the end on."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
