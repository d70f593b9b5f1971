"""The host that a TLS client asks for in its first message, before anything of it is passed on.

A reader of our own, because none that is well kept and freely licensed shows all that has to be seen here: the hook of
Python's `ssl` tells the name, but not whether an inner, encrypted hello carries another one. It takes what RFC 8446
(4.1.2) and RFC 6066 (3) allow and nothing more; a test holds it against OpenSSL's.
"""

from typing import Final

from access.egress.refusals import Refused

HANDSHAKE: Final = 22
CLIENT_HELLO: Final = 1
# In the header of a first record: TLS 1.0 to 1.2; 1.3 says one of these.
RECORD_VERSIONS: Final = (0x0301, 0x0302, 0x0303)
RECORD_HEADER: Final = 5
RECORD_BYTES: Final = 1 << 14
# Nobody needs more than two; each is looked at again with every byte that comes.
MOST_RECORDS: Final = 4
# Its kind, and its length in three bytes.
MESSAGE_HEADER: Final = 4
# Keys for algorithms that withstand quantum computers take a few thousand.
HELLO_BYTES: Final = 1 << 14
SERVER_NAME: Final = 0
HOST_NAME: Final = 0
# encrypted_client_hello (RFC 9849), and the draft's before it.
HIDDEN: Final = (0xFE0D, 0xFFCE)


def server_name(data: bytes) -> str | None:
    """The host that the hello at the beginning of `data` names, in lower case; None while it is not whole yet.

    Raises Refused when it is no hello, names no host, or hides it.
    """
    message = _message(data)
    if message is None:
        return None
    extensions = _extensions(_Cursor(message))
    if any(kind in extensions for kind in HIDDEN):
        raise Refused(403, "the TLS hello hides what it asks for (ECH)")
    if SERVER_NAME not in extensions:
        raise Refused(403, "the TLS hello names no host (SNI)")
    names = _Cursor(_Cursor(extensions[SERVER_NAME]).only(2))
    if names.number(1) != HOST_NAME:
        raise _wrong()
    name = names.only(2)
    if not name or not name.isascii():
        raise _wrong()
    return name.decode("ascii").lower()


def _message(data: bytes) -> bytes | None:
    """The body of the hello, put together from its records; None while a part is missing."""
    message, at = b"", 0
    for _ in range(MOST_RECORDS):
        header = data[at : at + RECORD_HEADER]
        if header and header[0] != HANDSHAKE:
            raise Refused(403, "what comes through the tunnel is not TLS")
        if len(header) < RECORD_HEADER:
            return None
        size = int.from_bytes(header[3:])
        if int.from_bytes(header[1:3]) not in RECORD_VERSIONS or not 0 < size <= RECORD_BYTES:
            raise _wrong()
        at += RECORD_HEADER + size
        message += data[at - size : at]
        if message and message[0] != CLIENT_HELLO:
            raise _wrong()
        known = len(message) >= MESSAGE_HEADER
        needed = MESSAGE_HEADER + int.from_bytes(message[1:MESSAGE_HEADER])
        if known and (needed > HELLO_BYTES or len(message) > needed):
            raise _wrong()
        if len(data) < at:
            return None
        if known and len(message) == needed:
            return message[MESSAGE_HEADER:]
    raise _wrong()


def _extensions(hello: "_Cursor") -> dict[int, bytes]:
    hello.take(2)
    hello.take(32)
    session, ciphers, compressions = hello.vector(1), hello.vector(2), hello.vector(1)
    if len(session) > 32 or not ciphers or len(ciphers) % 2 or not compressions:  # noqa: PLR2004 -- RFC 8446, 4.1.2
        raise _wrong()
    rest = _Cursor(hello.only(2))
    found: dict[int, bytes] = {}
    while rest.left:
        kind = rest.number(2)
        if kind in found:
            raise _wrong()
        found[kind] = rest.vector(2)
    return found


class _Cursor:
    """Reads one part after the other. Every method raises Refused where there is not as much as is said."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise _wrong()
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))

    def vector(self, width: int) -> bytes:
        """As many bytes as a number of `width` bytes says."""
        return self.take(self.number(width))

    def only(self, width: int) -> bytes:
        """A vector that is all that is left."""
        found = self.vector(width)
        if self.left:
            raise _wrong()
        return found


def _wrong() -> Refused:
    return Refused(403, "the TLS hello is malformed")
