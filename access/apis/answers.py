"""What of an API's answer is passed on: neither the credential nor a session, and redirects as they are. Pure."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urljoin

from access.apis.refusals import Reason, Refused
from access.apis.requests import HOP_BY_HOP, Base
from factory.redactor import Redactor

# Cookies are sessions that outlive the grant; `alt-svc` leads past this relay; the length is that of what is passed on.
KEPT_BACK: Final = HOP_BY_HOP | {b"set-cookie", b"set-cookie2", b"alt-svc", b"content-length", b"content-encoding"}
PLAIN: Final = frozenset({b"", b"identity"})


def passed_on(
    headers: Iterable[tuple[bytes, bytes]], base: Base, target: str, redactor: Redactor
) -> list[tuple[bytes, bytes]]:
    """The headers (names in lower case) that the client is given. `target` is what was asked for.

    Raises Refused for an answer that cannot be looked through.
    """
    passed: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name == b"content-encoding" and value.strip().lower() not in PLAIN:
            raise Refused(502, Reason.UPSTREAM, "the API compresses its answer: nobody could see what is in it")
        if name == b"location":
            value = _location(value, base, target)  # noqa: PLW2901 -- the same header, said for here
        if name not in KEPT_BACK:
            passed.append((name, redactor.text(value.decode("latin-1")).encode("latin-1", "replace")))
    return passed


def _location(value: bytes, base: Base, target: str) -> bytes:
    """Where a redirect leads: below the base URL as a path of this relay, and elsewhere as what it is.

    Nothing follows it: whoever does comes back here, or finds no way.
    """
    whole = urljoin(f"{base.origin}{target}", value.decode("latin-1"))
    below = f"{base.origin}{base.path}"
    if whole == below or whole.startswith((f"{below}/", f"{below}?")):
        rest = whole.removeprefix(below)
        return (rest if rest.startswith("/") else f"/{rest}").encode("latin-1")
    return whole.encode("latin-1")
