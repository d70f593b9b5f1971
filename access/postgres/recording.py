"""The recording of one session: a line of JSON for each thing, written before it happens.

A line is with the operating system when its statement is passed on: a relay that is killed loses none, a power cut may
lose the last seconds. `sync` writes to the disk itself; then a power cut loses none either.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from access.postgres.budget import Budget
from access.postgres.refusals import unrecorded
from factory.paths import private_folder

FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
ENCODER: Final = msgspec.json.Encoder()


class Recording:
    """One file, made new and readable by its owner only."""

    def __init__(self, path: Path, most_bytes: int, budget: Budget | None = None) -> None:
        """`budget`: what other recordings take from, too. Raises Refused: what cannot be recorded does not begin."""
        self.path = path
        self._left, self._budget, self._size = most_bytes, budget, 0
        self._digest = hashlib.sha256()
        # Whether its entry in the folder is on the disk.
        self._named = False
        try:
            private_folder(path.parent)
            self._file = os.open(path, FLAGS, 0o600)
        except OSError as error:
            raise unrecorded() from error

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Raises Refused when they are not all written; then nothing of what they tell may happen."""
        self._require_there()
        self.write_outcomes(records)

    def write_outcomes(self, records: Iterable[Mapping[str, Any]]) -> None:
        """The same of what has happened. Whether the file is still there, the next statement asks, before it goes on:
        removed after this or before, it tells as little. Raises Refused."""
        lines = ENCODER.encode_lines(records)
        if self._budget:
            self._budget.record(len(lines))
        self._left -= len(lines)
        if self._left < 0:
            raise unrecorded()
        self._append(lines)

    def write_last(self, record: Mapping[str, Any]) -> None:
        """How it ended, which has its place whatever the bounds are. Raises Refused: there is none on the disk."""
        self._require_there()
        self._append(ENCODER.encode_lines([record]))

    def _require_there(self) -> None:
        # Into a file that somebody has removed everything can be written.
        try:
            links = os.fstat(self._file).st_nlink
        except OSError as error:
            raise unrecorded() from error
        if links != 1:
            raise unrecorded()

    def _append(self, lines: bytes) -> None:
        try:
            if os.write(self._file, lines) != len(lines):
                # The disk took a part: half a line would make the file another one than its digest is told of.
                os.ftruncate(self._file, self._size)
                raise unrecorded()
        except OSError as error:
            raise unrecorded() from error
        self._size += len(lines)
        self._digest.update(lines)

    def sync(self) -> None:
        """To the disk, its name too. Safe from any thread. Raises OSError."""
        os.fdatasync(self._file)
        if not self._named:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            self._named = True

    @property
    def digest(self) -> str:
        """SHA-256 of everything that was written, in hexadecimal."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """No more comes."""
        os.close(self._file)
