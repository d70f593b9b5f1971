"""A text of SQL as it may be recorded: with credentials of known shapes taken out, or with every constant. Pure."""

from typing import Any, Final

import postgast
from google.protobuf.message import DecodeError

from access.redaction import redacted_text

TAKEN_OUT: Final = b"?"
_number = postgast.pg_query_pb2.Token.Value
CONSTANTS: Final = frozenset(map(_number, ("SCONST", "USCONST", "BCONST", "XCONST", "ICONST", "FCONST")))
COMMENTS: Final = frozenset(map(_number, ("SQL_COMMENT", "C_COMMENT")))


def plain(text: str) -> str:
    """As it is, but for what looks like a credential."""
    return redacted_text(text)


def without_constants(text: str) -> str:
    """With `?` for each constant and without comments; of what cannot be read, what stands before its first quote."""
    whole = text.encode()
    try:
        tokens: list[Any] = list(postgast.scan(text).tokens)
    except (postgast.PgQueryError, DecodeError):
        return plain(text.partition("'")[0].partition("$")[0]) + " [redacted: what follows cannot be read]"
    parts, at = [], 0
    for token in tokens:
        if token.token in CONSTANTS or token.token in COMMENTS:
            parts += [whole[at : token.start], TAKEN_OUT if token.token in CONSTANTS else b""]
            at = token.end
    return plain(b"".join((*parts, whole[at:])).decode())
