"""One grant at the proxy: its rights, and the log of its calls. A call is in the log before it is sent."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from access.aws.calls import Call
from access.aws.deciding import Rights
from access.aws.limits import Limits
from access.aws.orders import Happened, Open
from access.aws.redaction import redacted
from access.aws.refusals import Reason, Refused, ended, unrecorded
from access.aws.resources import Places
from access.aws.signatures import Seen
from access.deadline import TIME_OVER, Deadline
from access.postgres.recording import Recording
from access.postgres.refusals import Refused as NotWritten

LOG: Final = logging.getLogger("millwright.aws")
Watch = Callable[[Happened], None]
TOLD_CHARACTERS: Final = 500


@dataclass(frozen=True)
class Around:
    """What all grants of a proxy share."""

    limits: Limits
    watch: Watch
    recordings: Path


class Session:
    """A grant that is open; it ends once. Its log begins with its first call."""

    def __init__(self, order: Open, around: Around) -> None:
        """Raises InputError: documents that are none."""
        self._around = around
        self.seen = Seen(around.limits.replay_seconds, 2 * around.limits.skew_seconds)
        self.over: asyncio.Future[Refused] = asyncio.get_running_loop().create_future()
        self.under_way: set[asyncio.Task[Any]] = set()
        self.deadline: Deadline | None = None
        self._recording: Recording | None = None
        # A line could not be written: what follows it would not be whole.
        self._lost = False
        self._name = ""
        self._calls = self._refused = 0
        self._client = ""
        self.renew(order)

    def renew(self, order: Open) -> None:
        """The same grant with other credentials or documents. Raises InputError, and then nothing is changed."""
        self.rights = Rights(order)
        self.order = order
        up = order.upstream
        names = {each.arn: each.name for each in order.resources}
        hosts = {urlsplit(each).netloc for each in (up.endpoint, *names.values())}
        self.places = Places(
            up.account, up.region, names, frozenset(hosts | {f"{order.service}.{up.region}.amazonaws.com"})
        )

    def began(self, call: Call, client: str, decision: str) -> int:
        """Write down that a call is made; its number. Raises Refused: then it is not made."""
        if self.over.done():
            raise self.over.result()
        if self.deadline and self.deadline.passed:
            raise ended(TIME_OVER)
        return self._note(call, client, {"decision": decision})

    def refused(self, call: Call, client: str, why: Refused) -> None:
        """Write down that one is not made. Raises Refused when that cannot be."""
        self._note(call, client, {"refused": why.detail, "code": why.code, "reason": why.reason.value})

    def outcome(self, number: int, **facts: Any) -> None:
        """Write down what became of it. Where that cannot be, no call is made after it."""
        try:
            self._write([{"at": time.time(), "kind": "outcome", "of": number, **facts}])
        except Refused:
            LOG.exception("grant %s: the outcome of a call is not recorded", self.order.grant)

    def spends(self) -> bool:
        """Its holder had one more call refused; whether that is more than a grant may have: once."""
        self._refused += 1
        if self._refused != (most := self._around.limits.grant_refusals):
            return False
        why = {"reason": Reason.LIMIT.value, "detail": f"{most} calls of the grant were refused"}
        self._around.watch(Happened(happened="grant_spent", grant=self.order.grant, **why))
        return True

    def end(self, why: Refused) -> None:
        """No call any more; those under way are cut off."""
        if self.over.done():
            return
        self.over.set_result(why)
        if self.deadline:
            self.deadline.cancel()

    async def closed(self) -> None:
        """When nothing is under way any more; its log is closed then."""
        await asyncio.gather(*self.under_way, return_exceptions=True)
        recording = self._recording
        if recording is None:
            return
        self._recording = None
        why = self.over.result()
        try:
            recording.write([{"at": time.time(), "kind": "session_end", "detail": why.detail, "calls": self._calls}])
        except NotWritten:
            LOG.exception("grant %s: its end is not recorded", self.order.grant)
        recording.close()
        self._around.watch(
            Happened(
                happened="session_ended",
                grant=self.order.grant,
                session=self._name,
                client=self._client,
                reason=why.reason.value,
                detail=why.detail[:TOLD_CHARACTERS],
                recording=f"{self.order.app}/{self.order.grant}/{recording.path.name}",
                digest=recording.digest,
                calls=self._calls,
            )
        )

    def _note(self, call: Call, client: str, facts: dict[str, Any]) -> int:
        if self._recording is None:
            self._begin(client)
        self._calls += 1
        self._write(
            [
                {
                    "at": time.time(),
                    "kind": "call",
                    "n": self._calls,
                    "client": client,
                    "service": call.service,
                    "operation": call.operation,
                    "actions": sorted({need.action for need in call.needs}),
                    "resources": sorted({need.resource for need in call.needs}),
                    "parameters": redacted(call.parameters, self._around.limits.value_bytes),
                    **facts,
                }
            ]
        )
        return self._calls

    def _begin(self, client: str) -> None:
        order = self.order
        self._name, self._client = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(4)}", client
        path = self._around.recordings / order.app / order.grant / f"{self._name}.jsonl"
        try:
            self._recording = Recording(path, self._around.limits.recording_bytes)
        except NotWritten as error:
            LOG.exception("grant %s: no recording can be made", order.grant)
            raise unrecorded() from error
        started = {
            "at": time.time(),
            "kind": "session_start",
            "session": self._name,
            "app": order.app,
            "grant": order.grant,
            "principal": order.principal,
            "client": client,
            "key_id": order.key_id,
            "role": order.rights.session,
            "server": order.upstream.endpoint,
            "account": order.upstream.account,
            "region": order.upstream.region,
            "documents": [each.name for each in (*order.rights.identity, order.rights.granted)],
        }
        self._write([started])
        self._around.watch(Happened(happened="session_began", grant=order.grant, session=self._name, client=client))

    def _write(self, records: list[dict[str, Any]]) -> None:
        if self._recording is None or self._lost:
            raise unrecorded()
        try:
            self._recording.write(records)
        except NotWritten as error:
            self._lost = True
            raise unrecorded() from error
