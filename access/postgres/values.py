"""The values of a Bind as they are recorded: readable where the type is known, short, without credentials. Pure."""

import hashlib
import math
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from access.postgres.texts import plain
from access.postgres.wire import Bind

HIDDEN: Final = "[redacted]"


def _text(value: bytes) -> str:
    return plain(value.decode())


def _number(form: str) -> Callable[[bytes], Any]:
    whole = struct.Struct(form)

    def read(value: bytes) -> Any:
        found = whole.unpack(value)[0]
        # JSON has no infinity.
        return found if math.isfinite(found) else str(found)

    return read


# Oids of pg_type.dat, which never change.
BINARY: Final[Mapping[int, Callable[[bytes], Any]]] = {
    16: lambda value: bool(value[0]),
    18: _text,
    19: _text,
    20: _number("!q"),
    21: _number("!h"),
    23: _number("!i"),
    25: _text,
    26: _number("!I"),
    114: _text,
    700: _number("!f"),
    701: _number("!d"),
    1042: _text,
    1043: _text,
    2950: lambda value: str(uuid.UUID(bytes=value)),
    # A byte of version comes first.
    3802: lambda value: _text(value[1:]),
}


def recorded_values(bind: Bind, types: Sequence[int], *, hides: bool, most: int) -> list[Any]:
    """One for each value; of longer ones than `most` bytes only length and digest."""
    return [
        HIDDEN if hides and value is not None else _recorded(value, binary, types[n] if n < len(types) else 0, most)
        for n, (value, binary) in enumerate(zip(bind.values, bind.binary, strict=True))
    ]


def _recorded(value: bytes | None, binary: bool, oid: int, most: int) -> Any:
    if value is None:
        return None
    if len(value) > most:
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    try:
        if not binary:
            return _text(value)
        if reader := BINARY.get(oid):
            return reader(value)
    except (ValueError, IndexError, struct.error):
        pass
    return {"type": oid, "hex": value.hex()}
