"""Names by which some servers take another method than the request's first line says: by none a scope is left. Pure.

Rails, Rack, Symfony and Laravel take `_method` of a form, Laravel of JSON too, WordPress and others of the query,
Google `$httpMethod`. Headers of this kind pass in no scope (`requests`).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from access.apis.refusals import Reason, Refused
from factory.spec import Scope

Headers = Iterable[tuple[bytes, bytes]]
# With something before it that is no letter; without, `method` is what many an honest API calls something of its own.
MARKED: Final = frozenset({b"method", b"httpmethod", b"httpheaders"})
PLAIN: Final = frozenset({b"methodoverride", b"httpmethodoverride", b"xmethodoverride", b"xhttpmethod"}) | {
    b"xhttpmethodoverride"
}
NO_LETTER: Final = re.compile(rb"[^a-z]+")
# What some read as the end of a name.
ENDS: Final = re.compile(rb"(?<=.)[\[\0]", re.DOTALL)
SEPARATORS: Final = re.compile(rb"[?&;]")
# Of a form the names that may be one of these: with the word in them, or with something that is to be decoded.
SUSPECT: Final = re.compile(rb"(?:^|[&;])([^&;=]*(?:%|method|header)[^&;=]*)", re.IGNORECASE)
DISPOSITION: Final = re.compile(rb"content-disposition\s*:", re.IGNORECASE)
NAMED: Final = re.compile(rb'(?<![a-z])name[*0-9]*\s*=\s*("(?:\\.|[^"\\])*"?|[^;\s]*)', re.IGNORECASE | re.DOTALL)
CHARSET: Final = re.compile(rb"^[\w-]*'[\w-]*'")
END_OF_HEAD: Final = b"\r\n\r\n"
# In JSON that nobody here can read: the name, or one of its letters in disguise.
DISGUISED: Final = re.compile(rb'_method"|\\u00(?:5f|[46][458df]|[57]4)', re.IGNORECASE)
MOST_FIELDS: Final = 100_000
MOST_PARTS: Final = 1_000
PART_HEAD_BYTES: Final = 8_000
MOST_DECODINGS: Final = 4


def require_plain_target(scope: Scope, target: str) -> None:
    """Raises Refused where a parameter of the target names another method, and the scope does not hold every one."""
    if scope is Scope.ADMIN:
        return
    # Of a path, too, some servers read what follows a semicolon as parameters.
    for part in SEPARATORS.split(target.encode("ascii", "replace"))[1:]:
        _require(part.partition(b"=")[0], "a parameter")


def require_plain_body(scope: Scope, headers: Headers, body: bytes) -> None:
    """The same of a body that is a form, or JSON; it is looked through whole. `headers` are those that are passed on.

    Raises Refused.
    """
    if scope is Scope.ADMIN or not body:
        return
    known = list(headers)
    kind = b",".join(value for name, value in known if name == b"content-type").lower()
    if not (readers := list(_readers(kind))):
        return
    if any(name == b"content-encoding" and value.strip().lower() != b"identity" for name, value in known):
        raise Refused(400, Reason.HEADER, "the body is compressed: nobody could see whether it names another method")
    for read in readers:
        for name in read(body):
            _require(name, "a field of the body")


def names_a_method(name: bytes) -> bool:
    """Whether some server takes the value of a parameter of this name for the request's method."""
    for _ in range(MOST_DECODINGS):
        name, read = unquote_to_bytes(name), name
        if name == read:
            break
    name = ENDS.split(name.replace(b"+", b" ").lower().lstrip(b"\0"), maxsplit=1)[0]
    letters = NO_LETTER.sub(b"", name)
    return letters in PLAIN or (letters in MARKED and not name[:1].isalnum())


def _readers(kind: bytes) -> Iterator[Callable[[bytes], Iterator[bytes]]]:
    # Where none is said, some servers take it for a form.
    if not kind.strip() or b"urlencoded" in kind:
        yield _fields
    if b"multipart" in kind:
        yield _parts
    if b"json" in kind:
        yield _keys


def _fields(body: bytes) -> Iterator[bytes]:
    for count, found in enumerate(SUSPECT.finditer(body)):
        if count >= MOST_FIELDS:
            raise _too_much()
        yield found[1]


def _parts(body: bytes) -> Iterator[bytes]:
    """Of whatever looks like the head of a part, wherever it stands: readers do not agree on where parts begin."""
    for count, found in enumerate(DISPOSITION.finditer(body)):
        end = body.find(END_OF_HEAD, found.end(), found.end() + PART_HEAD_BYTES)
        if end < 0 or count >= MOST_PARTS:
            raise _too_much()
        values = [each.strip(b'"') for each in NAMED.findall(body, found.end(), end)]
        plain = [CHARSET.sub(b"", value.replace(b"\\", b"")) for value in values]
        yield from plain
        # One name may come in pieces.
        yield b"".join(plain)


def _keys(body: bytes) -> Iterator[bytes]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        if DISGUISED.search(body):
            yield b"_method"
        return
    if isinstance(said, dict):
        yield from (key.encode(errors="replace") for key in said)


def _require(name: bytes, what: str) -> None:
    if names_a_method(name):
        said = name[:40].decode("ascii", "replace")
        raise Refused(403, Reason.METHOD, f"{what}, {said!r}, would make another request of this one")


def _too_much() -> Refused:
    return Refused(413, Reason.LIMIT, "the body has more fields than can be looked through for another method")
