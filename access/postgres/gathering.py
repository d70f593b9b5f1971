"""The beginning of a message whose rest has not come: kept in place, however small the pieces are. Pure.

Joining what is there with each piece would copy all of it each time: a message of 64 MiB in pieces of 1 KiB would cost
its relay, and everybody in it, copies of 2 TiB.
"""

from typing import Final

from access.postgres import wire

HEAD_BYTES: Final = wire.HEAD.size


class Gathering:
    """What one direction of a connection has not taken in yet. Whoever keeps a message has bounded its length."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._whole = 0

    def __len__(self) -> int:
        """How many bytes wait."""
        return len(self._held)

    def joined(self, data: bytes) -> bytes:
        """What waited, and what came; b"" as long as no whole message can be in it."""
        if not self._held:
            return data
        self._held += data
        if len(self._held) < self._whole:
            return b""
        buffer = bytes(self._held)
        self._held = bytearray()
        return buffer

    def keep(self, rest: bytes) -> None:
        """What `joined` gave and nobody took: the beginning of one message."""
        self._held += rest
        self._whole = HEAD_BYTES
        if len(rest) >= HEAD_BYTES:
            _, length = wire.HEAD.unpack_from(rest)
            self._whole = 1 + length

    def keep_whole(self, rest: bytes) -> None:
        """The same of messages that are there, and taken in later."""
        self._held += rest
        self._whole = 0
