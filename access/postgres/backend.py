"""Reads what a server sends as far as it must: rows pass in bulk, the rest is looked at one by one. Pure."""

from collections.abc import Callable
from typing import Final

from access.postgres import wire
from access.postgres.gathering import HEAD_BYTES, Gathering
from access.postgres.refusals import malformed

HELD_BYTES: Final = 16 << 20
ROWS: Final = frozenset({b"D", b"d"})


class Scanner:
    """One direction of one connection. What is not a row is passed on whole, never in parts."""

    def __init__(self, look: Callable[[bytes, bytes], bytes | None], copied: Callable[[bytes], None]) -> None:
        """`look` gets type and body, and may answer what goes on instead; `copied` gets the content of CopyData."""
        self._look, self._copied = look, copied
        self._held = Gathering()
        # Of a row or a CopyData that has begun.
        self._left = 0
        self._copy = False

    @property
    def whole(self) -> bool:
        """Whether nothing was passed on in part."""
        return not self._left

    def feed(self, data: bytes) -> bytes:
        """Take in what came; what goes on. Raises Refused."""
        buffer = self._held.joined(data)
        size, at, start = len(buffer), 0, 0
        if self._left:
            at = self._bulk(buffer, 0, self._left)
        out: list[bytes] = []
        unpack = wire.HEAD.unpack_from
        while size - at >= HEAD_BYTES:
            kind, length = unpack(buffer, at)
            end = at + 1 + length
            if kind in ROWS:
                self._copy = kind == b"d"
                at = self._bulk(buffer, at + HEAD_BYTES, length - 4) if self._copy or end > size else end
                continue
            if length < 4 or length > HELD_BYTES:  # noqa: PLR2004 -- a length counts itself
                raise malformed("the database sends what is not of the protocol")
            if end > size:
                break
            instead = self._look(kind, buffer[at + HEAD_BYTES : end])
            if instead is not None:
                out += (buffer[start:at], instead)
                start = end
            at = end
        if at < size:
            self._held.keep(buffer[at:])
        if not out and at == size:
            return buffer
        return b"".join((*out, buffer[start:at]))

    def _bulk(self, buffer: bytes, at: int, count: int) -> int:
        stop = min(at + count, len(buffer))
        self._left = count - (stop - at)
        if self._copy:
            self._copied(buffer[at:stop])
        return stop
