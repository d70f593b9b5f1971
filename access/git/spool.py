"""What comes with a request, kept in a file of its own until it is judged: bounded, and unpacked from gzip."""

import asyncio
import hashlib
import tempfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

from starlette.requests import Request

from access.git.refusals import Reason, Refused

GZIP: Final = 16 + zlib.MAX_WBITS
PART: Final = 1 << 20
# Read a while beyond the limit: a client that still sends would not see why it is refused.
PATIENCE: Final = 2


@asynccontextmanager
async def spooled(request: Request, folder: Path, most: int, seconds: float) -> AsyncIterator[IO[bytes]]:
    """The whole body as a file that nobody else sees, at its beginning.

    Raises Refused for too much, or no gzip; TimeoutError when it does not come within so many seconds.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        size = 0
        async with asyncio.timeout(seconds):
            async for part in _unpacked(request):
                size += len(part)
                if size <= most:
                    # To a local file: what waits here is the kernel's cache.
                    file.write(part)
                elif size > PATIENCE * most:
                    break
        if size > most:
            raise Refused(Reason.LIMIT, f"more than {most} bytes at once")
        file.seek(0)
        yield file


def digest_from(file: IO[bytes], place: int) -> tuple[str, int]:
    """The SHA-256 and the number of the bytes from `place` on; the file is at its beginning afterwards."""
    file.seek(place)
    found, size = hashlib.sha256(), 0
    while part := file.read(PART):
        found.update(part)
        size += len(part)
    file.seek(0)
    return found.hexdigest(), size


async def _unpacked(request: Request) -> AsyncIterator[bytes]:
    packed = request.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip", "x-gzip"):
        raise Refused(Reason.REQUEST, f"no {packed[:40]!r} is taken here")
    unzip = None if packed == "identity" else zlib.decompressobj(GZIP)
    async for part in request.stream():
        if unzip is None:
            yield part
            continue
        if unzip.eof and part:
            # Kept by zlib, all of it, beyond any bound.
            raise Refused(Reason.REQUEST, "something comes after the end of the gzip")
        try:
            rest = part
            while rest:
                yield unzip.decompress(rest, PART)
                rest = unzip.unconsumed_tail
        except zlib.error:
            raise Refused(Reason.REQUEST, "this is no gzip") from None
