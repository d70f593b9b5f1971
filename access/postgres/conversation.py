"""One session once both ends are logged in: what each side says, what of it goes on, and what is recorded. Pure.

A message goes on only as a whole and only in a state in which it may come; what does not fit ends the session. The
caller writes `records` down before it sends anything on.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from access.postgres import wire
from access.postgres.gathering import HEAD_BYTES, Gathering
from access.postgres.judgements import Judgements
from access.postgres.kinds import StatementKind
from access.postgres.limits import Limits
from access.postgres.named import Named, Prepared
from access.postgres.refusals import Reason, Refused, malformed
from access.postgres.replies import MARKER, Asked, Record, Replies
from access.postgres.statements import Judgement
from access.postgres.values import recorded_values

# What holds SQL, or might; what may come in a COPY only, and what else may come within one.
TEXTS: Final = frozenset({b"Q", b"P", b"F"})
ROWS: Final = frozenset({b"d", b"c", b"f"})
WITHIN: Final = frozenset({b"H", b"S", b"X"})
Clock = Callable[[], float]


class Step(msgspec.Struct):
    """What comes of some bytes. `unjudged`: a text that has to be judged (elsewhere) before the rest is taken in.

    `refusals`: what was refused, as it is told to whoever watches. `over`: the client has said goodbye.
    """

    records: list[Record] = []
    onward: list[bytes] = []
    refusals: list[tuple[Reason, str]] = []
    unjudged: str | None = None
    over: bool = False


class Conversation:
    """The state between one client and one server."""

    def __init__(
        self, allowed: frozenset[StatementKind], judgements: Judgements, limits: Limits, clock: Clock, now: Clock
    ) -> None:
        """`clock` measures, `now` dates (both in seconds)."""
        self._allowed, self._judgements, self._limits = allowed, judgements, limits
        self._clock, self._now = clock, now
        self.replies = Replies(clock, now)
        self.statements = 0
        self._n = 0
        self._left = Gathering()
        self._named = Named(limits.prepared)
        # The rest of a CopyData that has begun, and what of the COPY has come.
        self._data_left = 0
        self._digest, self._bytes = hashlib.sha256(), 0
        # Rows may come: a COPY was asked for, and the client may not know yet that it failed at the server.
        self._rows = False
        self._once: tuple[str, Judgement] | None = None

    @property
    def waiting(self) -> int:
        """How many bytes of the client wait for the rest of their message."""
        return len(self._left)

    def judged(self, text: str, judgement: Judgement) -> None:
        """The answer to `unjudged`; `client` is to be called again, with what has come meanwhile."""
        self._once = (text, judgement)

    def server(self, data: bytes) -> Step:
        """Bytes of the server. Raises Refused."""
        step = Step()
        step.onward.append(self.replies.feed(data))
        self._rows = self._rows or self.replies.copying
        step.records, self.replies.outcomes = self.replies.outcomes, []
        return step

    def client(self, data: bytes) -> Step:
        """Bytes of the client. Raises Refused."""
        buffer = self._left.joined(data)
        step, at, size = Step(), 0, len(buffer)
        while not step.over:
            if self._data_left:
                at = self._data(buffer, at, step)
            if size - at < HEAD_BYTES:
                break
            kind, length = wire.HEAD.unpack_from(buffer, at)
            if length < 4:  # noqa: PLR2004 -- a length counts itself
                raise malformed("a message shorter than its own length")
            if kind == b"d":
                self._copies(kind)
                step.onward.append(buffer[at : at + HEAD_BYTES])
                at += HEAD_BYTES
                self._data_left = length - 4
                continue
            take = self._taker(kind, length)
            end = at + 1 + length
            if end > size:
                break
            self._copies(kind)
            onward = take(self, buffer[at + HEAD_BYTES : end], step)
            if step.unjudged is not None:
                self._left.keep_whole(buffer[at:])
                return step
            step.onward.append(buffer[at:end] if onward is None else onward)
            at = end
        if at < size:
            self._left.keep(buffer[at:])
        return step

    def _taker(self, kind: bytes, length: int) -> "Taker":
        """Who takes in such a message, if there is one and it is not too long."""
        if (take := _MESSAGES.get(kind)) is None:
            raise malformed(f"a message of the type {kind!r}, which no client sends now")
        if length > self._limits.statement_bytes or length > self._limits.message_bytes:
            most = self._limits.statement_bytes if kind in TEXTS else self._limits.message_bytes
            if length > most:
                raise Refused(Reason.LIMIT, "54000", f"a message of {length} bytes; this relay takes {most}")
        return take

    def _copies(self, kind: bytes) -> None:
        """Whether a message may come now, as far as COPY is concerned."""
        if kind in ROWS:
            if not self._rows:
                raise malformed("rows outside of a COPY")
        elif kind not in WITHIN:
            if self.replies.copying:
                raise malformed("a message within a COPY")
            self._rows = False

    def _data(self, buffer: bytes, at: int, step: Step) -> int:
        part = buffer[at : at + self._data_left]
        self._data_left -= len(part)
        self._digest.update(part)
        self._bytes += len(part)
        step.onward.append(part)
        return at + len(part)

    def _note(self, step: Step, kind: str, **facts: object) -> int:
        self._n += 1
        step.records.append({"at": self._now(), "n": self._n, "kind": kind, **facts})
        return self._n

    def _ask(self, kind: str, n: int = 0, statement: str | None = None, *, rows: bool = False) -> None:
        self.replies.ask(Asked(kind, n, self._clock(), statement, rows))
        self._rows = self._rows or rows

    def _judge(self, text: str, step: Step) -> Judgement | None:
        known = self._judgements.known(text)
        if known is None and self._once and self._once[0] == text:
            known = self._judgements.learn(text, self._once[1])
            self._once = None
        if known is None and len(text) > self._limits.parsed_here_bytes:
            step.unjudged = text
            return None
        return known or self._judgements.judge(text)

    def _refuse(self, step: Step, n: int, reason: Reason, why: str) -> str:
        """The text that takes the place of what is refused."""
        self.replies.refused[n] = why
        step.refusals.append((reason, why))
        return f"{MARKER}{n}"

    def query(self, body: bytes, step: Step) -> bytes | None:
        """Query."""
        text = wire.one_text(body)
        if (judgement := self._judge(text, step)) is None:
            return None
        why = judgement.refusal(self._allowed)
        said = self._named.recorded(text, judgement, passes=not why)
        n = self._note(step, "query", text=said, does=judgement.does, **_refusal(why))
        self._ask("Q", n, rows=StatementKind.COPY_IN in judgement.kinds)
        if why:
            return wire.message(b"Q", wire.text(self._refuse(step, n, Reason.STATEMENT, why)))
        self.statements += 1
        return None

    def parse(self, body: bytes, step: Step) -> bytes | None:
        """Parse."""
        parse = wire.read_parse(body)
        if (judgement := self._judge(parse.text, step)) is None:
            return None
        self._named.require_place(parse.name)
        why = judgement.refusal(self._allowed)
        said = self._named.recorded(parse.text, judgement, passes=not why)
        facts = {"statement": parse.name, "text": said, "does": judgement.does}
        n = self._note(step, "parse", **facts, **_refusal(why))
        self._ask("P", n)
        self._named.parse(parse.name, Prepared(parse.types, judgement.hides))
        self.replies.types.pop(parse.name, None)
        if not why:
            return None
        refused = wire.text(self._refuse(step, n, Reason.STATEMENT, why))
        return wire.message(b"P", wire.text(parse.name) + refused + wire.INT16.pack(0))

    def bind(self, body: bytes, step: Step) -> None:
        """Bind."""
        bind = wire.read_bind(body)
        prepared = self._named.bound(bind.statement)
        types = self.replies.types.get(bind.statement, prepared.types)
        values = recorded_values(bind, types, hides=prepared.hides, most=self._limits.value_bytes)
        self._ask("B", self._note(step, "bind", statement=bind.statement, portal=bind.portal, values=values))

    def describe(self, body: bytes, _: Step) -> None:
        """Describe, which does nothing and is not recorded."""
        kind, name = wire.read_target(body)
        self._ask("D", statement=name if kind == "S" else None)

    def execute(self, body: bytes, step: Step) -> None:
        """Execute."""
        portal, rows = wire.read_execute(body)
        self._ask("E", self._note(step, "execute", portal=portal, most=rows))
        self.statements += 1

    def close(self, body: bytes, step: Step) -> None:
        """Close."""
        kind, name = wire.read_target(body)
        self._ask("C", self._note(step, "close", what="statement" if kind == "S" else "portal", name=name))
        if kind == "S":
            self._named.close(name)
            self.replies.types.pop(name, None)

    def call(self, body: bytes, step: Step) -> bytes:
        """FunctionCall: it names a function by a number and gives it bytes, so nobody can tell what it does."""
        n = self._note(step, "function_call", sha256=hashlib.sha256(body).hexdigest(), refused="function calls")
        self._ask("Q", n)
        why = "function calls by their number are not passed on"
        return wire.message(b"Q", wire.text(self._refuse(step, n, Reason.FUNCTION_CALL, why)))

    def sync(self, body: bytes, _: Step) -> None:
        """Sync."""
        _empty(body)
        self._ask("S")

    def flush(self, body: bytes, _: Step) -> None:
        """Flush."""
        _empty(body)

    def terminate(self, body: bytes, step: Step) -> None:
        """Terminate."""
        _empty(body)
        step.over = True

    def copied(self, body: bytes, step: Step) -> None:
        """CopyDone."""
        _empty(body)
        self._copy_ended(step, "copy_in")

    def failed(self, body: bytes, step: Step) -> None:
        """CopyFail."""
        wire.one_text(body)
        self._copy_ended(step, "copy_given_up")

    def _copy_ended(self, step: Step, kind: str) -> None:
        self._note(step, kind, bytes=self._bytes, sha256=self._digest.hexdigest())
        self._digest, self._bytes = hashlib.sha256(), 0
        self.replies.rows_end()
        self._rows = False


def _refusal(why: str) -> dict[str, str]:
    return {"refused": why} if why else {}


def _empty(body: bytes) -> None:
    if body:
        raise malformed("a message that should hold nothing")


Taker = Callable[[Conversation, bytes, Step], bytes | None]
_MESSAGES: Final[dict[bytes, Taker]] = {
    b"Q": Conversation.query,
    b"P": Conversation.parse,
    b"B": Conversation.bind,
    b"D": Conversation.describe,
    b"E": Conversation.execute,
    b"C": Conversation.close,
    b"F": Conversation.call,
    b"S": Conversation.sync,
    b"H": Conversation.flush,
    b"X": Conversation.terminate,
    b"c": Conversation.copied,
    b"f": Conversation.failed,
}
