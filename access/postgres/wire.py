"""PostgreSQL's protocol, version 3: messages as bytes and back. Pure; what does not fit raises Refused.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from access.postgres.refusals import Refused, malformed

HEAD: Final = struct.Struct("!cI")
INT16: Final = struct.Struct("!H")
INT32: Final = struct.Struct("!I")
SIGNED: Final = struct.Struct("!i")
TARGETS: Final = {b"S": "S", b"P": "P"}
ENDLESS: Final = "a text without its end"
SHORT: Final = "a message shorter than what it says it holds"
LONG: Final = "a message longer than what it holds"
SASL, SASL_CONTINUE, SASL_FINAL = 10, 11, 12


class Parse(NamedTuple):
    """A statement to prepare; `types` are the oids of its parameters, 0 where the client leaves it open."""

    name: str
    text: str
    types: tuple[int, ...]


class Bind(NamedTuple):
    """A portal of a prepared statement; `binary` per value."""

    portal: str
    statement: str
    values: tuple[bytes | None, ...]
    binary: tuple[bool, ...]


class Reader:
    """Reads the fields of one message's body, to its very end."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def text(self) -> str:
        """Up to the next NUL, as UTF-8."""
        at, end = self._at, self._body.find(b"\0", self._at)
        if end < 0:
            raise malformed(ENDLESS)
        self._at = end + 1
        return decoded(self._body[at:end])

    def int16(self) -> int:
        """Without a sign."""
        return self._number(INT16)

    def int32(self) -> int:
        """With its sign."""
        return self._number(SIGNED)

    def _number(self, form: struct.Struct) -> int:
        at = self._at
        self._at = at + form.size
        try:
            return form.unpack_from(self._body, at)[0]  # type: ignore[no-any-return]
        except struct.error:
            raise malformed(SHORT) from None

    def take(self, count: int) -> bytes:
        """So many bytes."""
        end = self._at + count
        if count < 0 or end > len(self._body):
            raise malformed(SHORT)
        found = self._body[self._at : end]
        self._at = end
        return found

    def done(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._body):
            raise malformed(LONG)


def decoded(text: bytes) -> str:
    """As UTF-8, which is what every session here speaks."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise malformed("a text that is not UTF-8") from None


def one_text(body: bytes) -> str:
    """The body of a message that is one text."""
    if (end := body.find(b"\0")) != len(body) - 1 or end < 0:
        raise malformed(ENDLESS if end < 0 else LONG)
    return decoded(body[:end])


def read_parse(body: bytes) -> Parse:
    """A Parse message."""
    reader = Reader(body)
    name, text = reader.text(), reader.text()
    count = reader.int16()
    types = struct.unpack(f"!{count}I", reader.take(4 * count))
    reader.done()
    return Parse(name, text, types)


def read_bind(body: bytes) -> Bind:
    """A Bind message."""
    # One comes with each prepared statement, so this is written out: a Reader takes twice the time.
    first = body.find(b"\0")
    second = body.find(b"\0", first + 1)
    if second < 0:
        raise malformed(ENDLESS)
    values: list[bytes | None] = []
    try:
        formats, at = _formats(body, second + 1)
        count = INT16.unpack_from(body, at)[0]
        at += INT16.size
        for _ in range(count):
            length = SIGNED.unpack_from(body, at)[0]
            at += SIGNED.size
            if length == -1:
                values.append(None)
                continue
            if length < 0 or at + length > len(body):
                raise malformed(SHORT)
            values.append(body[at : at + length])
            at += length
        _, at = _formats(body, at)
    except struct.error:
        raise malformed(SHORT) from None
    if at != len(body):
        raise malformed(LONG)
    if len(formats) not in (0, 1, count):
        raise malformed("as many formats as there are values, one, or none")
    binary = formats * count if len(formats) == 1 else formats or (False,) * count
    return Bind(decoded(body[:first]), decoded(body[first + 1 : second]), tuple(values), binary)


def _formats(body: bytes, at: int) -> tuple[tuple[bool, ...], int]:
    """Those that begin there, and where they end. Raises Refused, and struct.error where the body is shorter."""
    count = INT16.unpack_from(body, at)[0]
    at += INT16.size
    if not count:
        return (), at
    found = struct.unpack_from(f"!{count}H", body, at)
    if max(found) > 1:
        raise malformed("a format that is neither text nor binary")
    return tuple(map(bool, found)), at + INT16.size * count


def read_target(body: bytes) -> tuple[str, str]:
    """Of Describe and Close: "S" for a statement or "P" for a portal, and its name."""
    kind = TARGETS.get(body[:1])
    if kind is None:
        raise malformed("neither a statement nor a portal")
    return kind, one_text(body[1:])


def read_execute(body: bytes) -> tuple[str, int]:
    """Of Execute: the portal, and how many rows at most (0: all)."""
    end = body.find(b"\0")
    if end < 0:
        raise malformed(ENDLESS)
    if (left := len(body) - end - 1) != SIGNED.size:
        raise malformed(SHORT if left < SIGNED.size else LONG)
    return decoded(body[:end]), SIGNED.unpack_from(body, end + 1)[0]


def read_fields(body: bytes) -> dict[str, str]:
    """Of an ErrorResponse: its fields by their letter. Raises Refused."""
    fields: dict[str, str] = {}
    for field in body.rstrip(b"\0").split(b"\0"):
        fields[field[:1].decode("latin-1")] = field[1:].decode(errors="replace")
    return fields


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One message of either side."""
    return HEAD.pack(kind, len(body) + 4) + body


def text(value: str) -> bytes:
    """A text field."""
    return value.replace("\0", " ").encode() + b"\0"


def error(severity: str, sqlstate: str, detail: str) -> bytes:
    """An ErrorResponse."""
    fields = b"".join(
        kind + text(value) for kind, value in ((b"S", severity), (b"V", severity), (b"C", sqlstate), (b"M", detail))
    )
    return message(b"E", fields + b"\0")


def fatal(refused: Refused) -> bytes:
    """What a client is told before its connection ends."""
    return error("FATAL", refused.sqlstate, refused.detail)


def authentication(kind: int, data: bytes = b"") -> bytes:
    """An Authentication message; 0 is AuthenticationOk."""
    return message(b"R", INT32.pack(kind) + data)


def startup(parameters: Mapping[str, str]) -> bytes:
    """A StartupMessage of protocol 3.0."""
    body = INT32.pack(3 << 16) + b"".join(text(name) + text(value) for name, value in parameters.items()) + b"\0"
    return INT32.pack(len(body) + 4) + body


def negotiate(version: int, unknown: Sequence[str]) -> bytes:
    """A NegotiateProtocolVersion: the newest version there is here, and the options that are not."""
    return message(b"v", INT32.pack(version) + INT32.pack(len(unknown)) + b"".join(text(name) for name in unknown))
