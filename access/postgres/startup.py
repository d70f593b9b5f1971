"""What a client says before it is anybody: the start-up packet, and what of it is taken. Pure."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from access.postgres import wire
from access.postgres.refusals import Reason, Refused, malformed

SSL: Final = 80877103
GSSENC: Final = 80877104
CANCEL: Final = 80877102
MAJOR: Final = 3
# PostgreSQL's own bound of such a packet.
MOST_BYTES: Final = 10_000
# 3.2 has longer keys for cancelling, and that is all; there never was a 3.1.
NEWEST_MINOR: Final = 2
LONG_KEY: Final = 32
SHORT_KEY: Final = 4
# Settings that say how values look, and how long things may take. Compared in lower case, as PostgreSQL does.
SETTINGS: Final = frozenset(
    {
        "datestyle",
        "default_transaction_deferrable",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "extra_float_digits",
        "geqo",
        "idle_in_transaction_session_timeout",
        "intervalstyle",
        "jit",
        "lock_timeout",
        "search_path",
        "statement_timeout",
        "timezone",
        "transaction_timeout",
    }
)
UTF8: Final = frozenset({"utf8", "unicode"})
CHECK_MILLISECONDS: Final = 1000


@dataclass(frozen=True)
class Startup:
    """Who wants in. `settings`: those that are passed on; `negotiated`: what the client is told first, if anything.

    `refused`: it asks for what nobody gets. It is raised by whoever knows by then whose login that is.
    """

    login: str
    database: str
    application: str
    settings: Mapping[str, str]
    key_bytes: int
    negotiated: bytes
    refused: Refused | None


def code(packet: bytes) -> int:
    """Its version, or which request it is. `packet` is without its length."""
    if len(packet) < wire.INT32.size:
        raise malformed("a start-up packet that says nothing")
    return int(wire.INT32.unpack_from(packet)[0])


def read(packet: bytes) -> Startup:
    """A start-up packet, without its length. Raises Refused."""
    major, minor = divmod(code(packet), 1 << 16)
    if major != MAJOR:
        raise Refused(Reason.VERSION, "0A000", f"protocol {major}.{minor} is not spoken here, 3.0 to 3.2 are")
    asked = _parameters(packet[wire.INT32.size :])
    extensions = sorted(name for name in asked if name.startswith("_pq_."))
    spoken = min(minor, NEWEST_MINOR)
    differs = extensions or spoken != minor
    settings = {name: value for name, value in asked.items() if not name.startswith("_pq_.")}
    login = settings.pop("user", "")
    if not login:
        raise Refused(Reason.CREDENTIALS, "28000", "no user name is told")
    database, application = settings.pop("database", ""), settings.pop("application_name", "")
    return Startup(
        login=login,
        database=database,
        application=application,
        settings={name: value for name, value in settings.items() if name.lower() in SETTINGS},
        key_bytes=LONG_KEY if spoken >= NEWEST_MINOR else SHORT_KEY,
        negotiated=wire.negotiate((MAJOR << 16) | spoken, extensions) if differs else b"",
        refused=_refused(settings),
    )


def upstream(started: Startup, user: str, database: str, grant: str) -> bytes:
    """The relay's own start-up packet for a client's: SQL text means there what it means here.

    The server looks every second whether the relay is still there: what runs ends with it, also when it was killed.
    """
    return wire.startup(
        {
            **started.settings,
            "user": user,
            "database": database,
            "application_name": f"millwright:{grant}",
            "client_encoding": "UTF8",
            "standard_conforming_strings": "on",
            "client_connection_check_interval": str(CHECK_MILLISECONDS),
        }
    )


def read_cancel(packet: bytes) -> tuple[int, bytes]:
    """Of a CancelRequest, without its length: process id and key."""
    head = struct.Struct("!II")
    if not SHORT_KEY <= len(packet) - head.size <= 256:  # noqa: PLR2004 -- the longest key that protocol 3.2 allows
        raise malformed("a request to cancel that holds no key")
    return int(head.unpack_from(packet)[1]), packet[head.size :]


def cancel(process: int, key: bytes) -> bytes:
    """A CancelRequest."""
    return struct.pack("!III", 12 + len(key), CANCEL, process) + key


def _parameters(body: bytes) -> dict[str, str]:
    reader = wire.Reader(body)
    found: dict[str, str] = {}
    while name := reader.text():
        if name in found:
            raise malformed("a start-up parameter that is told twice")
        found[name] = reader.text()
    reader.done()
    return found


def _refused(settings: Mapping[str, str]) -> Refused | None:
    for name, value in settings.items():
        match name.lower():
            case "replication":
                return Refused(Reason.REPLICATION, "42501", "a grant gives no replication connection")
            case "client_encoding":
                if value.lower().replace("-", "").replace("_", "").strip("'\"") not in UTF8 | {"auto"}:
                    return Refused(Reason.ENCODING, "22023", "the client's encoding has to be UTF8")
            case "standard_conforming_strings":
                if value.lower() != "on":
                    return Refused(Reason.ENCODING, "22023", "standard_conforming_strings has to be on")
            case other if other not in SETTINGS:
                return Refused(Reason.OPTIONS, "42501", f'the start-up parameter "{name}" is not taken')
    return None
