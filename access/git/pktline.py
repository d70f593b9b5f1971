"""Git's packets, and what a push asks for in them: read before git sees any of it.

https://git-scm.com/docs/protocol-common, https://git-scm.com/docs/gitprotocol-pack: a push is commands, a flush packet,
and the pack. A reader of our own, for the few packets before a pack, stricter than git's: what it does not know it
refuses, so nothing passes that git would understand otherwise.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from access.git.refusals import malformed

FLUSH: Final = b"0000"
LENGTH: Final = re.compile(rb"[0-9a-fA-F]{4}")
HEADER: Final = 4
# A packet's length counts its own four digits; 1 to 3 are markers of protocol 2, which no push speaks.
LEAST: Final = 4
MOST_PAYLOAD: Final = 65_516
COMMAND: Final = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([!-~]+)")
NOTHING: Final = "0" * 40
WANT: Final = re.compile(rb"want ([0-9a-fA-F]{40})")
# What a client may say of itself, and of how it wants to be answered.
PLAIN: Final = frozenset({"report-status", "report-status-v2", "side-band-64k", "quiet", "ofs-delta", "atomic"})
NAMED: Final = ("agent=", "session-id=", "object-format=sha1")
BAND_DATA: Final = b"\x01"


@dataclass(frozen=True)
class Command:
    """Move `ref` from `old` to `new`; NOTHING stands for "not there"."""

    old: str
    new: str
    ref: str

    def line(self) -> str:
        """As hooks are told it (githooks(5))."""
        return f"{self.old} {self.new} {self.ref}"


@dataclass(frozen=True)
class Push:
    """What a push asks for. `pack_at` is where its pack begins."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]
    pack_at: int


def read_push(head: bytes) -> Push:
    """The commands at the beginning of a push's body. Raises Refused."""
    commands: list[Command] = []
    capabilities: frozenset[str] = frozenset()
    for payload, end in packets(head):
        if payload is None:
            return Push(tuple(commands), capabilities, end)
        line, nul, said = payload.partition(b"\0")
        if nul:
            if commands:
                raise malformed("capabilities come with the first command only")
            capabilities = _capabilities(said)
        found = COMMAND.fullmatch(line.removesuffix(b"\n"))
        if found is None:
            raise malformed("something among the commands of the push is none (no shallow, no signed pushes)")
        commands.append(Command(*(part.decode() for part in found.groups())))
    raise malformed("the commands of the push do not end")


def packets(data: bytes) -> Iterator[tuple[bytes | None, int]]:
    """The payloads from the beginning of `data` (None for a flush), each with where it ends. Raises Refused."""
    place = 0
    while place < len(data):
        length = data[place : place + HEADER]
        if not LENGTH.fullmatch(length):
            raise malformed("a packet has no length")
        if length == FLUSH:
            place += HEADER
            yield None, place
            continue
        end = place + int(length, 16)
        if int(length, 16) <= LEAST or end > len(data):
            raise malformed("a packet has the wrong length")
        yield data[place + HEADER : end], end
        place = end


def packet(payload: bytes) -> bytes:
    """One packet that holds this."""
    return b"%04x%s" % (len(payload) + HEADER, payload)


def refusal(push: Push, detail: str) -> bytes:
    """The answer to a push of which nothing is taken: a status per ref, as git prints it."""
    reason = " ".join(detail.split()).encode("ascii", "replace")[:500]
    status = b"".join(
        [
            packet(b"unpack ok\n"),
            *(packet(b"ng %s %s\n" % (each.ref.encode(), reason)) for each in push.commands),
            FLUSH,
        ]
    )
    if "side-band-64k" not in push.capabilities:
        return status
    parts = [status[at : at + MOST_PAYLOAD - 1] for at in range(0, len(status), MOST_PAYLOAD - 1)]
    return b"".join(packet(BAND_DATA + part) for part in parts) + FLUSH


def status_of(answer: bytes, ref: str) -> str:
    """What git answered about a ref: "" when it moved it, otherwise why not."""
    said = b"".join(_data(answer))
    for payload in _payloads(said):
        words = payload.decode(errors="replace").strip().split(" ", 2)
        if words[:2] == ["ok", ref]:
            return ""
        if words[:2] == ["ng", ref]:
            return words[2] if len(words) > 2 else "refused"  # noqa: PLR2004 -- ng, ref, reason
    return "git did not say what came of it"


def words_of(answer: bytes, most: int) -> str:
    """What hooks and git said to the person (the second band), in short."""
    said = b"".join(payload[1:] for payload in _payloads(answer) if payload[:1] == b"\x02")
    return " ".join(said.decode(errors="replace").split())[:most]


def wants_of(body: bytes, most: int) -> dict[str, Any]:
    """The objects that a fetch asks for, as git reads them, also in capitals: the first `wants`, at most so many; how
    many are `wanted`, each once; and the SHA-256 of all of them in their order, a line each."""
    found = [WANT.match(line) for line in _payloads(body)]
    all_of_them = list(dict.fromkeys(each[1].decode().lower() for each in found if each))
    digest = hashlib.sha256("".join(f"{each}\n" for each in all_of_them).encode()).hexdigest()
    return {"wants": all_of_them[:most], "wanted": len(all_of_them), "sha256": digest}


def _data(answer: bytes) -> Iterator[bytes]:
    """The first band, or everything where there are no bands."""
    whole = list(_payloads(answer))
    if whole and whole[0][:1] in (b"\x01", b"\x02", b"\x03"):
        yield from (payload[1:] for payload in whole if payload[:1] == BAND_DATA)
    else:
        yield answer


def _payloads(data: bytes) -> Iterator[bytes]:
    place = 0
    while place + HEADER <= len(data) and LENGTH.fullmatch(data[place : place + HEADER]):
        length = int(data[place : place + HEADER], 16)
        if length > LEAST:
            yield data[place + HEADER : place + length]
        place += max(length, HEADER)


def _capabilities(said: bytes) -> frozenset[str]:
    words = frozenset(said.decode("ascii", "replace").split())
    unknown = sorted(word for word in words if word not in PLAIN and not word.startswith(NAMED))
    if unknown:
        raise malformed(f"the push asks for what is not taken here: {', '.join(unknown)[:200]}")
    return words
