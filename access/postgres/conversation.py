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
        # Messages that are no longer are of no type's limit.
        self._unquestioned = min(limits.statement_bytes, limits.message_bytes)
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
        # What stands from `start` to `at` goes on as it came.
        step, start, at, size = Step(), 0, 0, len(buffer)
        while not step.over:
            if self._data_left:
                at = self._data(buffer, at)
            if size - at < HEAD_BYTES:
                break
            kind, length = wire.HEAD.unpack_from(buffer, at)
            if not 4 <= length <= self._unquestioned:  # noqa: PLR2004 -- a length counts itself
                self._require_fitting(kind, length)
            if kind == b"d":
                self._copies(kind)
                at += HEAD_BYTES
                self._data_left = length - 4
                continue
            take = _MESSAGES.get(kind) or _unknown(kind)
            end = at + 1 + length
            if end > size:
                break
            if self._rows or self.replies.copying or kind in ROWS:
                self._copies(kind)
            instead = take(self, buffer[at + HEAD_BYTES : end], step)
            if step.unjudged is not None:
                break
            if instead is not None:
                step.onward += (buffer[start:at], instead)
                start = end
            at = end
        step.onward.append(buffer[start:at])
        self._keep(buffer[at:], step)
        return step

    def _keep(self, rest: bytes, step: Step) -> None:
        if step.unjudged is not None:
            self._left.keep_whole(rest)
        elif rest:
            self._left.keep(rest)

    def _require_fitting(self, kind: bytes, length: int) -> None:
        if length < 4:  # noqa: PLR2004 -- a length counts itself
            raise malformed("a message shorter than its own length")
        most = self._limits.statement_bytes if kind in TEXTS else self._limits.message_bytes
        if length > most and kind in _MESSAGES:
            raise Refused(Reason.LIMIT, "54000", f"a message of {length} bytes; this relay takes {most}")

    def _copies(self, kind: bytes) -> None:
        """Whether a message may come now, as far as COPY is concerned."""
        if kind in ROWS:
            if not self._rows:
                raise malformed("rows outside of a COPY")
        elif kind not in WITHIN:
            if self.replies.copying:
                raise malformed("a message within a COPY")
            self._rows = False

    def _data(self, buffer: bytes, at: int) -> int:
        part = buffer[at : at + self._data_left]
        self._data_left -= len(part)
        self._digest.update(part)
        self._bytes += len(part)
        return at + len(part)

    def _note(self, step: Step, facts: Record) -> int:
        self._n += 1
        step.records.append({"at": self._now(), "n": self._n, **facts})
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
        n = self._note(step, {"kind": "query", "text": said, "does": judgement.does, **_refusal(why)})
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
        facts = {"kind": "parse", "statement": parse.name, "text": said, "does": judgement.does}
        n = self._note(step, {**facts, **_refusal(why)})
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
        facts = {"kind": "bind", "statement": bind.statement, "portal": bind.portal, "values": values}
        self._ask("B", self._note(step, facts))

    def describe(self, body: bytes, _: Step) -> None:
        """Describe, which does nothing and is not recorded."""
        kind, name = wire.read_target(body)
        self._ask("D", statement=name if kind == "S" else None)

    def execute(self, body: bytes, step: Step) -> None:
        """Execute."""
        portal, rows = wire.read_execute(body)
        self._ask("E", self._note(step, {"kind": "execute", "portal": portal, "most": rows}))
        self.statements += 1

    def close(self, body: bytes, step: Step) -> None:
        """Close."""
        kind, name = wire.read_target(body)
        what = "statement" if kind == "S" else "portal"
        self._ask("C", self._note(step, {"kind": "close", "what": what, "name": name}))
        if kind == "S":
            self._named.close(name)
            self.replies.types.pop(name, None)

    def call(self, body: bytes, step: Step) -> bytes:
        """FunctionCall: it names a function by a number and gives it bytes, so nobody can tell what it does."""
        facts = {"sha256": hashlib.sha256(body).hexdigest(), "refused": "function calls"}
        n = self._note(step, {"kind": "function_call", **facts})
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
        self._note(step, {"kind": kind, "bytes": self._bytes, "sha256": self._digest.hexdigest()})
        self._digest, self._bytes = hashlib.sha256(), 0
        self.replies.rows_end()
        self._rows = False


def _unknown(kind: bytes) -> "Taker":
    raise malformed(f"a message of the type {kind!r}, which no client sends now")


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
