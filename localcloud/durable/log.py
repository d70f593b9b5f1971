"""The log: one record a call, appended before the call is answered.

A file is `log-<first number>`, complete ones `log-<first number>.gz`. A record is its length and CRC-32 (little
endian, 4 bytes each) and a pickle. Whatever ends the process, only the last record can be torn, and that one was never
answered.
"""

import contextlib
import gzip
import os
import pickle
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from localcloud.durable.errors import StateBroken, StateFull
from localcloud.durable.files import write

Json = Any
HEADER: Final = struct.Struct("<II")
PREFIX: Final = "log-"
COMPLETE: Final = ".gz"
NAME: Final = re.compile(rf"{PREFIX}\d+({re.escape(COMPLETE)})?")
# How every pickle of protocol 5 that is no mere constant begins.
PICKLE: Final = b"\x80\x05\x95"
# The level hardly matters: calls are forms and JSON.
COMPRESSION: Final = 3
CALL: Final = "call"
# An operation of several calls is over; without this record none of its calls counts.
END: Final = "end"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that changed the state.

    `number` counts from 1 without a gap; `moment` is Unix seconds; `operation` is 0 for a call by itself; `kind` is
    CALL, END, or the name of a change that the daemon makes itself; `data` is what to do again; `outcome` tells whether
    doing it again gave the same; `keys` are the key pairs it drew.
    """

    number: int
    moment: float
    kind: str
    data: Json
    operation: int = 0
    outcome: tuple[int, int] = (0, 0)
    keys: list[bytes] = field(default_factory=list)


class Log:
    """The file that is being written; closed and followed by another one at each snapshot."""

    def __init__(self, folder: Path, last: int) -> None:
        self.path = folder / f"{PREFIX}{last + 1:012d}"
        self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.size = os.fstat(self._file).st_size

    def append(self, entry: Entry) -> None:
        """Write one record. Raises StateFull, and leaves the file as it was, when the disk does not take it."""
        fields = entry.number, entry.moment, entry.kind, entry.data, entry.operation, entry.outcome, entry.keys
        content = pickle.dumps(fields, 5)
        record = HEADER.pack(len(content), zlib.crc32(content)) + content
        left = memoryview(record)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            # What cannot be cut off now is a torn record, which the next start cuts off.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise StateFull(f"cannot write {self.path}: {error.strerror or error}") from error
        self.size += len(record)

    def close(self) -> None:
        """Nothing more is written."""
        os.close(self._file)


def entries(folder: Path, after: int, *, mend: bool = True) -> Iterator[Entry]:
    """Everything in the folder's logs after number `after`, in order. A torn last record is cut off (`mend`) or left.

    Raises StateBroken when a record is damaged that was whole once, or missing.
    """
    files = logs(folder)
    expected = after + 1
    for position, path in enumerate(files):
        last = position == len(files) - 1
        if not last and first_number(files[position + 1]) <= expected:
            continue
        for entry in _records(path, may_be_torn=last, mend=mend):
            if entry.number < expected:
                continue
            if entry.number > expected:
                raise StateBroken(f"{path}: call {expected} is missing: {entry.number} follows {expected - 1}")
            expected += 1
            yield entry


def logs(folder: Path) -> list[Path]:
    """The log files, oldest first. One that was being compressed when the process ended counts once."""
    # Listed once: between two looks a file could turn from the one kind into the other.
    files = [path for path in folder.iterdir() if NAME.fullmatch(path.name)]
    # The plain one, which comes last, wins: it is complete.
    found = {first_number(path): path for path in sorted(files, reverse=True)}
    return [found[number] for number in sorted(found)]


def first_number(path: Path) -> int:
    """The number of a log file's first entry."""
    return int(path.name.removeprefix(PREFIX).removesuffix(COMPLETE))


def compress(path: Path) -> None:
    """Keep a complete log compressed: it is read again only when moto or Python changes, or a snapshot is damaged."""
    write(path.with_name(path.name + COMPLETE), gzip.compress(path.read_bytes(), COMPRESSION))
    path.unlink()


def _content(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == COMPLETE else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise StateBroken(f"{path}: {error}") from error


def _records(path: Path, *, may_be_torn: bool, mend: bool) -> Iterator[Entry]:
    data = _content(path)
    place = 0
    while place < len(data):
        start = place + HEADER.size
        size, checksum = HEADER.unpack_from(data, place) if start <= len(data) else (0, 0)
        content = data[start : start + size]
        if not size or len(content) < size or zlib.crc32(content) != checksum:
            if not (may_be_torn and _is_tail(data, place, start + size)):
                raise StateBroken(f"{path}: the record at byte {place} is damaged")
            if mend:
                os.truncate(path, place)
            return
        place = start + size
        number, moment, kind, what, operation, outcome, keys = pickle.loads(content)  # noqa: S301  our own file
        yield Entry(number=number, moment=moment, kind=kind, data=what, operation=operation, outcome=outcome, keys=keys)


def _is_tail(data: bytes, place: int, end: int) -> bool:
    """Whether what is damaged is the end of the file: a record that was begun, or space that was never filled."""
    if not any(data[place:]):
        return True
    if end <= len(data):
        return False
    # A damaged length points beyond the end as well, but then whole records follow.
    found = data.find(PICKLE, place + HEADER.size + 1)
    while found >= 0:
        size, checksum = HEADER.unpack_from(data, found - HEADER.size)
        if found + size <= len(data) and zlib.crc32(data[found : found + size]) == checksum:
            return False
        found = data.find(PICKLE, found + 1)
    return True
