"""Whether a request may go where it asks to go: decided from what it says alone, before any name is looked up."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from access.egress.refusals import Refused
from factory.spec import EgressRule, host_name, port_number

# They announce a body, and a CONNECT has none: what follows the head would be read in two ways.
BODY_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})
SHOWN_CHARACTERS: Final = 200
# In front of a host, and behind a path: where credentials stand.
SECRET_PARTS: Final = re.compile(r"[^/@]*@|[?#].*")


@dataclass(frozen=True)
class Target:
    """Where a request asks to go: a name in lower case, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def target_of(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Target:
    """What the head of a request asks for (header names in lower case). Raises Refused: it asks for no tunnel."""
    if method != b"CONNECT":
        raise Refused(403, "only TLS passes: ask for a tunnel (CONNECT), as https URLs do")
    asked = _place(target)
    for name, value in headers:
        if name in BODY_HEADERS:
            raise Refused(400, "a request for a tunnel has no body")
        # Some clients leave the port out here.
        if name == b"host" and value.lower() not in (str(asked).encode(), asked.host.encode()):
            raise Refused(400, "the Host header names another place than the request")
    return asked


def shown(method: bytes, target: bytes) -> str:
    """What was asked, for the record: shortened, and without what may be a credential."""
    words = SECRET_PARTS.sub("", target.decode("ascii", "replace"))
    return f"{method.decode('ascii', 'replace')} {words}"[:SHOWN_CHARACTERS]


def require_allowed(rules: Sequence[EgressRule], asked: Target) -> None:
    """Raises Refused when no rule lets it through."""
    if not any(rule.allows(asked.host, asked.port) for rule in rules):
        raise Refused(403, f"{asked} is not on the egress list of this function")


def _place(target: bytes) -> Target:
    """`host:port`, and nothing that two readers could take for two places."""
    host, _, port = target.decode("latin-1").lower().partition(":")
    number = port_number(port)
    if number is None or not host_name(host):
        raise Refused(400, "a tunnel leads to a full host name and a port: no address, no user, no final dot")
    return Target(host, number)
