"""The host's side of what copies reach: each connection is decided anew, and ends when it is no longer allowed.

A copy has no network. A forwarder inside takes what it sends to a database's address and brings it here, through a
socket of the copy's own, with that address in front. Nothing that comes through it is believed but the address.
"""

import asyncio
import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from localcloud.relay import Ends, Loop, join
from localcloud.runtime.reach import Way

# `127.128.1.2:5432` and a line end; whatever is longer is no address.
LONGEST_LINE: Final = 32
# For the line, and for the server to take the connection.
OPEN_SECONDS: Final = 5.0
CONNECTIONS: Final = 256
ADMITTED: Final = b"+"


class Outward:
    """One copy's way out. It reaches nothing until it is allowed something."""

    def __init__(self, loop: Loop, path: Path) -> None:
        self._loop = loop
        self._allowed: frozenset[Way] = frozenset()
        self._open: dict[asyncio.StreamWriter, Way] = {}
        # A path has a limit of 108 bytes, and the caller has seen to that.
        self._server = loop.run(asyncio.start_unix_server(self._serve, str(path)))

    def allow(self, ways: Collection[Way]) -> None:
        """From now on these and no others; what is open to another one ends."""
        if self._allowed != frozenset(ways):
            self._allowed = frozenset(ways)
            self._loop.call(self._end_others)

    def close(self) -> None:
        """Nothing is reached any more."""
        self._allowed = frozenset()
        self._loop.call(self._server.close)
        self._loop.call(self._end_others)

    def _end_others(self) -> None:
        for writer, way in self._open.items():
            if way not in self._allowed:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if way := await self._admitted(reader):
                await self._connect(way, (reader, writer))
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _admitted(self, reader: asyncio.StreamReader) -> Way | None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            line = await asyncio.wait_for(reader.readline(), OPEN_SECONDS)
            if len(line) > LONGEST_LINE:
                return None
            address, _, port = line.decode("ascii").strip().rpartition(":")
            way = (address, int(port))
            if way in self._allowed and len(self._open) < CONNECTIONS:
                return way
        return None

    async def _connect(self, way: Way, copy: Ends) -> None:
        try:
            server = await asyncio.wait_for(asyncio.open_connection(*way), OPEN_SECONDS)
        except (OSError, TimeoutError):
            return
        self._open[copy[1]] = way
        try:
            # Between the decision and now it may have been taken back.
            if way in self._allowed:
                copy[1].write(ADMITTED)
                await join(copy, server)
        finally:
            server[1].transport.abort()
