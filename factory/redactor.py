"""Takes known secrets out of what programs write: as they are, and as programs commonly encode them. Pure.

It keeps what slips out by mistake away from whoever reads an output. A program that wants to tell a secret tells it in
a form that nobody looks for: backwards, letter by letter, encrypted.
"""

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

# What is shorter stands in texts by chance, when it is only a form of a secret, or one line of it.
SHORTEST_FORM: Final = 6
# The bits of a byte, and of a character of base64.
BYTE_BITS, BASE64_BITS = 8, 6


class Redactor:
    """Of these secrets (name -> value); where one stood, its name is told."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._marks: dict[bytes, bytes] = {}
        for name, value in secrets.items():
            mark = f"[redacted: {name}]".encode()
            for form in forms(value):
                self._marks.setdefault(form, mark)
        # The longest first: of two that begin alike the shorter would leave the other's end.
        self._forms = sorted(self._marks, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None

    def text(self, text: str, *, cut: bool = False) -> str:
        """The same without them. `cut`: more followed, which is lost; it may have been the rest of one."""
        if self._pattern is None:
            return text
        stream = self.stream()
        # Lone surrogates are what an undecodable output is read as.
        data = text.encode("utf-8", "surrogatepass")
        return (stream.feed(data) + stream.end(cut=cut)).decode("utf-8", "surrogatepass")

    def stream(self) -> "Stream":
        """For an output that comes in parts."""
        return Stream(self._pattern, self._forms, self._marks)


class Stream:
    """One output, part by part: what may be the beginning of a secret is kept until what follows has come."""

    def __init__(self, pattern: re.Pattern[bytes] | None, forms: list[bytes], marks: Mapping[bytes, bytes]) -> None:
        self._pattern, self._forms, self._marks = pattern, forms, marks
        self._kept = b""

    def feed(self, part: bytes) -> bytes:
        """What can be passed on by now."""
        if self._pattern is None:
            return part
        data, at = self._kept + part, 0
        passed: list[bytes] = []
        while True:
            found = self._pattern.search(data, at)
            undecided = self._undecided(data, at)
            if found is None or found.start() >= undecided:
                self._kept = data[undecided:]
                return b"".join((*passed, data[at:undecided]))
            passed += [data[at : found.start()], self._marks[found[0]]]
            at = found.end()

    def end(self, *, cut: bool = False) -> bytes:
        """The rest. `cut`: more followed, which is lost."""
        kept, self._kept = self._kept, b""
        if self._pattern is None or not kept:
            return kept
        if cut:
            return self._marks[next(form for form in self._forms if form.startswith(kept))]
        return self._pattern.sub(lambda found: self._marks[found[0]], kept)

    def _undecided(self, data: bytes, start: int) -> int:
        """Where the first one begins of which `data` from `start` may hold only the beginning; otherwise the end."""
        first = len(data)
        for form in self._forms:
            at = data.find(form[:1], max(start, len(data) - len(form) + 1), first)
            while at >= 0:
                if form.startswith(data[at:]):
                    first = at
                    break
                at = data.find(form[:1], at + 1, first)
        return first


def forms(value: str) -> Iterator[bytes]:
    """How a secret may stand in an output: as it is, its longer lines, and each of these as programs encode it."""
    wholes = dict.fromkeys((value, value.strip()))
    lines = [line.strip() for line in value.splitlines()] if len(value.splitlines()) > 1 else []
    for whole in wholes:
        if whole:
            yield whole.encode("utf-8", "surrogatepass")
    for text in dict.fromkeys((*wholes, *lines)):
        raw = text.encode("utf-8", "surrogatepass")
        yield from (form for form in (raw, *_encoded(text, raw)) if len(form) >= SHORTEST_FORM)


def _encoded(text: str, raw: bytes) -> Iterator[bytes]:
    for encode in TEXTS:
        yield encode(text).encode("utf-8", "surrogatepass")
    for percent in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield percent.encode()
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), percent).encode()
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    for core in _in_base64(raw):
        yield from (core, quote(core, safe="").encode())


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """How it stands in what is encoded, at each of three places in a group: at its end, and before something else."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        begin = -(-before * BYTE_BITS // BASE64_BITS)
        # The last character may hold bits of what follows as well.
        core = whole[begin : (before + len(raw)) * BYTE_BITS // BASE64_BITS]
        for form in (whole[begin:], whole[begin:].rstrip(b"="), core):
            yield from (form, form.translate(bytes.maketrans(b"+/", b"-_")))


TEXTS: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: shlex.quote(text).strip("'"),
    html.escape,
)
