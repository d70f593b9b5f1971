"""What one grant said to the model, as its recording holds it: sizes, digests and tokens, and no text."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import uuid_utils

from access import orders
from access.grants import Grant
from access.messages.forwarding import Passed
from access.postgres.limits import MIB
from access.postgres.recording import Recording
from factory.paths import FactoryRoot
from factory.usage import Usage


class Happened(orders.Happened):
    """What is told of a grant's calls; `calls` of them were made."""

    calls: int = 0


Tell = Callable[[Happened], None]
"""Tells it. It must not block."""
RECORDING_BYTES: Final = 64 * MIB


@dataclass
class Call:
    """One call on its way."""

    number: int
    begun: float = field(default_factory=time.monotonic)
    seen: Passed = field(default_factory=Passed)


class Calls:
    """The recording of one grant from its opening to its end; the file is made at its first call.

    For one thread. What cannot be written raises `access.postgres.refusals.Refused`: then nothing is to be sent.
    """

    def __init__(self, root: FactoryRoot, grant: Grant, tell: Tell) -> None:
        self._root, self._grant, self._tell = root, grant, tell
        self._name = str(uuid_utils.uuid7())
        self._file: Recording | None = None
        self._count = 0

    def ask(self, model: str, body: bytes) -> Call:
        """Write down that a request is about to be sent. Raises Refused."""
        if self._file is None:
            self._file = self._begun()
        call = Call(self._count + 1)
        facts = {"model": model, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        self._file.write([{"at": time.time(), "n": call.number, "kind": "model_call", **facts}])
        self._count = call.number
        return call

    def answered(self, call: Call, why: str) -> None:
        """Write down what came of it; `why` it did not come to its end, "" when it did. Raises Refused."""
        seen = call.seen
        facts = {"status": seen.status, "bytes": seen.received, "sha256": seen.hashed.hexdigest(), "broken": why}
        usage = {} if seen.meter.usage == Usage() else vars(seen.meter.usage)
        ms = round((time.monotonic() - call.begun) * 1000, 1)
        if self._file is not None:
            self._file.write([{"kind": "model_answer", "of": call.number, **facts, "usage": usage, "ms": ms}])

    def close(self, why: str) -> None:
        """No more comes. Raises Refused, once it is closed all the same."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.write([{"at": time.time(), "kind": "session_end", "reason": "ended", "detail": why}])
        finally:
            file.close()
            recording = str(file.path.relative_to(self._root.recordings))
            which = {"grant": self._grant.id, "session": self._name, "recording": recording, "digest": file.digest}
            self._tell(Happened(happened="session_ended", **which, calls=self._count))

    def _begun(self) -> Recording:
        grant = self._grant
        file = Recording(self._root.recordings / grant.app / grant.id / f"{self._name}.jsonl", RECORDING_BYTES)
        who = {"app": grant.app, "grant": grant.id, "principal": grant.principal, "client": "the worker"}
        file.write([{"at": time.time(), "kind": "session_start", "session": self._name, **who}])
        which = {"grant": grant.id, "session": self._name, "client": "the worker"}
        self._tell(Happened(happened="session_began", **which))
        return file
