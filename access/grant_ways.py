"""How a task's commands reach databases and APIs that it holds: by a gate of their sandbox, behind which relays are.

Inside, a database stands at an address of the sandbox's own network, without TLS, as on the local cloud: the gate is a
Unix socket of the same machine, and from there on it is TLS, with the relay's certificate checked. An API stands at
another one, where plain HTTP is spoken: the gate leads to the grant's own socket at the relay, and no token is inside.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from access import certificates
from access.postgres.startup import GSSENC, SSL
from factory.paths import FactoryRoot, private_folder
from sandbox import Gates

Place = tuple[str, int]
Door = Callable[[], str | Path | None]
"""Where the relay is now: a database's (`host:port/database`), or a grant's own socket; None when the grant is over."""
SOCKET: Final = "s"
PORT: Final = 5432
HTTP_PORT: Final = 8080
CHUNK: Final = 65_536
OPEN_SECONDS: Final = 10.0
# A request for encryption has a length, and its code.
ASKED: Final = struct.Struct("!II")


def place_of(number: int) -> Place:
    """Where a task's database of this number (from 0) stands inside: an address that no app listens at by chance."""
    return f"127.128.1.{number + 1}", PORT


def api_place_of(number: int) -> Place:
    """The same of an API."""
    return f"127.128.2.{number + 1}", HTTP_PORT


class GrantWays:
    """Of one worker. Nothing runs before the first is opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gates: Gates | None = None
        self._loop = asyncio.new_event_loop()

    @contextlib.contextmanager
    def opened(self, root: FactoryRoot, doors: Mapping[Place, Door], folder: Path) -> Iterator[Path | None]:
        """The gate's socket, in `folder`, while the block runs; None where there is nothing to reach."""
        if not doors:
            yield None
            return
        gates = self._running()

        def connect(address: str, port: int) -> socket.socket | None:
            door = doors.get((address, port))
            if door is None or (there := door()) is None:
                return None
            if isinstance(there, Path):
                return _at(there)
            here, inside = socket.socketpair()
            asyncio.run_coroutine_threadsafe(_joined(root, here, there), self._loop)
            return inside

        # By descriptor: a socket's path has 107 bytes, and a factory may lie deep.
        opened = os.open(private_folder(folder), os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            gate = gates.open(Path(f"/proc/self/fd/{opened}/{SOCKET}"), connect)
            gate.tell(doors)
            try:
                yield folder / SOCKET
            finally:
                gate.close()
        finally:
            os.close(opened)

    def close(self) -> None:
        """End all of them, and what is open through them."""
        with self._lock:
            if self._gates is not None:
                self._gates.close()
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._gates = None

    def _running(self) -> Gates:
        with self._lock:
            if self._gates is None:
                self._gates = Gates()
                threading.Thread(target=self._loop.run_forever, daemon=True, name="grant-ways").start()
            return self._gates


def _at(path: Path) -> socket.socket | None:
    """A connection to a socket of this machine; None where nobody listens (any more)."""
    # By descriptor, as above.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    client = socket.socket(socket.AF_UNIX)
    # Where a relay hangs, and nobody has room any more, that is said at once: few threads open what all tasks reach.
    client.setblocking(False)
    try:
        client.connect(f"/proc/self/fd/{folder}/{path.name}")
    except OSError:
        client.close()
        return None
    finally:
        os.close(folder)
    return client


async def _joined(root: FactoryRoot, here: socket.socket, door: str) -> None:
    """Join one connection from inside with the relay, and end when either ends."""
    reader, writer = await asyncio.open_unix_connection(sock=here)
    # Whatever goes wrong, it is one connection that ends; the relay tells who was in.
    with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(OPEN_SECONDS):
            first = await _unencrypted(reader, writer)
            there_reader, there_writer = await _relay(root, door)
        try:
            there_writer.write(first)
            pumps = {asyncio.create_task(_pump(reader, there_writer)), asyncio.create_task(_pump(there_reader, writer))}
            # Not half of it: PostgreSQL's protocol has no use for that.
            _, left = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in left:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            there_writer.close()
    writer.close()


async def _unencrypted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The client's first words that are no request for encryption: those are answered with no."""
    while True:
        head = await reader.readexactly(ASKED.size)
        length, code = ASKED.unpack(head)
        if length != ASKED.size or code not in (SSL, GSSENC):
            return head
        writer.write(b"N")


async def _relay(root: FactoryRoot, door: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The relay at `door`, by TLS. Raises OSError."""
    host, _, port = door.partition("/")[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(ASKED.pack(ASKED.size, SSL))
    if await reader.readexactly(1) != b"S":
        writer.close()
        raise ConnectionError("the relay speaks no TLS")
    trusted = str(certificates.files(root.access).certificate)
    await writer.start_tls(ssl.create_default_context(cafile=trusted), server_hostname=host)
    return reader, writer


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
