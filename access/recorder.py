"""One recording's file: lines of JSON, each written before what it tells of happens, and a digest of them all."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from factory.paths import private_folder

FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Unrecorded(Exception):
    """It is not all written: nothing of what it tells may happen."""


class Recorder:
    """One file, made new and readable by its owner only.

    A line is with the operating system when `write` returns: a process that is killed loses none, a power cut may lose
    the last seconds. `most_bytes` bounds everything but the last line, and `grows` hears of every other one first: so
    many bytes more are about to be written; what it raises keeps them out.
    """

    def __init__(self, path: Path, most_bytes: int, grows: Callable[[int], None] = lambda _: None) -> None:
        """Raises Unrecorded: what cannot be recorded does not begin."""
        self.path, self._grows = path, grows
        self._left, self._size, self._digest = most_bytes, 0, hashlib.sha256()
        try:
            private_folder(path.parent)
            self._file = os.open(path, FLAGS, 0o600)
        except OSError as error:
            raise Unrecorded(str(error)) from error

    def write(self, records: Iterable[Any]) -> None:
        """A line for each. Raises Unrecorded."""
        lines = _lines(records)
        self._left -= len(lines)
        if self._left < 0:
            raise Unrecorded("the recording has reached its size")
        self._grows(len(lines))
        self._append(lines)

    def write_last(self, record: Any) -> None:
        """How it ended, which has its place whatever the bounds are. Raises Unrecorded: there is none on the disk."""
        self._append(_lines([record]))

    @property
    def digest(self) -> str:
        """SHA-256 of everything that was written, in hexadecimal."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """No more comes."""
        os.close(self._file)

    def _append(self, lines: bytes) -> None:
        try:
            # Into a file that somebody has removed everything can be written.
            if os.fstat(self._file).st_nlink != 1:
                raise Unrecorded("the file has been removed")
            if os.write(self._file, lines) != len(lines):
                # Half a line would make the file another one than its digest is told of.
                os.ftruncate(self._file, self._size)
                raise Unrecorded("the disk takes no more")
        except OSError as error:
            raise Unrecorded(str(error)) from error
        self._size += len(lines)
        self._digest.update(lines)


def recorded_before(folder: Path) -> tuple[int, int]:
    """Bytes and number of the recordings that are there already."""
    try:
        with os.scandir(folder) as found:
            sizes = [each.stat(follow_symlinks=False).st_size for each in found]
    except FileNotFoundError:
        return 0, 0
    return sum(sizes), len(sizes)


def _lines(records: Iterable[Any]) -> bytes:
    # What no text of UTF-8 can hold (a name of other bytes) stays distinguishable, and never stops a line.
    text = "".join([ENCODER.encode(record) + "\n" for record in records])
    return text.encode(errors="backslashreplace")
