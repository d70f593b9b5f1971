"""What one grant's holder does at an API: each request recorded before it is sent, and cut off when the grant ends."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h11
import uuid_utils

from access.apis import upstream
from access.apis.answers import passed_on
from access.apis.exchange import Exchange
from access.apis.limits import Limits
from access.apis.orders import Happened, Open
from access.apis.overrides import require_plain_body, require_plain_target
from access.apis.refusals import Reason, Refused, unrecorded
from access.apis.requests import Call, base_of, require_headers, require_method, require_target, sent, shown
from access.apis.upstream import Reach
from access.deadline import TIME_OVER, Deadline
from access.postgres.recording import Recording
from access.postgres.refusals import Refused as NotWritten
from factory.redactor import Redactor

LOG: Final = logging.getLogger("millwright.apis")
CREDENTIAL: Final = "credential"


@dataclass(frozen=True)
class Around:
    """What all grants share."""

    limits: Limits
    recordings: Path
    told: Callable[[Happened], None]
    reach: Reach


@dataclass
class _Doing:
    """One request: which one of the grant's, and what is known of it by now."""

    number: int
    client: str
    asked: str
    begun: float
    sent: bool = False
    status: int = 0
    length: int = 0
    broken: str = "it was cut off"


class Session:
    """One open grant, from its order to its end."""

    def __init__(self, order: Open, around: Around) -> None:
        """Raises ValueError for a URL that is none."""
        self.order, self.base = order, base_of(order.url)
        self.header = order.credential.header.lower().encode()
        self._around, self._limits = around, around.limits
        named = {f"{CREDENTIAL}{'' if n == 0 else n}": each for n, each in enumerate(order.credential.secrets)}
        self._redactor = Redactor(named)
        self._name, self._broken = str(uuid_utils.uuid7()), False
        self._requests = self._refusals = self._unanswered = 0
        self._recording: Recording | None = None
        self._busy: set[asyncio.Task[None]] = set()
        self._open = True
        self.deadline: Deadline | None = None

    async def carry(
        self, exchange: Exchange, request: h11.Request, headers: list[tuple[bytes, bytes]], client: str
    ) -> None:
        """Answer one request, whose `headers` are without the grant's token."""
        task = asyncio.current_task()
        if task is None or not self._open:
            exchange.abort()
            return
        if self._refusals >= self._limits.refusals:
            # Told as a number, when the grant ends.
            self._unanswered += 1
            exchange.abort()
            return
        self._requests += 1
        asked = f"{request.method.decode('ascii', 'replace')} {shown(request.target.decode('ascii', 'replace'))}"
        doing = _Doing(self._requests, client, asked, time.monotonic())
        self._busy.add(task)
        try:
            async with asyncio.timeout(self._limits.whole_seconds):
                await self._answer(exchange, request, headers, doing)
        except TimeoutError:
            exchange.abort()
        except asyncio.CancelledError:
            exchange.abort()
            raise
        finally:
            self._busy.discard(task)

    async def close(self, why: str) -> None:
        """End it; returns when its connections are closed, and what there is to tell is told."""
        self._open = False
        if self.deadline:
            self.deadline.cancel()
        tasks = list(self._busy)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if more := self._unanswered:
            detail = f"{more} more requests were refused"
            self._tell("request_refused", reason=Reason.LIMIT.value, detail=detail, more=more)
        if self._recording is None:
            return
        try:
            self._recording.write([{"at": time.time(), "n": 0, "kind": "session_end", "detail": why}])
        except NotWritten:
            LOG.exception("%s: its end is not recorded", self.order.grant)
        path = self._recording.path.relative_to(self._around.recordings)
        self._tell("session_ended", detail=why, recording=str(path), digest=self._recording.digest)
        self._recording.close()

    async def _answer(
        self, exchange: Exchange, request: h11.Request, headers: list[tuple[bytes, bytes]], doing: _Doing
    ) -> None:
        refused: Refused | None = None
        try:
            await self._pass(exchange, request, headers, doing)
        except Refused as why:
            refused = why
        except OSError:
            refused = Refused(400, Reason.PROTOCOL, "the client went away")
        except Exception:  # the seam: a fault of ours ends this request alone
            LOG.exception("%s: request %d failed", self.order.grant, doing.number)
            refused = Refused(500, Reason.FAILED, "a fault of the relay's own")
        finally:
            if refused is not None:
                doing.broken = f"{refused.reason}: {refused.detail}"
            self._ended(doing)
        if refused is not None:
            await exchange.refuse(self._refused(doing, refused))

    async def _pass(
        self, exchange: Exchange, request: h11.Request, headers: list[tuple[bytes, bytes]], doing: _Doing
    ) -> None:
        self._require_room()
        method = require_method(self.order.scope, request.method)
        target = require_target(self.base, request.target)
        require_plain_target(self.order.scope, target)
        call = Call(method, target, require_headers(headers, self.header))
        body = await exchange.body()
        # Of a large one it takes a second or two, and others are not kept waiting.
        await asyncio.to_thread(require_plain_body, self.order.scope, call.headers, body)
        self._begin(doing, body)
        answer = await upstream.asked(self.base, self._around.reach, self._limits, self._sent(call, body), body)
        try:
            doing.status = answer.status
            passed, stream = passed_on(answer.headers, self.base, target, self._redactor), self._redactor.stream()
            hashed = hashlib.sha256()
            await exchange.begin(answer.status, passed)
            async for part in answer.parts(self._limits):
                await self._hand(exchange, stream.feed(part), doing, hashed)
            await self._hand(exchange, stream.end(), doing, hashed)
            await exchange.end()
            doing.broken = ""
        finally:
            answer.close()

    async def _hand(self, exchange: Exchange, part: bytes, doing: _Doing, hashed: Any) -> None:
        hashed.update(part)
        doing.length += len(part)
        await exchange.data(part)

    def _sent(self, call: Call, body: bytes) -> h11.Request:
        credential = (self.order.credential.header.encode(), self.order.credential.value.encode())
        headers = sent(call, self.base, credential, body)
        try:
            return h11.Request(method=call.method, target=call.target, headers=headers)
        except h11.LocalProtocolError:
            # Its words could quote the credential.
            raise Refused(400, Reason.PROTOCOL, "this cannot be said to the API") from None

    def _require_room(self) -> None:
        if self._requests > self._limits.requests:
            raise Refused(429, Reason.LIMIT, f"the grant has made {self._limits.requests} requests: that is enough")
        if len(self._busy) > self._limits.together:
            raise Refused(503, Reason.LIMIT, f"there are {self._limits.together} requests already")

    def _begin(self, doing: _Doing, body: bytes) -> None:
        """Write down what is about to be sent. Raises Refused."""
        if self.deadline and self.deadline.passed:
            raise Refused(403, Reason.ENDED, f"the grant has ended: {TIME_OVER}")
        digest = {"sha256": hashlib.sha256(body).hexdigest()} if body else {}
        self._write(doing, {"kind": "request", "text": doing.asked, "bytes": len(body), **digest})
        doing.sent = True

    def _ended(self, doing: _Doing) -> None:
        """What came of it, when it was sent."""
        if doing.sent:
            ms = round((time.monotonic() - doing.begun) * 1000, 3)
            tags = [str(doing.status) if doing.status else "no answer", f"{doing.length} bytes"]
            said = {"kind": "outcome", "of": doing.number, "tags": tags, "ms": ms, "sqlstate": doing.broken}
            try:
                self._write(doing, said)
            except Refused:
                # It has happened, and that it was about to is written.
                LOG.warning("%s: what came of request %d is not recorded", self.order.grant, doing.number)

    def _refused(self, doing: _Doing, refused: Refused) -> Refused:
        """The refusal, once it is written; that it cannot be written, otherwise."""
        self._refusals += 1
        if self._refusals == self._limits.refusals:
            # The last one that is told.
            detail = f"{refused.detail}; it is the {self._refusals}th refusal, and the last answer"
            refused = Refused(refused.status, refused.reason, detail)
        try:
            if not doing.sent:
                self._write(doing, {"kind": "request", "text": doing.asked, "refused": refused.reason.value})
        except Refused as unwritten:
            refused = unwritten
        self._tell("request_refused", client=doing.client, reason=refused.reason.value, detail=refused.detail)
        return refused

    def _write(self, doing: _Doing, said: dict[str, Any]) -> None:
        if self._broken:
            raise unrecorded()
        try:
            if self._recording is None:
                self._recording = self._begun(doing.client)
            self._recording.write([{"at": time.time(), "n": doing.number, **said}])
        except NotWritten:
            # One line that is missing makes it another one than it says it is.
            self._broken = True
            raise unrecorded() from None

    def _begun(self, client: str) -> Recording:
        path = self._around.recordings / self.order.app / self.order.grant / f"{self._name}.jsonl"
        recording = Recording(path, self._limits.recording_bytes)
        facts = {"client": client, "url": self.order.url, "scope": self.order.scope.value}
        recording.write([{"at": time.time(), "n": 0, "kind": "session_start", **facts}])
        self._tell("session_began", client=client, detail=f"credential of version {self.order.version}")
        return recording

    def _tell(self, happened: Any, **facts: Any) -> None:
        told = Happened(happened=happened, grant=self.order.grant, session=self._name, **facts)
        self._around.told(told)
