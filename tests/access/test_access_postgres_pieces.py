"""A message costs what it is long, however small the pieces are in which it comes."""

import tracemalloc
from collections.abc import Callable

import pytest
from postgres_standin import message

from access.postgres.conversation import Conversation
from access.postgres.gathering import Gathering
from access.postgres.judgements import Judgements
from access.postgres.kinds import StatementKind as Kind
from access.postgres.limits import Limits
from access.postgres.refusals import Refused
from access.postgres.replies import Replies

PIECE = 512
BYTES = 512 * 1024


def conversation(limits: Limits | None = None) -> Conversation:
    return Conversation(frozenset({Kind.READ}), Judgements(), limits or Limits(), lambda: 0.0, lambda: 0.0)


def copied(take: Callable[[bytes], object], data: bytes) -> int:
    """How many bytes are allocated in sum while `data` is taken in piece by piece."""
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    found = 0
    tracemalloc.start()
    try:
        for piece in pieces:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            take(piece)
            found += tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return found


def test_the_measure_tells_pieces_that_are_joined_each_time() -> None:
    joined = bytearray()

    def join(piece: bytes) -> None:
        joined[:] = bytes(joined) + piece

    assert copied(join, bytes(BYTES)) > 100 * BYTES


@pytest.mark.parametrize("kind", [b"Q", b"B"])
def test_a_long_message_of_a_client_is_not_copied_with_each_piece(kind: bytes) -> None:
    talk = conversation()
    body = (
        b"SELECT '" + b"x" * BYTES + b"'\0" if kind == b"Q" else b"\0\0\0\0\0\1" + BYTES.to_bytes(4) + bytes(BYTES + 2)
    )
    sent = message(kind, body)
    whole, last = sent[:-1], sent[-1:]
    assert copied(talk.client, whole) < 3 * BYTES
    step = talk.client(last)
    if kind == b"Q":
        assert step.unjudged == body[:-1].decode()
    else:
        assert (step.onward, [each["kind"] for each in step.records]) == ([sent], ["bind"])


def test_a_long_message_of_a_server_is_not_copied_with_each_piece() -> None:
    replies = Replies(lambda: 0.0, lambda: 0.0)
    sent = message(b"N", b"SNOTICE\0M" + b"x" * BYTES + b"\0\0")
    assert copied(replies.feed, sent[:-1]) < 3 * BYTES
    assert replies.feed(sent[-1:] + message(b"N", b"\0")) == sent + message(b"N", b"\0")


def test_what_waits_is_bounded_before_it_waits() -> None:
    talk = conversation(Limits(message_bytes=1000))
    talk.client(message(b"B", bytes(900))[:-1])
    assert talk.waiting == 904
    with pytest.raises(Refused, match="this relay takes 1000"):
        conversation(Limits(message_bytes=1000)).client(message(b"B", bytes(2000))[:5])


def test_whatever_the_pieces_are_the_same_comes_out() -> None:
    sent = message(b"Q", b"SELECT 1\0") + message(b"S") + message(b"Q", b"SELECT 2\0")
    for size in range(1, len(sent)):
        gathering, found = Gathering(), b""
        for at in range(0, len(sent), size):
            buffer = gathering.joined(sent[at : at + size])
            while len(buffer) >= 5 and len(buffer) > (length := int.from_bytes(buffer[1:5])):
                found += buffer[: length + 1]
                buffer = buffer[length + 1 :]
            if buffer:
                gathering.keep(buffer)
        assert (found, len(gathering)) == (sent, 0)
