"""A TCP port on loopback that leads to a Unix socket: how clients reach a server that has no network."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")
CHUNK: Final = 65_536
OPEN_SECONDS: Final = 10.0


class Fronts:
    """All open ports, served by one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres-front", daemon=True)
        self._thread.start()

    def open(self, address: str, port: int, socket: Path) -> asyncio.Server:
        """Listen at `address`:`port` for what answers at `socket`. Raises OSError when the port is taken."""
        return self._run(asyncio.start_server(lambda *ends: _serve(socket, *ends), address, port))

    def close(self, server: asyncio.Server) -> None:
        """Accept no more; connections end when the server behind them does."""
        self._loop.call_soon_threadsafe(server.close)

    def end(self) -> None:
        """Close every port."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(OPEN_SECONDS)

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(OPEN_SECONDS)


async def _serve(socket: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
