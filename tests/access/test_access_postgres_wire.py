"""What the relay passes on is whole, allowed and recorded before, whatever a client sends and however it is cut."""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from postgres_standin import Standin, message, messages

from access.postgres import startup, wire
from access.postgres.conversation import Conversation, Step
from access.postgres.judgements import Judgements
from access.postgres.kinds import StatementKind as Kind
from access.postgres.limits import Limits
from access.postgres.refusals import Refused
from access.postgres.replies import MARKER, Replies
from access.postgres.statements import judge

ALLOWED = frozenset({Kind.READ, Kind.SESSION, Kind.COPY_IN, Kind.COPY_OUT, Kind.TRANSACTION, Kind.PREPARE})
GOOD = ("SELECT 1", "SELECT a FROM notes WHERE b = $1", "BEGIN", "", "SELECT 'ü;'", "COPY notes TO STDOUT", "FETCH c")
FAILING = ("SELECT * FROM nowhere",)
BAD = ("DELETE FROM notes", "WITH x AS (DELETE FROM notes RETURNING *) SELECT 1", "SELECT 1; DROP TABLE notes", "SELEC")
COPY = "COPY notes FROM STDIN"
TOGETHER = ALLOWED | {Kind.WRITE}


@dataclass
class Line:
    """A client, the conversation, and a stand-in for the server, in memory. `heard`: what the client got."""

    allowed: frozenset[Kind] = ALLOWED
    limits: Limits = field(default_factory=Limits)
    records: list[dict[str, Any]] = field(default_factory=list)
    heard: bytes = b""
    over: bool = False

    def __post_init__(self) -> None:
        ticks = iter(range(1 << 40))
        self.server = Standin()
        self.conversation = Conversation(
            self.allowed, Judgements(), self.limits, lambda: float(next(ticks)), lambda: 1.0
        )

    def say(self, data: bytes, cuts: random.Random | None = None) -> None:
        """Of the client; the server's answers come back, in pieces of whatever length."""
        for part in _cut(data, cuts):
            step = self.conversation.client(part)
            while step.unjudged is not None:
                self.conversation.judged(step.unjudged, judge(step.unjudged))
                self._pass(step, cuts)
                step = self.conversation.client(b"")
            self._pass(step, cuts)

    def _pass(self, step: Step, cuts: random.Random | None) -> None:
        self.records += step.records
        self.over = self.over or step.over
        for part in _cut(self.server.feed(b"".join(step.onward)), cuts):
            answer = self.conversation.server(part)
            self.records += answer.records
            self.heard += b"".join(answer.onward)

    def kinds(self) -> str:
        """The types of what the client got."""
        found, rest = messages(self.heard)
        assert rest == b""
        return b"".join(kind for kind, _ in found).decode()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]


def _cut(data: bytes, cuts: random.Random | None) -> Sequence[bytes]:
    if cuts is None or len(data) < 2 or cuts.random() < 0.4:
        return [data] if data else []
    places = sorted(cuts.sample(range(1, len(data)), min(cuts.randint(1, 6), len(data) - 1)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def query(text: str) -> bytes:
    return message(b"Q", text.encode() + b"\0")


def parse(text: str, name: str = "") -> bytes:
    return message(b"P", name.encode() + b"\0" + text.encode() + b"\0\0\0")


def bind(*values: bytes | None, name: str = "", portal: str = "", form: int = 0) -> bytes:
    inner = b"".join(
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values
    )
    head = portal.encode() + b"\0" + name.encode() + b"\0" + struct.pack("!HH", 1, form)
    return message(b"B", head + struct.pack("!H", len(values)) + inner + b"\0\0")


EXECUTE = message(b"E", b"\0\0\0\0\0")
SYNC = message(b"S")


def test_an_error_of_the_relays_comes_at_its_place_and_skips_what_the_servers_own_would() -> None:
    line = Line()
    line.say(query("SELECT 1") + query("DELETE FROM notes") + query("SELECT 2"))
    assert line.kinds() == "CZEZCZ"
    assert b"42501" in line.heard
    assert b"refused by the relay: this grant allows no write" in line.heard
    assert b"42601" not in line.heard
    assert line.server.texts == ["SELECT 1", f"{MARKER}2", "SELECT 2"]
    line = Line()
    line.say(parse("SELECT 1") + bind() + EXECUTE + parse("DELETE FROM notes", "s") + bind(name="s") + EXECUTE)
    line.say(message(b"C", b"Ss\0") + SYNC + parse("SELECT 2") + bind() + EXECUTE + SYNC)
    assert line.kinds() == "12DDDCEZ12DDDCZ"
    outcomes = {record["of"]: record for record in line.of("outcome")}
    by_number = {record["n"]: record["kind"] for record in line.records if "n" in record}
    assert {by_number[n]: record.get("sqlstate") for n, record in outcomes.items() if n in (3, 4)} == {
        "execute": "",
        "parse": "42501",
    }
    assert [n for n, record in outcomes.items() if record.get("skipped")] == [5, 6, 7]


def test_values_are_recorded_as_they_are_meant() -> None:
    line = Line()
    ask = message(b"D", b"Ss\0")
    line.say(parse("SELECT a FROM notes WHERE b = $1", "s") + ask + SYNC)
    # The server has told that the value is an int4; the client never did.
    line.say(bind(struct.pack("!i", 42), name="s", form=1) + EXECUTE + SYNC)
    line.say(bind(b"two", None, b"x" * 5000) + bind(b"\xff", name="t", form=1) + SYNC)
    known, plain, unknown = line.of("bind")
    assert known["values"] == [42]
    # Of a statement that came another way nobody knows what it hides.
    assert unknown["values"] == ["[redacted]"]
    assert plain["values"] == ["[redacted]", None, "[redacted]"]
    line.say(parse("SELECT $1, $2, $3") + bind(b"two", None, b"x" * 5000) + SYNC)
    text, null, long = line.of("bind")[-1]["values"]
    assert (text, null, long["bytes"], len(long["sha256"])) == ("two", None, 5000, 64)


def test_rows_that_are_copied_are_counted_and_digested_before_the_server_has_them_all() -> None:
    line = Line(TOGETHER)
    rows = [b"1\tone\n", b"2\ttwo\n"]
    line.say(query(COPY))
    line.say(b"".join(message(b"d", row) for row in rows) + message(b"c"), random.Random(1))
    assert line.kinds() == "GCZ"
    assert line.server.copied == b"".join(rows)
    (copied,) = line.of("copy_in")
    assert copied["bytes"] == 12
    line.say(query("COPY notes TO STDOUT"), random.Random(2))
    (out,) = line.of("copy_out")
    assert out["bytes"] == 8
    # In the extended protocol the Sync behind COPY is swallowed, and the one behind the rows is answered.
    line.say(parse(COPY) + bind(portal="copying") + message(b"E", b"copying\0\0\0\0\0") + SYNC)
    line.say(message(b"d", rows[0]) + message(b"f", b"enough\0") + SYNC + query("SELECT 1"))
    assert line.kinds().endswith("12GEZCZ")
    assert [record["bytes"] for record in line.of("copy_given_up")] == [6]


def test_rows_may_come_before_the_server_has_asked_for_them_and_after_it_has_given_up() -> None:
    rows = message(b"d", b"1\n") + message(b"c")
    line = Line(TOGETHER)
    line.say(query(COPY) + rows + query("SELECT 1"))
    assert (line.kinds(), line.server.copied) == ("GCZCZ", b"1\n")
    # One that fails, or is refused: its rows are nobody's, and the next statement is answered as ever.
    for text, allowed in (("COPY nowhere FROM STDIN", TOGETHER), (COPY, ALLOWED)):
        line = Line(allowed)
        line.say(query(text) + rows)
        line.say(query("SELECT 1"))
        assert (line.kinds(), line.server.copied) == ("EZCZ", b"")
    for behind in (query("SELECT 1"), SYNC, parse("SELECT 1")):
        with pytest.raises(Refused, match="behind a COPY"):
            Line(TOGETHER).say(query(COPY) + message(b"d", b"1\n") + behind)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (message(b"p", b"SCRAM-SHA-256\0"), "no client sends now"),
        (message(b"z"), "no client sends now"),
        (message(b"d", b"row"), "outside of a COPY"),
        (message(b"c"), "outside of a COPY"),
        (b"Q\0\0\0\3", "shorter than its own length"),
        (b"Q\xff\xff\xff\xff", "this relay takes"),
        (message(b"Q", b"SELECT 1"), "without its end"),
        (message(b"Q"), "without its end"),
        (message(b"D", b"S"), "without its end"),
        (message(b"Q", b"SELECT 1\0DROP TABLE x\0"), "longer than what it holds"),
        (message(b"Q", b"SELECT '\xff'\0"), "not UTF-8"),
        (message(b"P", b"s\0SELECT 1\0\0\2\0\0\0\x17"), "shorter than what it says"),
        (message(b"P", b"s\0SELECT 1\0\0\0DROP TABLE x\0"), "longer than what it holds"),
        (message(b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe"), "shorter than what it says"),
        (message(b"B", b"\0\0\0\1\0\2\0\0\0\0"), "neither text nor binary"),
        (message(b"D", b"Xs\0"), "neither a statement nor a portal"),
        (message(b"S", b"SELECT 1\0"), "should hold nothing"),
        (message(b"X", b"\0"), "should hold nothing"),
        (parse(COPY) + bind() + message(b"E", b"copying\0\0\0\0\0") + parse("SELECT 1"), "behind a COPY"),
    ],
)
def test_what_is_not_of_the_protocol_ends_the_session_and_goes_no_further(sent: bytes, why: str) -> None:
    line = Line(TOGETHER)
    line.say(query("SELECT 1"))
    before = list(line.server.texts)
    with pytest.raises(Refused, match=why):
        line.say(sent)
    assert line.server.texts in (before, [*before, COPY, "SELECT 1"])
    Line(TOGETHER).say(query(COPY) if why == "outside of a COPY" else query("SELECT 1"))


def test_a_message_within_a_copy_ends_the_session() -> None:
    line = Line(TOGETHER)
    line.say(query(COPY))
    with pytest.raises(Refused, match="within a COPY"):
        line.say(message(b"d", b"1\n") + query("SELECT 1"))
    assert line.server.texts == [COPY]


def test_a_function_call_by_number_is_refused_and_recorded() -> None:
    line = Line()
    line.say(message(b"F", struct.pack("!IHHH", 1, 0, 0, 0)) + query("SELECT 1"))
    assert line.kinds() == "EZCZ"
    assert "F" not in line.server.kinds
    assert line.of("function_call")[0]["refused"] == "function calls"


def test_a_server_that_would_read_text_otherwise_is_left() -> None:
    for name, value in (("client_encoding", "SJIS"), ("standard_conforming_strings", "off")):
        line = Line()
        with pytest.raises(Refused, match="would read other text"):
            line.conversation.server(message(b"S", f"{name}\0{value}\0".encode()))
        line.conversation.server(message(b"S", b"client_encoding\0UTF8\0"))


def _random_message(rng: random.Random, copying: bool) -> bytes:
    if copying:
        rows = message(b"d", rng.randbytes(rng.randint(0, 40)))
        return rng.choice((rows, rows, rows, message(b"c"), message(b"f", b"why\0"), SYNC, message(b"H")))
    text = rng.choice(GOOD + FAILING + BAD + (COPY,)) if rng.random() < 0.9 else f"SELECT {rng.randint(0, 999)}"
    name = rng.choice(("", "s", "t"))
    return rng.choice(
        (
            query(text),
            query(COPY) + message(b"d", rng.randbytes(5)) + message(b"c"),
            parse(text, name) + bind(rng.randbytes(rng.randint(0, 9)), name=name, form=rng.randint(0, 1)) + EXECUTE,
            parse(text, name) + SYNC,
            bind(b"1", None, name=name),
            EXECUTE + SYNC,
            message(b"D", rng.choice((b"S", b"P")) + name.encode() + b"\0"),
            message(b"C", b"S" + name.encode() + b"\0"),
            message(b"F", rng.randbytes(10)),
            message(b"H"),
            SYNC,
        )
    )


def _broken(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        match rng.randint(0, 3):
            case 0:
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            case 1:
                del changed[rng.randrange(len(changed)) :]
                changed += rng.randbytes(rng.randint(1, 8))
            case 2:
                changed.insert(rng.randrange(len(changed)), rng.randrange(256))
            case _:
                changed[:0] = rng.randbytes(rng.randint(1, 5))
    return bytes(changed)


def _check(line: Line) -> None:
    """The stand-in got what is recorded as passed on, in that order, and all of it is allowed."""
    told = [record for record in line.records if record["kind"] in ("query", "parse", "function_call")]
    expected = [f"{MARKER}{record['n']}" if "refused" in record else record["text"] for record in told]
    got = line.server.texts
    assert got == expected[: len(got)]
    assert len(expected) - len(got) <= 1
    for text in got:
        assert text.startswith(MARKER) or not judge(text).refusal(line.allowed), text
    assert messages(line.heard)[1] == b""


def _fuzz(seed: int, count: int) -> dict[str, int]:
    rng = random.Random(seed)
    seen = {"messages": 0, "ended": 0, "finished": 0}
    while seen["messages"] < count:
        line = Line(rng.choice((ALLOWED, TOGETHER)))
        try:
            for _ in range(rng.randint(1, 60)):
                seen["messages"] += 1
                said = _random_message(rng, line.conversation.replies.copying)
                line.say(_broken(rng, said) if rng.random() < 0.02 else said, rng)
            seen["finished"] += 1
        except Refused:
            seen["ended"] += 1
        _check(line)
    return seen


def test_twenty_thousand_messages_pass_on_nothing_unrecorded() -> None:
    seen = _fuzz(15, 20_000)
    assert min(seen["ended"], seen["finished"]) > 50, seen


@pytest.mark.soak
def test_a_million_messages_pass_on_nothing_unrecorded() -> None:
    seen = _fuzz(16, 1_000_000)
    assert min(seen["ended"], seen["finished"]) > 2_500, seen


def test_readers_of_whatever_bytes_read_or_refuse() -> None:
    rng = random.Random(17)
    readers = (wire.read_parse, wire.read_bind, wire.read_execute, wire.read_target, wire.one_text, startup.read)
    whole = (
        parse("SELECT 1", "s")[5:],
        bind(b"1", None)[5:],
        EXECUTE[5:],
        b"Ss\0",
        b"x\0",
        wire.startup({"user": "a"})[4:],
    )
    read = 0
    for _ in range(5_000):
        for reader, body in zip(readers, whole, strict=True):
            try:
                reader(_broken(rng, body) if rng.random() < 0.8 else body)
                read += 1
            except Refused:
                pass
    assert 6_000 < read < 30_000


def test_whatever_a_server_sends_is_passed_on_whole_or_ends_the_session() -> None:
    rng = random.Random(18)
    for _ in range(2_000):
        replies = Replies(lambda: 0.0, lambda: 0.0)
        heard, sent = b"", b""
        try:
            for _ in range(20):
                part = rng.choice((message(b"D", rng.randbytes(30)), message(b"C", b"SELECT 1\0"), rng.randbytes(7)))
                for cut in _cut(part, rng):
                    sent += cut
                    heard += replies.feed(cut)
        except Refused:
            pass
        assert sent.startswith(heard)
