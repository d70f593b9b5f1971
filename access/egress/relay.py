"""Carries an open tunnel's bytes both ways, within its bounds."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from access.egress.bounds import MIB, Bounds

CHUNK: Final = 64 * 1024


@dataclass
class Passed:
    """How many bytes have gone out and come back."""

    sent: int = 0
    received: int = 0


@dataclass(frozen=True)
class Streams:
    """Both directions of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class _Enough(Exception):
    pass


class Relay:
    """One tunnel. `passed` is its own count, `task` what all tunnels of the task have passed."""

    def __init__(self, client: Streams, there: Streams, bounds: Bounds, task: Passed) -> None:
        self._client, self._there = client, there
        self._bounds, self._task = bounds, task
        self.passed = Passed()

    async def run(self, first: bytes) -> str:
        """Pass on `first`, which the client has said already, and then everything. Returns why it ended."""
        bounds = self._bounds
        try:
            async with asyncio.timeout(bounds.tunnel_seconds), asyncio.timeout(bounds.idle_seconds) as silence:
                await _together(self._out(first, silence), self._back(silence))
        except TimeoutError:
            seconds = bounds.idle_seconds if silence.expired() else bounds.tunnel_seconds
            return f"{'silent' if silence.expired() else 'open'} for {seconds:g} s"
        except _Enough as enough:
            return str(enough)
        except OSError:
            return "broken off"
        return "closed"

    async def _out(self, data: bytes, silence: asyncio.Timeout) -> None:
        while data:
            # Before it leaves.
            self._task.sent += len(data)
            if self._task.sent > self._bounds.sent_bytes:
                raise _Enough(f"the task has sent more than {self._bounds.sent_bytes / MIB:g} MiB")
            await _pass(data, self._there.writer)
            self.passed.sent += len(data)
            self._heard(silence)
            data = await self._client.reader.read(CHUNK)
        self._there.writer.write_eof()

    async def _back(self, silence: asyncio.Timeout) -> None:
        while data := await self._there.reader.read(CHUNK):
            self._task.received += len(data)
            if self._task.received > self._bounds.received_bytes:
                raise _Enough(f"the task has received more than {self._bounds.received_bytes / MIB:g} MiB")
            await _pass(data, self._client.writer)
            self.passed.received += len(data)
            self._heard(silence)
        self._client.writer.write_eof()

    def _heard(self, silence: asyncio.Timeout) -> None:
        silence.reschedule(asyncio.get_running_loop().time() + self._bounds.idle_seconds)


async def _pass(data: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(data)
    await writer.drain()


async def _together(*both: Coroutine[Any, Any, None]) -> None:
    """Both to their end, or neither any further."""
    tasks = [asyncio.ensure_future(one) for one in both]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
