"""A TCP port on loopback that leads to a Unix socket: how clients reach a server that has no network."""

import asyncio
from pathlib import Path

from localcloud.relay import Loop, join


class Fronts:
    """All open ports, served by one thread."""

    def __init__(self) -> None:
        self._loop = Loop("postgres-front")

    def open(self, address: str, port: int, socket: Path) -> asyncio.Server:
        """Listen at `address`:`port` for what answers at `socket`. Raises OSError when the port is taken."""
        return self._loop.run(asyncio.start_server(lambda *ends: _serve(socket, *ends), address, port))

    def close(self, server: asyncio.Server) -> None:
        """Accept no more; connections end when the server behind them does."""
        self._loop.call(server.close)

    def end(self) -> None:
        """Close every port."""
        self._loop.end()


async def _serve(socket: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner = await asyncio.open_unix_connection(str(socket))
    except OSError:
        writer.close()
        return
    await join((reader, writer), inner)
