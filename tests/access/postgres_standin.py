"""A database that is none: it reads what a relay passes on, by a reader of its own, and answers as PostgreSQL would.

It fails on whatever PostgreSQL would not have been sent: a broken message, or one that may not come at this moment.
"""

import struct
from dataclasses import dataclass, field

KINDS = b"QPBDECSHFXdcf"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def error(text: str, sqlstate: str = "42601") -> bytes:
    return message(b"E", b"SERROR\0C" + sqlstate.encode() + b"\0M" + text.encode() + b"\0\0")


def messages(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """What is whole of `data`, and the rest."""
    found = []
    while len(data) >= 5:
        end = 1 + struct.unpack_from("!I", data, 1)[0]
        if end > len(data):
            break
        found.append((data[:1], data[5:end]))
        data = data[end:]
    return found, data


@dataclass
class Standin:
    """`texts`: of each Query and Parse, in order; `kinds`: of everything that came."""

    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    copied: bytes = b""
    _left: bytes = b""
    _copying: str = ""
    _skipping: bool = False

    def feed(self, data: bytes) -> bytes:
        """What it answers."""
        found, self._left = messages(self._left + data)
        return b"".join(self._one(kind, body) for kind, body in found)

    def _one(self, kind: bytes, body: bytes) -> bytes:
        assert kind in KINDS, kind
        self.kinds.append(kind.decode())
        if kind == b"Q":
            self.texts.append(_text(body))
        if kind == b"P":
            self.texts.append(_text(body[body.index(b"\0") + 1 :].split(b"\0")[0] + b"\0"))
        if self._copying:
            return self._copy(kind, body)
        if kind == b"S":
            self._skipping = False
            return message(b"Z", b"I")
        if self._skipping or kind in (b"d", b"c", b"f", b"H", b"X"):
            return b""
        if kind in (b"Q", b"F"):
            return self._query(self.texts[-1] if kind == b"Q" else "")
        return self._extended(kind, body)

    def _query(self, text: str) -> bytes:
        if text.startswith("COPY notes FROM"):
            self._copying = "Q"
            return message(b"G", b"\0\0\0")
        if text.startswith("COPY notes TO"):
            rows = b"".join(message(b"d", row) for row in (b"one\n", b"two\n"))
            return message(b"H", b"\0\0\0") + rows + message(b"c") + message(b"C", b"COPY 2\0") + message(b"Z", b"I")
        if text == "COPY nowhere FROM STDIN":
            return error("no such table", "42P01") + message(b"Z", b"I")
        return (_failed(text) or message(b"C", b"SELECT 1\0")) + message(b"Z", b"I")

    def _extended(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"P" and (failed := _failed(self.texts[-1])):
            self._skipping = True
            return failed
        if kind == b"D":
            return (message(b"t", b"\0\1\0\0\0\x17") if body[:1] == b"S" else b"") + message(b"n")
        if kind == b"E" and body.startswith(b"copying"):
            self._copying = "E"
            return message(b"G", b"\0\0\0")
        row = message(b"D", b"\0\1\0\0\0\1x")
        return {
            b"P": message(b"1"),
            b"B": message(b"2"),
            b"E": row * 3 + message(b"C", b"SELECT 3\0"),
            b"C": message(b"3"),
        }[kind]

    def _copy(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"d":
            self.copied += body
        if kind in (b"d", b"S", b"H", b"X"):
            return b""
        simple, self._copying = self._copying == "Q", ""
        self._skipping = kind != b"c" and not simple
        answer = message(b"C", b"COPY 1\0") if kind == b"c" else error("given up, or no rows", "57014")
        return answer + (message(b"Z", b"I") if simple else b"")


def _text(body: bytes) -> str:
    assert body.endswith(b"\0")
    assert body.count(b"\0") == 1
    return body[:-1].decode()


def _failed(text: str) -> bytes:
    if text.startswith("millwright_refused_"):
        return error(f'syntax error at or near "{text}"')
    return error("relation does not exist", "42P01") if "nowhere" in text else b""
