"""The recording of operations on files: a line of JSON each before it is passed on, and one for what came of it.

What is read and written is told when the file is closed: bytes, and the SHA-256 of the content where its pieces join
from the file's beginning, as any copy does it. A piece that does not join has a line with a digest of its own.
"""

import hashlib
import time
from typing import Any, Final

from access.recorder import Recorder, Unrecorded
from access.ssh.refusals import unrecorded

SUFFIX: Final = ".jsonl"


class Pieces:
    """What passed of one file, one way."""

    def __init__(self) -> None:
        self.bytes = self.joined = 0
        self.whole = True
        self._digest = hashlib.sha256()

    def joins(self, offset: int, data: bytes) -> bool:
        """Take a piece; whether it begins where the others end."""
        self.bytes += len(data)
        if offset != self.joined:
            self.whole = False
            return False
        self._digest.update(data)
        self.joined += len(data)
        return True

    def told(self) -> dict[str, Any]:
        """As it is recorded; a digest only of what is the content from its beginning, without gaps."""
        return {"bytes": self.bytes, **({"sha256": self._digest.hexdigest()} if self.whole else {})}


class Operations:
    """What is done in one session. Every method raises Refused when it is not recorded: then it does not happen."""

    def __init__(self, recorder: Recorder, about: dict[str, Any]) -> None:
        self._recorder, self._number = recorder, 0
        self._write({"kind": "session_start", **about})

    def asked(self, operation: str, about: list[str], **more: Any) -> int:
        """An operation that is to be passed on, or `refused`; its number."""
        self._number += 1
        told = {"at": time.time(), "kind": "file", "n": self._number, "operation": operation, "about": about}
        self._write({**told, **more})
        return self._number

    def outcome(self, of: int, **how: Any) -> None:
        """What came of it."""
        self._write({"at": time.time(), "kind": "outcome", "of": of, **how})

    def piece(self, path: str, way: str, offset: int, data: bytes) -> None:
        """A piece of a file that does not join the ones before."""
        told = {way: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
        self.outcome(self.asked("piece of", [path, f"at {offset}"], **told))

    def ended(self, **how: Any) -> None:
        """How the session ended."""
        try:
            self._recorder.write_last({"at": time.time(), "kind": "session_end", **how, "operations": self._number})
        except Unrecorded as error:
            raise unrecorded() from error

    def _write(self, record: dict[str, Any]) -> None:
        try:
            self._recorder.write([record])
        except Unrecorded as error:
            raise unrecorded() from error
