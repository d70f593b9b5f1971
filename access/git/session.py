"""A grant at the git door: its session, from the first request to its end, with the recording of all that is asked."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from access.deadline import TIME_OVER, Deadline
from access.git.limits import Limits
from access.git.orders import Happened, Open
from access.git.refusals import Reason, Refused
from access.recorder import Recorder, Unrecorded

Tell = Callable[[Happened], None]
DETAIL_CHARACTERS: Final = 500


class Guest:
    """One open grant. `work` are the requests under way; `ended` says why nothing is done any more."""

    def __init__(
        self, order: Open, recordings: Path, limits: Limits, tell: Tell, spent: Callable[[str], None] = lambda _: None
    ) -> None:
        """`spent` is called once, with the reason, when the grant's budget is used up."""
        self.order, self._spent, self._refused = order, spent, 0
        self.work: set[asyncio.Task[None]] = set()
        self.ended = ""
        self.deadline: Deadline | None = None
        self._recordings, self._limits, self._tell = recordings, limits, tell
        self._recording: Recorder | None = None
        self._numbers = itertools.count(1)
        self.name = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(4)}"

    def record(self, kind: str, client: str, **told: Any) -> int:
        """Write down what is asked, before it is done; its number. Raises Refused: then nothing of it may happen."""
        if self.deadline and self.deadline.passed:
            raise Refused(Reason.ENDED, f"the grant has ended: {TIME_OVER}")
        number = next(self._numbers)
        self._write({"at": time.time(), "kind": kind, "n": number, "client": client, **told}, client)
        return number

    def outcome(self, number: int, began: float, code: str, **told: Any) -> None:
        """Write down what came of it: `code` is "" where it was done. Raises Refused."""
        took = round(1000 * (time.monotonic() - began), 3)
        self._write({"at": time.time(), "kind": "outcome", "of": number, "sqlstate": code, "ms": took, **told}, "")

    def happened(self, what: str, client: str, **told: Any) -> None:
        """Tell it of this grant."""
        if "detail" in told:
            told["detail"] = str(told["detail"])[:DETAIL_CHARACTERS]
        self._tell(Happened(happened=what, grant=self.order.grant, session=self.name, client=client, **told))
        self._refused += what == "git_refused"
        if self._refused == self._limits.refusals and what == "git_refused":
            self._spent(f"{self._refused} of its requests were refused")

    async def end(self, why: str) -> None:
        """Let nobody in any more, and end what is under way. Returns when nothing of it runs."""
        self.ended = why
        if self.deadline:
            self.deadline.cancel()
        work = list(self.work)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        recording, self._recording = self._recording, None
        if recording is None:
            return
        try:
            recording.write_last({"at": time.time(), "kind": "session_end", "detail": why})
        except Unrecorded:
            self._tell(Happened(happened="git_refused", grant=self.order.grant, reason=Reason.RECORDING))
        path = str(recording.path.relative_to(self._recordings))
        self.happened("session_ended", "", recording=path, digest=recording.digest, detail=why)
        recording.close()

    def _write(self, record: dict[str, Any], client: str) -> None:
        try:
            if self._recording is None:
                self._recording = self._begun(client)
            self._recording.write([record])
        except Unrecorded:
            raise Refused(Reason.RECORDING, "this cannot be recorded, so it is not done; see the door's log") from None

    def _begun(self, client: str) -> Recorder:
        if self.ended:
            raise Refused(Reason.ENDED, f"the grant has ended: {self.ended}")
        order = self.order
        path = self._recordings / order.app / order.grant / f"{self.name}.jsonl"
        recording = Recorder(path, self._limits.recording_bytes)
        about = {"session": self.name, "app": order.app, "grant": order.grant, "principal": order.principal}
        start = {"at": time.time(), "kind": "session_start", "client": client, **about, "allowed": order.branches}
        recording.write([start])
        self.happened("session_began", client)
        return recording
