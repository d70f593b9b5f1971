"""What a request asks for, and whether it may pass: decided from its head alone. Pure.

What passes is written anew from what was understood here, so that nobody behind this relay reads it in another way.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from access.apis.refusals import Reason, Refused
from access.redaction import redacted
from factory.spec import Scope

Headers = Iterable[tuple[bytes, bytes]]
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
WRITES: Final = READS | {"POST", "PUT", "PATCH"}
# A tunnel leads elsewhere; the others answer with the request, and so with the credential.
NEVER: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,30}")
# RFC 9110, 7.6.1; `proxy-connection` is what old clients say.
HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
# Said anew by the relay. In parts, or compressed, an answer could not be looked through for the credential.
OWN: Final = frozenset({b"host", b"content-length", b"expect", b"accept-encoding", b"range", b"if-range"})
# Each is, or may be, a credential; a session that outlives the grant is one as well.
CREDENTIALS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie", b"cookie2"})
# By these some servers do something else than the request's first line says.
OVERRIDES: Final = frozenset(
    {
        b"x-original-url",
        b"x-original-uri",
        b"x-rewrite-url",
        b"x-forwarded-host",
        b"x-forwarded-prefix",
        b"forwarded",
    }
)
LOOPBACK: Final = re.compile(rb"(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|api)(:\d{1,5})?", re.IGNORECASE)
SECRET_NAMES: Final = re.compile(
    r"(pass|secret|token|key|auth|sig$|signature|credential|session|cookie|jwt|code$)", re.IGNORECASE
)
SHOWN_CHARACTERS: Final = 2_000
MOST_DECODINGS: Final = 4


@dataclass(frozen=True)
class Base:
    """An API's base URL. `path` has no slash at its end."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As a Host header says it."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"  # noqa: PLR2004 -- https

    @property
    def origin(self) -> str:
        """The URL's beginning."""
        return f"https://{self.authority}"


@dataclass(frozen=True)
class Call:
    """What is sent, but for the credential. `target`: path and query; header names in lower case."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]


def base_of(url: str) -> Base:
    """Raises ValueError for what is no https URL of a host and a path."""
    found: SplitResult = urlsplit(url)
    if found.scheme != "https" or not found.hostname or found.query or found.username is not None:
        raise ValueError("not the base URL of an API")
    return Base(found.hostname, found.port or 443, found.path.rstrip("/"))


def require_method(scope: Scope, method: bytes) -> str:
    """The method. Raises Refused where the scope does not hold it."""
    word = method.decode("ascii", "replace")
    if word in NEVER or not METHOD.fullmatch(word):
        raise Refused(405, Reason.METHOD, f"{shown(word)} passes in no scope")
    allowed = {Scope.READ: word in READS, Scope.WRITE: word in WRITES, Scope.ADMIN: True}
    if not allowed[scope]:
        raise Refused(403, Reason.METHOD, f"the scope {scope} does not hold {word}")
    return word


def require_target(base: Base, target: bytes) -> str:
    """Path and query at the API. Raises Refused for what is not below its base URL, by whoever's reading."""
    text = target.decode("ascii", "replace")
    if not text.startswith("/") or text.startswith("//"):
        raise Refused(400, Reason.PLACE, "a request names a path here, and no host")
    path, mark, query = text.partition("?")
    if not text.isprintable() or not text.isascii() or set(text) & set("#\\ "):
        raise Refused(400, Reason.PLACE, "the request's target has characters that belong in none")
    read = _as_anybody_reads(path)
    # Of a path segment some servers leave out what follows a semicolon.
    segments = [segment.partition(";")[0].strip() for segment in read.split("/")]
    if {".", ".."} & set(segments) or "" in segments[1:-1]:
        raise Refused(400, Reason.PLACE, "the path leads somewhere else than it says")
    return f"{base.path}{path}{mark}{query}"


def require_headers(headers: Headers, credential: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Those that are passed on (names in lower case). Raises Refused. The grant's token is not among them any more."""
    known = list(headers)
    named = {word.strip().lower() for name, value in known if name == b"connection" for word in value.split(b",")}
    if len([1 for name, _ in known if name == b"host"]) != 1:
        raise Refused(400, Reason.PROTOCOL, "a request has one Host header")
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in known}:
        raise Refused(400, Reason.PROTOCOL, "the length of the body is said in two ways")
    passed: list[tuple[bytes, bytes]] = []
    for name, value in known:
        # Where headers become variables, `x_api_key` is `x-api-key`.
        means = name.replace(b"_", b"-")
        if means == credential or means in CREDENTIALS:
            raise Refused(400, Reason.HEADER, f"{name.decode()}: the credential is put in here, and no other passes")
        if means in OVERRIDES or (b"method" in means and not means.startswith(b"access-control-")):
            raise Refused(400, Reason.HEADER, f"{name.decode()} would make another request of this one")
        if name == b"host" and not LOOPBACK.fullmatch(value):
            raise Refused(400, Reason.PLACE, "the Host header names another place than this relay")
        if not {name, means} & (HOP_BY_HOP | OWN | named):
            passed.append((name, value))
    return tuple(passed)


def sent(call: Call, base: Base, credential: tuple[bytes, bytes], body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of what is sent to the API."""
    length = [(b"content-length", str(len(body)).encode())] if body or call.method not in READS else []
    own = [(b"host", base.authority.encode()), (b"accept-encoding", b"identity"), (b"connection", b"close"), *length]
    return [*own, *call.headers, credential]


def shown(text: str) -> str:
    """What was asked, for the record: shortened, and without what may be a credential."""
    path, mark, query = text.partition("?")
    parts = [_pair(part) for part in query.split("&")] if mark else []
    return str(redacted(f"{path}{mark}{'&'.join(parts)}"))[:SHOWN_CHARACTERS]


def _pair(part: str) -> str:
    name, equals, value = part.partition("=")
    return f"{name}=[redacted]" if equals and value and SECRET_NAMES.search(unquote(name)) else part


def _as_anybody_reads(path: str) -> str:
    """The path as whoever decodes it most often reads it. Raises Refused for what is no text, or none to print."""
    for _ in range(MOST_DECODINGS):
        try:
            read = unquote(path, errors="strict")
        except UnicodeDecodeError:
            raise Refused(400, Reason.PLACE, "the path is no text") from None
        if read == path:
            break
        path = read
    else:
        raise Refused(400, Reason.PLACE, "the path is encoded too often")
    if not path.isprintable():
        raise Refused(400, Reason.PLACE, "the path has characters that belong in none")
    return path.replace("\\", "/")
