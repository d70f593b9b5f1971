"""One session on the event loop: what `conversation` decides is recorded, then sent.

Neither end is read faster than the other one takes it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from access.deadline import TIME_OVER, Deadline
from access.postgres import wire
from access.postgres.budget import Budget
from access.postgres.conversation import Conversation, Step
from access.postgres.ends import End
from access.postgres.judgements import Judgements
from access.postgres.kinds import StatementKind
from access.postgres.limits import Limits
from access.postgres.orders import Happened, Open
from access.postgres.orders import Session as Told
from access.postgres.recording import Recording
from access.postgres.refusals import Reason, Refused, unrecorded
from access.postgres.scram import Verifier
from access.postgres.statements import Judgement
from access.postgres.upstream import Server
from access.postgres.waiting import Memory, Waiting

LOG: Final = logging.getLogger("millwright.postgres")
FAILED: Final = Refused(Reason.FAILED, "XX000", "the relay failed; its log says how")
Watch = Callable[[Happened], None]
JudgeElsewhere = Callable[[str, tuple[str, ...]], Awaitable[Judgement]]
Sync = Callable[[Recording], Awaitable[None]]


@dataclass(eq=False)
class Grant:
    """A grant that is open. `busy`: clients that log in now, and their number with those who are in.

    `spent` is told when its budget is used up.
    """

    order: Open
    verifier: Verifier
    judgements: Judgements
    budget: Budget
    memory: Memory
    spent: Callable[[Refused], None]
    sessions: "set[Session]" = field(default_factory=set)
    busy: set[asyncio.Task[None]] = field(default_factory=set)
    open: bool = True
    deadline: Deadline | None = None

    def in_time(self) -> None:
        """Raises Refused: its time is over, and what ends it has not had its turn."""
        if self.deadline and self.deadline.passed:
            raise Refused(Reason.ENDED, "57P01", f"the grant has ended: {TIME_OVER}")

    @property
    def allowed(self) -> frozenset[StatementKind]:
        """What its statements may do."""
        return frozenset(self.order.allowed)


@dataclass(frozen=True)
class Around:
    """What all sessions of a relay share. `watch` is told what happens, `record` of each refused login.

    `sync`: writes a recording to the disk; None where that is not asked for.
    """

    limits: Limits
    watch: Watch
    record: Watch
    judge: JudgeElsewhere
    sync: Sync | None


class Session:
    """Both ends are logged in. It ends once, whoever ends it; `ended` is done when both are closed."""

    def __init__(self, name: str, grant: Grant, ends: tuple[End, Server], recording: Recording, around: Around) -> None:
        self.name, self.grant, self._recording, self._around = name, grant, recording, around
        self._client, self.server = ends
        self.address = _address(self._client)
        self.since = time.time()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._conversation = Conversation(grant.allowed, grant.judgements, around.limits, time.monotonic, time.time)
        # Why the client is not read at the moment, and what it had sent before it stopped.
        self._stopped: set[str] = set()
        self._waiting = b""
        self._waits = Waiting(grant.memory, around.limits, lambda: bool(self._stopped), self._cut)
        self._ending = False
        self._refused = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Pass on from now on."""
        self.server.end.pass_on(self._from_server, self._server_lost, self._client_waits)
        self._client.pass_on(self._from_client, self._client_lost, self._server_waits)

    def told(self) -> Told:
        """As an order asks for it."""
        return Told(
            grant=self.grant.order.grant,
            session=self.name,
            client=self.address,
            since=self.since,
            statements=self._conversation.statements,
        )

    async def cancel(self) -> None:
        """The client, by a connection of its own, wants what runs to end. Raises Refused."""
        if self._ending:
            return
        self._recording.write([{"at": time.time(), "kind": "cancel"}])
        await self.server.cancel()

    def end(self, why: Refused | None) -> None:
        """Cut both ends off; None: the client went."""
        if self._ending:
            return
        self._ending = True
        self._waits.end()
        reason = why.reason.value if why else ""
        record = {"at": time.time(), "kind": "session_end", "reason": reason, "detail": why.detail if why else ""}
        try:
            self._recording.write_last({**record, "statements": self._conversation.statements})
        except Refused:
            LOG.exception("session %s: its end is not recorded", self.name)
        # In the middle of a row nobody would read it.
        self._client.end(wire.fatal(why) if why and self._conversation.replies.whole else b"")
        task = asyncio.ensure_future(self._close())
        self._tasks.add(task)
        self._around.watch(
            Happened(
                happened="session_ended",
                grant=self.grant.order.grant,
                session=self.name,
                client=self.address,
                reason=reason,
                detail=why.detail if why else "",
                recording=f"{self._recording.path.parent.parent.name}/{self.grant.order.grant}/{self._recording.path.name}",
                digest=self._recording.digest,
                statements=self._conversation.statements,
                refused=self._refused,
            )
        )

    async def _close(self) -> None:
        limits = self._around.limits
        try:
            if len(self._conversation.replies):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.server.cancel(), limits.cancel_seconds)
            self.server.end.end(wire.message(b"X"))
            for end in (self.server.end, self._client):
                try:
                    await asyncio.wait_for(asyncio.shield(end.closed), limits.close_seconds)
                except TimeoutError:
                    # It does not even take its end.
                    end.transport.abort()
        finally:
            self.grant.sessions.discard(self)
            self._recording.close()
            self.ended.set_result(None)

    def _from_client(self, data: bytes) -> None:
        if self._ending:
            return
        if "judging" in self._stopped or "syncing" in self._stopped:
            self._waiting += data
            return
        self._guarded(self._heard, self._take, data)

    def _heard(self, data: bytes) -> Step:
        self.grant.in_time()
        return self._conversation.client(data)

    def _take(self, step: Step) -> None:
        if step.records:
            self._recording.write(step.records)
        for reason, why in step.refusals:
            self._told_refused(reason, why)
            self.grant.budget.refuse()
        onward = b"".join(step.onward)
        if step.records and self._around.sync:
            self._later("syncing", self._synced(self._around.sync, onward, step))
            return
        self._forward(onward, step)

    def _forward(self, onward: bytes, step: Step) -> None:
        if onward:
            self.server.end.send(onward)
        self._count(moved=bool(onward))
        if step.over:
            self.end(None)
        elif step.unjudged is not None:
            self._later("judging", self._judged(step.unjudged))
        elif len(self._conversation.replies) > self._around.limits.pipelined:
            self._stop("pipelined")

    def _count(self, *, moved: bool) -> None:
        """What of the client waits here. Raises Refused: that is too much."""
        sent = self.server.end.transport.get_write_buffer_size() if "full" in self._stopped else 0
        self._waits.now(self._conversation.waiting + sent, moved=moved)

    def _cut(self, why: Refused) -> None:
        self._told_refused(why.reason, why.detail)
        self.end(why)
        if why.reason is Reason.BUDGET:
            self.grant.spent(why)

    async def _judged(self, text: str) -> None:
        judgement = await self._around.judge(text, self.grant.judgements.hidden)
        self._conversation.judged(text, judgement)

    async def _synced(self, sync: Sync, onward: bytes, step: Step) -> None:
        try:
            await sync(self._recording)
        except OSError:
            self.end(unrecorded())
        else:
            if not self._ending:
                self.grant.in_time()
                self._forward(onward, step)

    def _later(self, why: str, work: Awaitable[None]) -> None:
        """Read nothing of the client until `work` is done, and then go on with what it has sent."""
        self._stop(why)

        async def run() -> None:
            try:
                await work
            except Refused as refused:
                self._cut(refused)
            except Exception:
                LOG.exception("session %s", self.name)
                self.end(FAILED)
            self._go(why)
            waiting, self._waiting = self._waiting, b""
            self._from_client(waiting)

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _from_server(self, data: bytes) -> None:
        if not self._ending:
            self._guarded(self._conversation.server, self._give, data)

    def _give(self, step: Step) -> None:
        if step.records:
            self._recording.write_outcomes(step.records)
        for onward in step.onward:
            self._client.send(onward)
        if "pipelined" in self._stopped and len(self._conversation.replies) < self._around.limits.pipelined // 2:
            self._go("pipelined")

    def _guarded(self, hear: Callable[[bytes], Step], act: Callable[[Step], None], data: bytes) -> None:
        try:
            act(hear(data))
        except Refused as why:
            self._cut(why)
        except Exception:  # the seam: whatever it is, nothing goes on
            LOG.exception("session %s", self.name)
            self.end(FAILED)

    def _told_refused(self, reason: Reason, why: str) -> None:
        self._refused += 1
        if self._refused > self._around.limits.refusals_told:
            # How many they were is told at its end, and each is in the recording.
            return
        self._around.watch(
            Happened(
                happened="statement_refused",
                grant=self.grant.order.grant,
                session=self.name,
                client=self.address,
                reason=reason.value,
                detail=why,
            )
        )

    def _client_lost(self) -> None:
        self.end(None)

    def _server_lost(self) -> None:
        self.end(Refused(Reason.UPSTREAM, "08006", "the database has closed the connection"))

    def _server_waits(self, full: bool) -> None:
        # The client does not take what the server sends.
        self.server.end.listen(on=not full)

    def _client_waits(self, full: bool) -> None:
        (self._stop if full else self._go)("full")
        if not full and not self._ending:
            self._count(moved=True)

    def _stop(self, why: str) -> None:
        self._stopped.add(why)
        self._client.listen(on=False)

    def _go(self, why: str) -> None:
        self._stopped.discard(why)
        if not self._stopped:
            self._client.listen(on=True)


def _address(end: End) -> str:
    host, port, *_ = end.transport.get_extra_info("peername") or ("", 0)
    return f"{host}:{port}"
